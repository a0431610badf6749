"""``labline server``: the API outside JupyterLab."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import sys
from pathlib import Path

import click

DEFAULT_PORT = 8899


@click.command(short_help="Serve the API outside JupyterLab.")
@click.option("--ip", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=".",
    help="The notebooks' folder; by default the current one.",
)
@click.option("--base-url", default="/", show_default=True, help="The path that a gateway serves this server under.")
@click.option("--allow-root", is_flag=True, help="Serve although you are root.")
def server(ip: str, port: int, folder: Path, base_url: str, allow_root: bool) -> None:
    """Serve Labline's API without JupyterLab, on loopback unless told otherwise. A token is required.

    JUPYTER_TOKEN sets the token; without it a new one is made at every start, and printed.
    """
    from labline_backend.errors import InputError
    from labline_backend.home import Home

    if os.geteuid() == 0 and not allow_root:
        raise InputError("Serving as root lets every client act as root: use another user, or --allow-root.")
    Home.find()  # a data folder that cannot be used is told now and not at the first request
    port = _free(ip, port)
    _serve(ip, port, folder, f"/{base_url.strip('/')}/".replace("//", "/"), allow_root)


def _free(ip: str, port: int) -> int:
    """*port*, or a free one for 0. Raises ``InputError`` where nobody can listen there."""
    from labline_backend.errors import InputError

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(ip, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            probe.bind(address)
            return int(probe.getsockname()[1])
    except OSError as error:
        if isinstance(error, socket.gaierror):
            raise InputError(f"{ip} is not an address of this machine.") from error
        in_use = (
            "another program uses it" if error.errno == errno.EADDRINUSE else (error.strerror or str(error)).lower()
        )
        raise InputError(
            f"Nothing can be served on {ip}, port {port}: {in_use}. Choose another with --port."
        ) from error


def _serve(ip: str, port: int, folder: Path, base_url: str, allow_root: bool) -> None:
    """Run a Jupyter server with our extension alone until it is told to stop."""
    from labline_backend.app import LablineApp

    given = os.environ.get("JUPYTER_TOKEN")
    token = given or secrets.token_hex(24)
    settings = {
        "ServerApp.ip": ip,
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder.absolute(),
        "ServerApp.base_url": base_url,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": allow_root,
        "ServerApp.allow_unauthenticated_access": False,
        "ServerApp.answer_yes": True,  # one Ctrl-C stops it
        "ServerApp.log_level": "WARN",
        "IdentityProvider.token": token,  # whatever the user's Jupyter configuration says: never open to everybody
    }
    app = LablineApp.initialize_server(argv=[f"--{name}={value}" for name, value in settings.items()])
    shown = f"[{ip}]" if ":" in ip else ip

    def announce() -> None:
        address = f"http://{shown}:{port}{base_url.rstrip('/')}{LablineApp.extension_url}"
        # Who set the token knows it, and the logs of a server may be read by others.
        login = " with the token in JUPYTER_TOKEN" if given else f"?token={token}"
        click.echo(f"Labline serves {folder.absolute()} at {address}{login}")
        click.echo("Ctrl-C stops it.")
        sys.stdout.flush()

    app.io_loop.add_callback(announce)  # after the callback that opens the port
    app.start()
