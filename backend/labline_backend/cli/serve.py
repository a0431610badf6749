"""``labline serve``: a registered model over HTTP."""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from labline_backend.home import Home
    from labline_backend.serving.needs import Resolved
    from labline_backend.serving.predictor import Predictor
    from labline_backend.serving.privacy import Privacy
    from labline_backend.serving.server import Address, Settings

DEFAULT_PORT = 8900


@click.command(short_help="Serve a registered model over HTTP.")
@click.argument("model", metavar="MODEL[@ALIAS|/VERSION]", required=False)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Serve the MLflow model in this folder, and no registry's. Loading it runs its code.",
)
@click.option("--name", help="With --folder: what to call the model. [default: as the folder]")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one.")
@click.option(
    "--grpc-port", type=click.IntRange(0, 65535), metavar="PORT", help="Serve gRPC, too, on this port; 0: any free one."
)
@click.option("--token-env", metavar="NAME", help="The environment variable that holds the token; else one is made.")
@click.option(
    "--max-body", type=click.IntRange(1, 2048), default=16, show_default=True, metavar="MIB", help="The largest body."
)
@click.option(
    "--queue", type=click.IntRange(1, 100_000), default=512, show_default=True, help="Requests that may wait at once."
)
@click.option(
    "--deadline", type=click.FloatRange(0.1, 3600), default=30.0, show_default=True, help="Seconds until an answer."
)
@click.option(
    "--log-requests",
    "log_rate",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="RATE",
    help="Keep this share of requests and answers in the data folder, for `labline monitor`. By default none.",
)
@click.option(
    "--log-column",
    "levels",
    multiple=True,
    metavar="COLUMN=LEVEL",
    help="How a column is kept: full, hashed or off; * is all others. Repeatable.",
)
@click.option("--log-events", "events", metavar="URL", help="Send what is kept there, too, as CloudEvents.")
@click.option("--access-log", metavar="FILE", help="Write a line of JSON for each request; - is standard output.")
@click.option(
    "--onnx",
    "bound",
    type=click.FloatRange(0, 0.1),
    default=0.0,
    metavar="BOUND",
    help="Answer by ONNX Runtime where labels are equal and scores within BOUND (1e-6). By default never.",
)
@click.option(
    "--environment",
    type=click.Choice(["model", "server"]),
    default="model",
    show_default=True,
    help="model: in an environment of its own, made by uv, where it was made with other packages than are installed "
    "beside Labline; server: never.",
)
def serve(
    model: str | None,
    folder: Path | None,
    name: str | None,
    host: str,
    port: int,
    grpc_port: int | None,
    token_env: str | None,
    max_body: int,
    queue: int,
    deadline: float,
    log_rate: float,
    levels: tuple[str, ...],
    events: str | None,
    access_log: str | None,
    bound: float,
    environment: str,
) -> None:
    """Serve a registered MODEL, by default its newest version, until Ctrl-C or SIGTERM.

    The Open Inference Protocol V2 and MLflow's /invocations, on loopback unless told otherwise. A token is required.
    Loading a model runs its code: serve models of a registry that you trust.
    """
    from labline_backend.errors import InputError
    from labline_backend.home import Home
    from labline_backend.serving.environments import NEEDED, ONE_THREAD

    os.environ.update({**ONE_THREAD, **os.environ})  # before anything is imported that reads them

    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"Serving needs {', '.join(missing)}: pip install 'labline[serving]'.")
    if grpc_port is not None and importlib.util.find_spec("grpc") is None:
        raise InputError("gRPC needs grpcio: pip install 'labline[grpc]'.")
    variables = dict(os.environ)  # as what may take the place of this process needs them
    token, made = _token(token_env)
    home = Home.find()
    if (model is None) == (folder is None):
        raise InputError("Name a registered model, or --folder of one that is not registered.")
    called = model or name or folder.absolute().name  # type: ignore[union-attr]
    click.echo(f"{called} is being loaded ...", err=True)

    def announce(address: Address, predictor: Predictor) -> None:
        version = predictor.version
        click.echo(f"{version} is served at {address.http}/v2/models/{version.name} and {address.http}/invocations")
        if address.grpc is not None:
            click.echo(f"gRPC: {address.grpc}")
        click.echo(f"Asked by: {predictor.verdict}")
        if not _is_loopback(address.http):
            click.echo("Nothing is encrypted: whoever can listen on the way reads the token.", err=True)
        if made:
            click.echo(f"Token: {token}")
        click.echo("Ctrl-C stops it.")
        sys.stdout.flush()

    from labline_backend.registry import ModelReference, RegisteredVersion, RegistryError
    from labline_backend.serving.access_log import AccessLogError
    from labline_backend.serving.checks import LoadError
    from labline_backend.serving.engine import Limits
    from labline_backend.serving.listening import ListenError
    from labline_backend.serving.server import ElsewhereError, Settings
    from labline_backend.serving.server import serve as serve_model

    limits = Limits(waiting=queue, deadline=deadline)
    privacy, events = kept_as(levels, events)
    settings = Settings(
        token,
        host,
        port,
        max_body << 20,
        limits,
        log_rate,
        environment == "server",
        access_log,
        grpc_port,
        bound,
        privacy,
        events,
    )
    try:
        asked = ModelReference.parse(called) if folder is None else RegisteredVersion(called, "1", str(folder))
        serve_model(asked, home, settings, announce)
    except ElsewhereError as error:
        _serve_elsewhere(error.resolved, home, settings, variables)
    except (RegistryError, LoadError, ListenError) as error:
        raise InputError(str(error)) from error
    except AccessLogError as error:
        raise InputError(f"The access log {access_log} cannot be written: {error.strerror}.") from error


