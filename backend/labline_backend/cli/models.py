"""``labline models``: registered models side by side, and which of them is put to use."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.models.conditions import Judgement
    from labline_backend.models.records import Model, Version
    from labline_backend.models.shelf import Shelf

METRICS = 6  # columns of metrics that a terminal has room for

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
alias_option = click.option("--alias", default="champion", show_default=True, metavar="NAME", help="Which alias.")
version_argument = click.argument("model", metavar="MODEL[@ALIAS|/VERSION]")
reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; it is recorded.")


@click.group()
def models() -> None:
    """Registered models: list, show, compare, gate, approve, promote, rollback."""


@models.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """All of them, by name."""
    with _shelf() as shelf:
        found = shelf.all_()
    if as_json:
        terminal.document({"models": [dataclasses.asdict(line) for line in found]})
    elif not found:
        click.echo("No model is registered yet: run a pipeline that registers one.")
    else:
        terminal.table(
            ["model", "newest", "aliases", "changed"],
            [
                [terminal.plain(line.name), line.newest or "-", _aliases(line.aliases), terminal.moment(line.updated)]
                for line in found
            ],
            right=(1,),
        )


@models.command()
@click.argument("model", metavar="MODEL")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most this many.")
@as_json_option
def show(model: str, limit: int, as_json: bool) -> None:
    """The versions of MODEL with their metrics, its gate, and what has happened to its aliases."""
    with _shelf() as shelf:
        found = shelf.model(model, limit)
    if as_json:
        terminal.document(dataclasses.asdict(found))
        return
    click.echo(f"{terminal.plain(found.name)}  {_aliases(found.aliases)}".rstrip(" -"))
    if found.description:
        click.echo(terminal.plain(found.description))
    click.echo()
    _versions(found.versions)
    if found.older:
        click.echo(f"and {terminal.plural(found.older, 'older version')}")
    _told(found)


@models.command()
@click.argument("versions", metavar="MODEL/VERSION MODEL/VERSION ...", nargs=-1, required=True)
@as_json_option
def compare(versions: tuple[str, ...], as_json: bool) -> None:
    """The metrics of versions, side by side."""
    from labline_backend.registry import ModelReference

    with _shelf() as shelf:
        found = [shelf.version(ModelReference.parse(text)) for text in versions]
    if as_json:
        terminal.document({"versions": [dataclasses.asdict(version) for version in found]})
        return
    names = sorted({name for version in found for name in version.metrics})
    if not names:
        click.echo("None of them has a metric.")
        return
    terminal.table(
        ["metric", *(f"{version.name}/{version.version}" for version in found)],
        [[terminal.plain(name), *(_metric(version, name) for version in found)] for name in names],
        right=range(1, len(found) + 1),
    )


@models.command()
@click.argument("model", metavar="MODEL")
@click.argument("conditions", metavar="[CONDITION ...]", nargs=-1)
@click.option("--clear", is_flag=True, help="Ask for nothing any more.")
@as_json_option
def gate(model: str, conditions: tuple[str, ...], clear: bool, as_json: bool) -> None:
    """What a version of MODEL must fulfil to be promoted; without a CONDITION, what that is now.

    A CONDITION is 'auc >= 0.8', 'rmse <= champion', 'auc/* >= champion - 0.01' (all slices), 'approvals >= 1', or
    'verified'. They take the place of all there were.
    """
    if clear and conditions:
        raise click.UsageError("--clear takes no CONDITION.")
    with _shelf() as shelf:
        asked = shelf.set_gate(model, conditions) if conditions or clear else shelf.model(model, 1).gate
    if as_json:
        terminal.document({"model": model, "gate": asked})
    elif asked:
        for condition in asked:
            click.echo(terminal.plain(condition))
    else:
        click.echo(
            f"{terminal.plain(model)} asks for nothing: labline models gate {terminal.plain(model)} 'auc >= 0.8'"
        )


@models.command()
@version_argument
@click.option("--note", default="", metavar="TEXT", help="What there is to say about it.")
@as_json_option
def approve(model: str, note: str, as_json: bool) -> None:
    """Record that you are for putting a version to use."""
    from labline_backend.registry import ModelReference

    with _shelf() as shelf:
        version = shelf.approve(ModelReference.parse(model), _who(), note)
    if as_json:
        terminal.document(dataclasses.asdict(version))
    else:
        people = sorted({approval.who for approval in version.approvals})
        click.echo(terminal.plain(f"{version.name}/{version.version} is approved by {', '.join(people)}."))


@models.command()
@version_argument
@click.option("--to", "alias", default="champion", show_default=True, metavar="ALIAS", help="Which alias it gets.")
@click.option("--force", is_flag=True, help="In spite of its gate; needs --reason.")
@click.option("--dry-run", is_flag=True, help="Say what the gate says, and change nothing.")
@reason_option
@as_json_option
def promote(model: str, alias: str, force: bool, dry_run: bool, reason: str, as_json: bool) -> None:
    """Give an alias to a version that passes its model's gate; exit code 1 where it does not."""
    from labline_backend.cli.failures import FAILED
    from labline_backend.registry import ModelReference

    if force and dry_run:
        raise click.UsageError("--dry-run and --force do not go together.")
    with _shelf() as shelf:
        reference = ModelReference.parse(model)
        if dry_run:
            judgements = shelf.judged(reference)
            passed, document = all(each.passed for each in judgements), {"judgements": _dicts(judgements)}
            said = "It would pass." if passed else "It would not be promoted."
        else:
            promotion = shelf.promote(reference, _who(), alias, force=force, reason=reason)
            judgements, passed, document = (
                promotion.judgements,
                promotion.move is not None,
                dataclasses.asdict(promotion),
            )
            said = f"{reference.name}@{alias} is version {promotion.version} now."
            if promotion.move is None:
                said = f"Version {promotion.version} is not promoted: it does not pass the gate of {reference.name}."
    if as_json:
        terminal.document(document)
    else:
        _judgements(judgements)
        click.echo(terminal.plain(said))
    if not passed:
        sys.exit(FAILED)


