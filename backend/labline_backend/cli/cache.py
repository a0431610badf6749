"""``labline cache``: the stored values, and how the oldest go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.service import Service

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


@click.group()
def cache() -> None:
    """Results that are used again instead of running a step: list, prune."""


@cache.command("list")
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most this many.")
@as_json_option
def list_(limit: int, as_json: bool) -> None:
    """The results, newest first, with what their values take and why they are not pruned."""
    from labline_backend import wire

    with _service() as service:
        found = service.values.contents()
    if as_json:
        terminal.document(wire.stored(found, limit))
        return
    rows = [
        [
            result.pipeline,
            result.entry.step,
            result.entry.run,
            "-" if result.used is None else terminal.moment(result.used),
            terminal.size(result.size),
            result.kept or "",
        ]
        for result in found.results[:limit]
    ]
    if rows:
        terminal.table(["pipeline", "step", "run", "used", "size", "kept, because"], rows, right=(4,))
        click.echo()
    click.echo(
        f"{terminal.plural(len(found.results), 'result')}; {terminal.plural(found.files, 'stored value')} of "
        f"{terminal.size(found.size)}, of which {terminal.size(found.kept)} are never pruned."
    )


@cache.command()
@click.option("--keep", required=True, metavar="SIZE", help="What may stay, as 20GB; 0 for what is never pruned.")
@click.option("--dry-run", "pretend", is_flag=True, help="Only say what would go.")
@as_json_option
def prune(keep: str, pretend: bool, as_json: bool) -> None:
    """Let the values go that were not used for longest, until the rest takes SIZE.

    Never those of runs that go on or are kept (labline runs keep), of the newest runs of each notebook, and of runs
    that a registered model is from.
    """
    from labline_backend import wire
    from labline_backend.store.pruning import bytes_of

    try:
        wanted = bytes_of(keep)
    except ValueError as error:
        raise click.UsageError(f"--keep: {error}.") from error
    with _service() as service:
        done = service.values.prune(wanted, pretend=pretend)
    if as_json:
        terminal.document(wire.pruned(done))
        return
    verb = "would go" if pretend else "went"
    click.echo(
        f"{terminal.plural(done.files, 'stored value')} of {terminal.size(done.size)} {verb}; "
        f"{terminal.size(done.left)} {'would be' if pretend else 'are'} left."
    )
    if done.left > wanted:
        click.echo(f"{terminal.size(done.kept)} are never pruned: labline cache list says why.")


def _service() -> Service:
    from labline_backend.home import Home
    from labline_backend.service import Service

    return Service(Home.find(), track=False)
