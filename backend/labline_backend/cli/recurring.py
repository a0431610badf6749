"""``labline recurring``: runs that begin by themselves."""

from __future__ import annotations

import dataclasses
import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal
from labline_backend.cli.run import parameters_of

if TYPE_CHECKING:
    from labline_backend.recurrence.recurring import Recurring
    from labline_backend.service import Service

LOCAL = "local"

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
target_option = click.option(
    "--target", default=LOCAL, metavar="NAME", help="Where they run: a cluster (see labline target list), or here."
)


@click.group()
def recurring() -> None:
    """Runs that begin by themselves, again and again: add, list, edit, pause, resume, remove."""


@recurring.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@target_option
@click.option("--cron", help='When: minute, hour, day, month, day of the week, as in "30 3 * * 1-5".')
@click.option("--every", metavar="TIME", help="Or how long from one run to the next, as 30m, 6h or 1d.")
@click.option("--time-zone", metavar="NAME", help="That of --cron, as Europe/Berlin; by default this machine's.")
@click.option("--name", help="What to call it; by default as the pipeline.")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter; repeatable.")
@click.option("--catch-up", is_flag=True, help="Make up for every run that was missed, not only for the last one.")
@click.option("--at-most", type=click.IntRange(1, 10), default=1, metavar="N", help="Runs of it that go on at once; 1.")
@click.option("--no-cache", is_flag=True, help="Run every step each time, even those whose result is known.")
@as_json_option
def add(
    notebook: Path,
    target: str,
    cron: str | None,
    every: str | None,
    time_zone: str | None,
    name: str | None,
    given: tuple[str, ...],
    catch_up: bool,
    at_most: int,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Have NOTEBOOK, as it is now, run whenever --cron says so, or after --every so much time.

    Runs of this machine begin while JupyterLab or labline server runs.
    """
    from labline_backend import recurring
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.errors import InputError
    from labline_backend.recurrence.reading import seconds_of
    from labline_backend.recurrence.recurring import Wish
    from labline_backend.recurrence.timing import Timing

    parameters = parameters_of(given)
    try:
        timing = Timing(cron, None if every is None else seconds_of(every), time_zone)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with _service() as service:
        try:
            added, findings = recurring.add(
                service,
                notebook,
                timing,
                Wish(name, catch_up, at_most, not no_cache),
                notebook=str(notebook),
                target=target,
                parameters=parameters,
            )
        except InputError as error:
            terminal.refuse(error.message, error.findings, as_json=as_json, name=str(notebook))
            sys.exit(BAD_INPUT)
        if as_json:
            terminal.document(dataclasses.asdict(added))
            return
        terminal.findings(str(notebook), findings)
        click.echo(f"{added.name}: {_when(added)}.{_following(added)}")
        _tell_where_nobody_follows(service, [added])


@recurring.command("list")
@target_option
@as_json_option
def list_(target: str, as_json: bool) -> None:
    """Those that there are, whoever made them."""
    from labline_backend import recurring

    with _service() as service:
        found = recurring.all_(service, target)
        if as_json:
            terminal.document({"recurring": [dataclasses.asdict(each) for each in found]})
            return
        rows = [
            [each.name, _when(each), _moment(each), "paused" if each.paused else "on", each.cron or "-", each.id]
            for each in found
        ]
        terminal.table(["name", "when", "next", "state", "cron", "id"], rows)
        for each in found:
            if each.problem:
                click.echo(f"{each.name} could not begin its last run. {each.problem}", err=True)
        _tell_where_nobody_follows(service, found)


@recurring.command()
@click.argument("name", metavar="NAME|ID")
@target_option
@click.option("--cron", help='When from now on: minute, hour, day, month, day of the week, as in "30 3 * * 1-5".')
@click.option("--every", metavar="TIME", help="Or how long from one run to the next, as 30m, 6h or 1d.")
@click.option("--time-zone", metavar="NAME", help="That of the cron expression, as Europe/Berlin.")
@click.option("--name", "new_name", metavar="NEW", help="What to call it.")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter; repeatable.")
@click.option("--catch-up/--no-catch-up", default=None, help="Make up for every run that was missed, or for the last.")
@click.option("--at-most", type=click.IntRange(1, 10), metavar="N", help="Runs of it that go on at once.")
@as_json_option
def edit(
    name: str,
    target: str,
    cron: str | None,
    every: str | None,
    time_zone: str | None,
    new_name: str | None,
    given: tuple[str, ...],
    catch_up: bool | None,
    at_most: int | None,
    as_json: bool,
) -> None:
    """Have one be another in what is said; the rest, and the notebook that it runs, stay as they are."""
    from labline_backend import recurring
    from labline_backend.recurrence.reading import seconds_of
    from labline_backend.recurrence.recurring import Change
    from labline_backend.recurrence.timing import Timing

    try:
        timing = Timing(cron, None if every is None else seconds_of(every), time_zone)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    change = Change(None if timing == Timing() else timing, new_name, catch_up, at_most, parameters_of(given) or None)
    with _service() as service:
        edited = recurring.edit(service, name, change, target=target)
        if as_json:
            terminal.document(dataclasses.asdict(edited))
            return
        click.echo(f"{edited.name}: {_when(edited)}.{_following(edited)}".rstrip())


@recurring.command()
@click.argument("name", metavar="NAME|ID")
@target_option
def pause(name: str, target: str) -> None:
    """Have one begin no runs until it is resumed."""
    _pause(name, target, paused=True)


@recurring.command()
@click.argument("name", metavar="NAME|ID")
@target_option
def resume(name: str, target: str) -> None:
    """Have one go on that pauses."""
    _pause(name, target, paused=False)


@recurring.command()
@click.argument("name", metavar="NAME|ID")
@target_option
def remove(name: str, target: str) -> None:
    """Have one begin no more runs. Those that it has begun stay; on a cluster, one that goes on ends."""
    from labline_backend import recurring

    with _service() as service:
        found = recurring.remove(service, name, target=target)
    click.echo(f"{found.name} is removed.")


def _pause(name: str, target: str, *, paused: bool) -> None:
    from labline_backend import recurring

    with _service() as service:
        found = recurring.pause(service, name, paused=paused, target=target)
        click.echo(f"{found.name} pauses." if paused else f"{found.name} goes on.{_following(found)}".rstrip())
        if not paused:
            _tell_where_nobody_follows(service, [found])


def _when(found: Recurring) -> str:
    """In words, with whose clock it goes by."""
    said = found.reading or found.cron or "by other means"
    if found.interval is not None:
        return said
    return f"{said} ({found.time_zone or 'by the clock of ' + found.target})"


def _following(found: Recurring) -> str:
    return f" The next run: {_moment(found)}." if found.next is not None else ""


def _moment(found: Recurring) -> str:
    """When the next run begins, by the clock that it goes by."""
    from labline_backend.recurrence.zones import zone_of

    if found.next is None:
        return "-"
    zone = None if found.time_zone is None else zone_of(found.time_zone)
    return datetime.datetime.fromtimestamp(found.next, zone).strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")


def _tell_where_nobody_follows(service: Service, found: list[Recurring]) -> None:
    from labline_backend.clock import is_followed

    if any(each.target == LOCAL and not each.paused for each in found) and not is_followed(service.home):
        click.echo(
            "Nothing here begins runs at present: they begin while JupyterLab or labline server runs "
            f"with the data folder {service.home.root}.",
            err=True,
        )


def _service() -> Service:
    from labline_backend.home import Home
    from labline_backend.service import Service

    return Service(Home.find())
