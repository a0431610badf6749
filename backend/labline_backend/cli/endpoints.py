"""``labline endpoints``: what is deployed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.service import Service

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
WAIT_SECONDS = 600.0


@click.group()
def endpoints() -> None:
    """Deployed models: list, show, ask, logs, scale, stop, remove. labline deploy makes and changes them."""


@endpoints.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """All endpoints, by name."""
    from labline_backend import wire
    from labline_backend.endpoints import rollouts

    with _service() as service:
        found = service.endpoints.all()
    if as_json:
        terminal.document({"endpoints": [wire.endpoint(each) for each in found]})
        return
    rows = []
    for each in found:
        spec = each.endpoint.spec
        workers = f"{len(each.endpoint.status.workers)}/{spec.workers}" if each.alive else "-"
        shares = rollouts.said(spec.shares)
        rows.append([each.endpoint.name, each.state, spec.model, shares, workers, each.address or "-"])
    terminal.table(["endpoint", "state", "model", "shares", "workers", "address"], rows)


@endpoints.command()
@click.argument("name")
@click.option("--token", "show_token", is_flag=True, help="Print the token and nothing else.")
@as_json_option
def show(name: str, show_token: bool, as_json: bool) -> None:
    """One endpoint: what it serves, how it is, and where."""
    from labline_backend import wire
    from labline_backend.cli.deploy import told

    with _service() as service:
        found = service.endpoints.get(name)
        if show_token:
            click.echo(service.endpoints.token(name))
            return
    if as_json:
        terminal.document(wire.endpoint(found))
        return
    for line in told(found):
        click.echo(line)
    rule = found.endpoint.spec.canary
    if rule is not None:
        click.echo(
            f"Canary: {rule.reference}, taken back at {rule.errors:.0%} more errors than the others, "
            f"or {rule.latency:g} times their latency"
        )


@endpoints.command()
@click.argument("name")
@click.argument("body")
def ask(name: str, body: str) -> None:
    """Ask for predictions: BODY is JSON as MLflow's /invocations takes it; - reads it from standard input.

    {"dataframe_records": [{"a": 1, "b": 2}]}, for example.
    """
    sent = sys.stdin.buffer.read() if body == "-" else body.encode()
    with _service() as service:
        answer = service.endpoints.ask(name, sent)
    click.echo(terminal.plain(answer.decode("utf-8", "replace")))


@endpoints.command()
@click.argument("name")
@click.option("-n", "lines", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many lines.")
@click.option("--access", is_flag=True, help="Who asked for what, where it was deployed with --access-log.")
def logs(name: str, lines: int, access: bool) -> None:
    """The end of an endpoint's log."""
    with _service() as service:
        text = service.endpoints.access_log(name, lines) if access else service.endpoints.log(name, lines)
    for line in text.splitlines():
        click.echo(terminal.plain(line))


@endpoints.command()
@click.argument("name")
@click.argument("workers", type=click.IntRange(1, 64))
def scale(name: str, workers: int) -> None:
    """Have an endpoint run so many WORKERS. No request is lost."""
    with _service() as service:
        wanted = service.endpoints.scale(name, workers)
        found = service.endpoints.wait(name, wanted.endpoint.generation, WAIT_SECONDS)
    click.echo(f"{name} has {len(found.endpoint.status.workers)} workers.")


@endpoints.command()
@click.argument("name")
def stop(name: str) -> None:
    """Stop an endpoint when it has answered what it has. labline deploy starts it again, with the same token."""
    _stopped(name)
    click.echo(f"{name} is stopped.")


@endpoints.command()
@click.argument("name")
def remove(name: str) -> None:
    """Stop an endpoint and forget it, with its token and its log."""
    with _service() as service:
        service.endpoints.remove(name)
    click.echo(f"{name} is removed.")


def _stopped(name: str) -> None:
    from labline_backend.errors import InputError

    with _service() as service:
        if service.endpoints.stop(name).alive:
            raise InputError(f"The endpoint {name} does not stop: labline endpoints logs {name} may say why.")


def _service() -> Service:
    from labline_backend.home import Home
    from labline_backend.service import Service

    return Service(Home.find())
