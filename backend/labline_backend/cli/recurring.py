"""``labline recurring``: runs that a cluster begins by itself."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal
from labline_backend.cli.run import parameters_of

if TYPE_CHECKING:
    from labline_backend.service import Service

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
target_option = click.option("--target", required=True, metavar="NAME", help="The cluster; see labline target list.")


@click.group()
def recurring() -> None:
    """Runs that a cluster begins by itself, again and again: add, list, pause, go on with, remove."""


@recurring.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@target_option
@click.option("--cron", required=True, help='When: minute, hour, day, month, day of the week, as in "30 3 * * 1-5".')
@click.option("--name", help="What to call it; by default as the pipeline.")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter; repeatable.")
@click.option("--no-cache", is_flag=True, help="Run every step each time, even those whose result is known.")
@as_json_option
def add(
    notebook: Path, target: str, cron: str, name: str | None, given: tuple[str, ...], no_cache: bool, as_json: bool
) -> None:
    """Have NOTEBOOK, as it is now, run on a cluster whenever --cron says so, at most one run at a time."""
    from labline_backend import recurring
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.errors import InputError

    parameters = parameters_of(given)
    with _service() as service:
        try:
            added, findings = recurring.add(
                service,
                notebook,
                notebook=str(notebook),
                target=target,
                cron=cron,
                name=name,
                parameters=parameters,
                cache=not no_cache,
            )
        except InputError as error:
            terminal.refuse(error.message, error.findings, as_json=as_json, name=str(notebook))
            sys.exit(BAD_INPUT)
    if as_json:
        terminal.document(dataclasses.asdict(added))
    else:
        terminal.findings(str(notebook), findings)
        click.echo(f"{added.name}: runs on {target} at {added.cron} (seconds first), as {added.id}")


@recurring.command("list")
@target_option
@as_json_option
def list_(target: str, as_json: bool) -> None:
    """Those that a cluster has, whoever made them."""
    from labline_backend import recurring

    with _service() as service:
        found = recurring.all_(service, target)
    if as_json:
        terminal.document({"recurring": [dataclasses.asdict(each) for each in found]})
    else:
        rows = [[each.name, each.cron or "-", "paused" if each.paused else "on", each.id] for each in found]
        terminal.table(["name", "cron (seconds first)", "state", "id"], rows)


@recurring.command()
@click.argument("name", metavar="NAME|ID")
@target_option
@click.option("--undo", is_flag=True, help="Have it go on.")
def pause(name: str, target: str, undo: bool) -> None:
    """Have one begin no runs for the time being."""
    from labline_backend import recurring

    with _service() as service:
        found = recurring.pause(service, target, name, paused=not undo)
    click.echo(f"{found.name} {'pauses' if found.paused else 'goes on'}.")


@recurring.command()
@click.argument("name", metavar="NAME|ID")
@target_option
def remove(name: str, target: str) -> None:
    """Have one begin no more runs. Those that it has begun stay."""
    from labline_backend import recurring

    with _service() as service:
        found = recurring.remove(service, target, name)
    click.echo(f"{found.name} is removed.")


def _service() -> Service:
    from labline_backend.home import Home
    from labline_backend.service import Service

    return Service(Home.find())
