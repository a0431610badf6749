"""``labline deploy``: a registered model as an endpoint, here or on a cluster with KServe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.endpoints.deploying import Found

WAIT_SECONDS = 600.0


class Weights(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """``champion=90,challenger=10``."""

    name = "split"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, int]:
        """Weights by alias or number."""
        if isinstance(value, dict):
            return value
        found: dict[str, int] = {}
        for part in str(value).split(","):
            name, equals, weight = (piece.strip() for piece in part.partition("="))
            if not (name and equals and weight.isdecimal()):
                self.fail(f"{part!r} is no share: write it like champion=90,challenger=10.", param, ctx)
            if name in found:
                self.fail(f"{name} is given twice.", param, ctx)
            found[name] = int(weight)
        return found


@click.command(short_help="Serve a registered model as an endpoint that stays.")
@click.argument("model", metavar="MODEL[@ALIAS|/VERSION]")
@click.option("--name", metavar="NAME", help="What to call the endpoint; by default as the model.")
@click.option(
    "--split", type=Weights(), metavar="ALIAS=N,...", help="Share the requests: champion=90,challenger=10, for example."
)
@click.option("--shadow", metavar="ALIAS", help="A version that is asked the same, compared, and never answered from.")
@click.option("--canary", metavar="ALIAS", help="One of the split, taken back by itself when it does worse.")
@click.option(
    "--max-errors",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="How many more of a canary's answers may be errors than of the others'. [default: 5]",
)
@click.option(
    "--max-latency",
    type=click.FloatRange(1),
    metavar="FACTOR",
    help="How many times as long nine tenths of a canary's answers may take. [default: 3]",
)
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that answer. [default: 1]")
@click.option("--host", help="The address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="By default any free one, which it keeps.")
@click.option("--max-body", type=click.IntRange(1, 2048), metavar="MIB", help="The largest body. [default: 16]")
@click.option("--queue", type=click.IntRange(1, 100_000), help="Requests that may wait in a worker. [default: 512]")
@click.option("--deadline", type=click.FloatRange(0.1, 3600), help="Seconds until an answer. [default: 30]")
@click.option(
    "--log-requests", "log_rate", type=click.FloatRange(0, 1), metavar="RATE", help="Keep this share of what is asked."
)
@click.option(
    "--log-column",
    "levels",
    multiple=True,
    metavar="COLUMN=LEVEL",
    help="How a column is kept: full, hashed or off; * is all others. Repeatable.",
)
@click.option(
    "--log-events", "events", metavar="URL|off", help="Send what is kept there, too, as CloudEvents; off: no more."
)
@click.option(
    "--onnx",
    "bound",
    type=click.FloatRange(0, 0.1),
    metavar="BOUND",
    help="Answer by ONNX Runtime where labels are equal and scores within BOUND (1e-6); 0 turns it off.",
)
@click.option("--grpc/--no-grpc", default=None, help="Serve gRPC, too, on a port of its own. [default: no]")
@click.option(
    "--grpc-port", type=click.IntRange(0, 65535), metavar="PORT", help="Which one; 0 is any free one, which it keeps."
)
@click.option(
    "--access-log/--no-access-log",
    default=None,
    help="Write a line of JSON for each request, for `labline endpoints logs --access`. [default: no]",
)
@click.option(
    "--environment",
    type=click.Choice(["model", "server"]),
    help="model: in an environment of its own, made by uv, where it was made with other packages than are installed "
    "beside Labline; server: never. [default: model]",
)
@click.option("--target", type=click.Choice(["local", "kserve"]), default="local", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="For kserve: the file to write.")
@click.option("--image", help="For kserve: the image of the server. [default: labline-server:VERSION]")
@click.option("--namespace", help="For kserve: the namespace to name in the objects.")
@click.option("--storage", metavar="URI", help="For kserve: where the model lies, if not where the registry says.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def deploy(
    model: str,
    name: str | None,
    split: dict[str, int] | None,
    shadow: str | None,
    canary: str | None,
    max_errors: float | None,
    max_latency: float | None,
    workers: int | None,
    host: str | None,
    port: int | None,
    max_body: int | None,
    queue: int | None,
    deadline: float | None,
    log_rate: float | None,
    levels: tuple[str, ...],
    events: str | None,
    bound: float | None,
    grpc: bool | None,
    grpc_port: int | None,
    access_log: bool | None,
    environment: Literal["model", "server"] | None,
    target: str,
    output: Path | None,
    image: str | None,
    namespace: str | None,
    storage: str | None,
    as_json: bool,
) -> None:
    """Serve a registered MODEL, by default its newest version, as an endpoint: processes that outlive this command.

    Of an endpoint that runs already, this changes what it serves without losing a request. What is not said stays, but
    for the versions and their shares. Loading a model runs its code: deploy models of a registry that you trust.
    """
    from labline_backend import wire
    from labline_backend.cli.serve import kept_as
    from labline_backend.endpoints.deploying import Wish
    from labline_backend.endpoints.kserve import Place
    from labline_backend.home import Home
    from labline_backend.service import Service

    privacy, events = kept_as(levels, events)
    wish = Wish(
        model=model,
        name=name,
        split=split,
        shadow=shadow,
        canary=canary,
        max_errors=None if max_errors is None else max_errors / 100,
        max_latency=max_latency,
        workers=workers,
        host=host,
        port=port,
        body_bytes=None if max_body is None else max_body << 20,
        waiting=queue,
        deadline=deadline,
        log_rate=log_rate,
        bound=bound,
        privacy=privacy.levels if levels else None,
        events=events,
        access_log=access_log,
        environment=environment,
        grpc=grpc,
        grpc_port=grpc_port,
    )
    with Service(Home.find()) as service:
        if target == "kserve":
            _write_kserve(service.endpoints.kserve(wish, Place(namespace, image, storage)), output)
            return
        wanted = service.endpoints.deploy(wish)
        if not as_json:
            click.echo(f"{wanted.endpoint.name}: the model is being loaded ...", err=True)

        def tell(message: str) -> None:
            if not as_json:
                click.echo(f"{wanted.endpoint.name}: {message} ...", err=True)

        found = service.endpoints.wait(wanted.endpoint.name, wanted.endpoint.generation, WAIT_SECONDS, tell)
    if as_json:
        terminal.document(wire.endpoint(found))
        return
    for line in told(found):
        click.echo(line)
    click.echo(f"It runs on its own. labline endpoints stop {found.endpoint.name} ends it.")
    sys.stdout.flush()


def _write_kserve(objects: list[dict[str, Any]], output: Path | None) -> None:
    import yaml

    from labline_backend.endpoints.kserve import TOKEN_KEY, secret_of

    text = yaml.safe_dump_all(objects, sort_keys=False)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")
    place = "-" if output is None else str(output)
    name = objects[-1]["metadata"]["name"]
    click.echo(
        f"Make a token once: kubectl create secret generic {secret_of(name)} --from-literal={TOKEN_KEY}=...\n"
        f"Then: kubectl apply -f {place}",
        err=True,
    )


def told(found: Found) -> Iterator[str]:
    """An endpoint for a person."""
    endpoint = found.endpoint
    status, spec = endpoint.status, endpoint.spec
    state = terminal.coloured(found.state)
    yield f"{endpoint.name}: {state}{f', {status.message}' if status.message else ''}"
    if found.alive and found.address:
        yield f"At {found.address}/v2/models/{spec.model}/infer and {found.address}/invocations"
        if found.grpc_address:
            yield f"gRPC: {found.grpc_address}"
        if spec.host not in ("127.0.0.1", "::1", "localhost"):
            yield f"It listens on {spec.host}, and nothing is encrypted: whoever can listen on the way reads the token."
        yield f"Its token is in {found.token_file}, for you alone to read."
        yield f"Through a Jupyter server that has Labline: labline/endpoints/{endpoint.name}/"
    for line in status.asked_by:
        yield f"Asked by: {line}"