@models.command()
@click.argument("model", metavar="MODEL")
@alias_option
@reason_option
@as_json_option
def rollback(model: str, alias: str, reason: str, as_json: bool) -> None:
    """Give an alias back to the version that had it before the last promotion."""
    with _shelf() as shelf:
        move = shelf.roll_back(model, _who(), alias, reason=reason)
    if as_json:
        terminal.document(dataclasses.asdict(move))
    else:
        click.echo(terminal.plain(f"{model}@{alias} is version {move.version} again; it was {move.previous}."))


# ---------------------------------------------------------------------------


@contextlib.contextmanager
def _shelf() -> Iterator[Shelf]:
    """The models that this data folder's runs register."""
    from labline_backend.errors import InputError
    from labline_backend.home import Home
    from labline_backend.models.shelf import Shelf
    from labline_backend.registry import RegistryError
    from labline_backend.tracking.location import Location

    location = Location.find(Home.find())
    try:
        yield Shelf(location)
    except RegistryError as error:
        raise InputError(str(error)) from error


def _who() -> str:
    from labline_backend.tracking.facts import user

    return user()


def _aliases(aliases: dict[str, str]) -> str:
    return terminal.plain(", ".join(f"@{alias} {version}" for alias, version in aliases.items())) or "-"


def _metric(version: Version, name: str) -> str:
    value = version.metrics.get(name)
    return "-" if value is None else terminal.number(value)


def _versions(versions: Sequence[Version]) -> None:
    names = list(dict.fromkeys(name for version in versions for name in version.metrics))[:METRICS]
    terminal.table(
        ["version", "aliases", "created", "run", "certificate", "approvals", *map(terminal.plain, names)],
        [
            [
                version.version,
                terminal.plain(", ".join(f"@{alias}" for alias in version.aliases)) or "-",
                terminal.moment(version.created),
                terminal.plain(version.run or "-"),
                terminal.coloured(version.verdict, terminal.plain(version.verdict)) if version.verdict else "-",
                str(len({approval.who for approval in version.approvals}) or "-"),
                *(_metric(version, name) for name in names),
            ]
            for version in versions
        ],
        right=(0, 5, *range(6, 6 + len(names))),
    )


def _told(model: Model) -> None:
    if model.gate:
        click.echo(f"\ngate: {terminal.plain('; '.join(model.gate))}")
    if model.history:
        click.echo()
    for move in model.history:
        before = f" (was {move.previous})" if move.previous else ""
        spite = f", in spite of: {'; '.join(move.failed)}" if move.failed else ""
        reason = f": {move.reason}" if move.reason else ""
        line = f"{move.kind} of {move.version} to @{move.alias}{before} by {move.who}{spite}{reason}"
        click.echo(f"{terminal.moment(move.when)}  {terminal.plain(line)}")


def _judgements(judgements: Sequence[Judgement]) -> None:
    if not judgements:
        return
    terminal.table(
        ["condition", "metric", "value", "bound", "verdict"],
        [
            [
                terminal.plain(each.condition),
                terminal.plain(each.metric),
                "-" if each.value is None else terminal.number(each.value),
                "-" if each.bound is None else terminal.number(each.bound),
                terminal.coloured("succeeded" if each.passed else "failed", "holds" if each.passed else "fails")
                + (f" ({terminal.plain(each.why)})" if each.why else ""),
            ]
            for each in judgements
        ],
        right=(2, 3),
    )


def _dicts(judgements: Sequence[Judgement]) -> list[dict[str, object]]:
    return [dataclasses.asdict(each) for each in judgements]
