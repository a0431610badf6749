"""``labline server``: the API outside JupyterLab."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Any

import click

from labline_runtime.dataclass import dataclass

DEFAULT_PORT = 8899
GATEWAY_PROVIDER = "labline_backend.gateway.GatewayIdentityProvider"

secret_file = click.Path(path_type=Path, dir_okay=False, exists=True)


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
@click.option("--user-header", metavar="NAME", help="The header in which a gateway says who asks: no token then.")
@click.option("--user-prefix", default="", metavar="TEXT", help="What precedes the user in that header.")
@click.option(
    "--owner", "owners", multiple=True, envvar="LABLINE_OWNERS", metavar="USER", help="Whom to let in; also several."
)
@click.option("--gateway-peer", "peers", multiple=True, metavar="CIDR", help="The gateway's addresses; also several.")
@click.option("--gateway-secret", type=secret_file, help="A file with what the gateway sends in X-Labline-Gateway.")
@click.option("--gateway-only", is_flag=True, help="The network lets nobody but the gateway reach this port.")
def server(
    ip: str,
    port: int,
    folder: Path,
    base_url: str,
    allow_root: bool,
    user_header: str | None,
    user_prefix: str,
    owners: tuple[str, ...],
    peers: tuple[str, ...],
    gateway_secret: Path | None,
    gateway_only: bool,
) -> None:
    """Serve Labline's API without JupyterLab, on loopback unless told otherwise. A token is required.

    JUPYTER_TOKEN sets the token; without it a new one is made at every start, and printed. With --user-header a gateway
    says who asks, instead.
    """
    from labline_backend.errors import InputError
    from labline_backend.home import Home

    if os.geteuid() == 0 and not allow_root:
        raise InputError("Serving as root lets every client act as root: use another user, or --allow-root.")
    Home.find()  # a data folder that cannot be used is told now and not at the first request
    if user_header is None:
        if user_prefix or owners or peers or gateway_secret or gateway_only:
            raise InputError("What is said of a gateway takes the header that it sets: --user-header NAME.")
        login = _token()
    else:
        login = _gateway(user_header, user_prefix, owners, peers, gateway_secret, gateway_only)
    port = _free(ip, port)
    _serve(ip, port, folder, f"/{base_url.strip('/')}/".replace("//", "/"), allow_root, login)


@dataclass(frozen=True)
class Login:
    """How clients say who they are: the server's settings, and how its address goes on when it is announced."""

    settings: dict[str, Any]
    announced: str


def _token() -> Login:
    given = os.environ.get("JUPYTER_TOKEN")
    token = given or secrets.token_hex(24)
    # Who set the token knows it, and the logs of a server may be read by others.
    announced = " with the token in JUPYTER_TOKEN" if given else f"?token={token}"
    # Whatever the user's Jupyter configuration says: never open to everybody.
    return Login({"IdentityProvider.token": token}, announced)


def _gateway(
    header: str, prefix: str, owners: tuple[str, ...], peers: tuple[str, ...], secret: Path | None, only: bool
) -> Login:
    settings = {
        "ServerApp.identity_provider_class": GATEWAY_PROVIDER,
        "GatewayIdentityProvider.user_header": header,
        "GatewayIdentityProvider.user_prefix": prefix,
        "GatewayIdentityProvider.owners": list(owners),
        "GatewayIdentityProvider.trusted_peers": list(peers),
        "GatewayIdentityProvider.secret_file": str(secret.absolute()) if secret else "",
        "GatewayIdentityProvider.network_is_closed": only,
    }
    return Login(settings, f" for {', '.join(owners)}, whom the gateway names in {header}")


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


def _serve(ip: str, port: int, folder: Path, base_url: str, allow_root: bool, login: Login) -> None:
    """Run a Jupyter server with our extension alone until it is told to stop."""
    from labline_backend.app import LablineApp

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
        **login.settings,
    }
    argv = [
        f"--{name}={each}"
        for name, value in settings.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    app = LablineApp.initialize_server(argv=argv)
    shown = f"[{ip}]" if ":" in ip else ip

    def announce() -> None:
        address = f"http://{shown}:{port}{base_url.rstrip('/')}{LablineApp.extension_url}"
        click.echo(f"Labline serves {folder.absolute()} at {address}{login.announced}")
        click.echo("Ctrl-C stops it.")
        sys.stdout.flush()

    app.io_loop.add_callback(announce)  # after the callback that opens the port
    app.start()
