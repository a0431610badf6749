"""``labline mlflow``: MLflow's own user interface."""

from __future__ import annotations

import sys

import click

DEFAULT_PORT = 5000  # MLflow's own


@click.command(short_help="Serve MLflow's user interface on what runs recorded.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one.")
def mlflow(port: int) -> None:
    """Serve MLflow's user interface on what runs recorded, on this machine only, until Ctrl-C."""
    from labline_backend.errors import InputError
    from labline_backend.home import Home
    from labline_backend.tracking.ui import UIError, serve_ui

    click.echo("MLflow is starting ...", err=True)
    try:
        sys.exit(serve_ui(Home.find(), port, _announce))
    except UIError as error:
        raise InputError(str(error)) from error


def _announce(address: str) -> None:
    click.echo(f"MLflow's user interface: {address} (Ctrl-C stops it)")
    sys.stdout.flush()