def _serve_elsewhere(resolved: Resolved, home: Home, settings: Settings, variables: dict[str, str]) -> NoReturn:
    """Have the same command take the place of this process in an environment of the model's own."""
    import asyncio

    from labline_backend.errors import InputError
    from labline_backend.serving.environments import GRPC, ONNX, Environments, Place
    from labline_backend.serving.needs import NeedsError

    async def tell(message: str) -> None:
        click.echo(f"labline {message} ...", err=True)

    environments = Environments(home)
    extras = (*(GRPC if settings.grpc_port is not None else ()), *(ONNX if settings.bound else ()))

    async def found_place() -> Place:
        making = asyncio.current_task()
        assert making is not None  # noqa: S101 - this is one
        for number in (signal.SIGTERM, signal.SIGHUP):  # uv is in a session of its own, and ends with us all the same
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
                asyncio.get_running_loop().add_signal_handler(number, making.cancel)
        return await environments.place(str(resolved.version), resolved.needs, extras, tell)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # the server has taken it; asyncio cancels at it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        place = asyncio.run(found_place())
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None
    except NeedsError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise home.error(error) from error
    environments.keep_through_exec()
    sys.stdout.flush()
    given = sys.argv[1:]
    end = given.index("--") if "--" in given else len(given)
    given[end:end] = ["--environment", "server"]
    os.execve(  # noqa: S606 - the interpreter of an environment that was made here
        place.python, [place.python, "-P", "-m", "labline_backend", *given], place.variables(variables)
    )


def _is_loopback(address: str) -> bool:
    import ipaddress
    from urllib.parse import urlsplit

    return ipaddress.ip_address(urlsplit(address).hostname or "").is_loopback


def _token(variable: str | None) -> tuple[str, bool]:
    """The token, and whether it was made here."""
    from labline_backend.errors import InputError

    if variable is None:
        return secrets.token_hex(24), True
    token = os.environ.pop(variable, "").strip()  # what the model's code starts need not know it
    if not token or not token.isascii():
        raise InputError(f"The environment variable {variable} holds no token: set it to some ASCII characters.")
    return token, False


def kept_as(levels: Sequence[str], events: str | None) -> tuple[Privacy, str | None]:
    """What ``--log-column`` and ``--log-events`` say. Raises ``click.BadParameter``."""
    from labline_backend.serving.event_sink import EventSinkError, check_address
    from labline_backend.serving.privacy import Privacy, PrivacyError
    from labline_backend.store.payloads import NOWHERE

    try:
        return Privacy.parse(levels), events if events in (None, NOWHERE) else check_address(events)
    except PrivacyError as error:
        raise click.BadParameter(str(error), param_hint="--log-column") from error
    except EventSinkError as error:
        raise click.BadParameter(str(error), param_hint="--log-events") from error
