"""``labline monitor``: what a served model is asked, compared with a reference."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.home import Home
    from labline_backend.monitoring.drift import Report
    from labline_backend.monitoring.samples import Sample
    from labline_backend.monitoring.statistics import Distance

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"])


@click.command(short_help="Compare what a served model is asked with a reference.")
@click.argument("model", metavar="MODEL[@ALIAS|/VERSION]")
@click.option("--reference", metavar="RUN:VALUE", help="A value of a run: the data that the model was trained on.")
@click.option("--reference-before", type=MOMENT, metavar="TIME", help="What was asked before this time, instead.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Look only at what was asked since then.")
@click.option("--psi", type=click.FloatRange(0), default=0.2, show_default=True, help="Threshold of the PSI.")
@click.option("--ks", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Of Kolmogorov-Smirnov's D.")
@click.option(
    "--missing", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="Of missing values' share."
)
@click.option(
    "--unseen", type=click.FloatRange(0, 1), default=0.01, show_default=True, help="Of unseen categories' share."
)
@click.option("--p-value", type=click.FloatRange(0, 1), default=0.01, show_default=True, help="Of the whole report.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def monitor(
    model: str,
    reference: str | None,
    reference_before: datetime.datetime | None,
    since: datetime.datetime | None,
    psi: float,
    ks: float,
    missing: float,
    unseen: float,
    p_value: float,
    as_json: bool,
) -> None:
    """Compare what a served MODEL was asked with a reference, column by column; exit code 1 when one has drifted.

    The server writes the log that this reads: labline serve MODEL --log-requests RATE. By default the newest version
    that has one.
    """
    from labline_backend.cli.failures import FAILED
    from labline_backend.errors import InputError
    from labline_backend.home import Home
    from labline_backend.monitoring.drift import Thresholds, compare
    from labline_backend.monitoring.samples import SampleError, read_log
    from labline_backend.registry import ModelReference, RegistryError, resolve
    from labline_backend.tracking.location import Location

    if (reference is None) == (reference_before is None):
        raise click.UsageError("Name what to compare with: --reference RUN:VALUE, or --reference-before TIME.")
    run, _, value = (reference or "").rpartition(":")
    if reference is not None and not (run and value):
        raise click.UsageError(f"--reference takes RUN:VALUE; {reference!r} is not that.")
    home = Home.find()
    try:
        named = ModelReference.parse(model)
        version = resolve(named, Location.find(home)).version if named.alias else named.version
        log = read_log(home, named.name, version)
        start = max(filter(None, (since, reference_before)), default=None)
        current = log.between(start, None, outputs=reference_before is not None)
        if reference is not None:
            before = _value(home, run, value, list(current.columns))
        else:
            before = log.between(None, reference_before, outputs=True)
        report = compare(before, current, Thresholds(psi, ks, missing, unseen, p_value))
    except (SampleError, RegistryError) as error:
        raise InputError(str(error)) from error
    if as_json:
        terminal.document(report.document())
    else:
        _print(report)
    if report.drifted:
        sys.exit(FAILED)


def _value(home: Home, name: str, value: str, columns: list[str]) -> Sample:
    from labline_backend.errors import NotFoundError
    from labline_backend.monitoring.samples import stored_value
    from labline_backend.store.runs import RunStore

    store = RunStore(home)
    try:
        run = store.resolve(name)
        return stored_value(home, run, store.steps(run.id), value, columns)
    except KeyError as error:
        raise NotFoundError(str(error.args[0])) from error
    finally:
        store.close()


def _print(report: Report) -> None:
    click.echo(f"reference  {report.reference} ({terminal.plural(report.reference_rows, 'row')})")
    click.echo(f"current    {report.current} ({terminal.plural(report.current_rows, 'row')})\n")
    terminal.table(
        ["column", "kind", "PSI", "KS", "missing", "unseen", "verdict"],
        [
            [
                column.name,
                column.kind,
                _shown(column.psi),
                _shown(column.ks),
                f"{column.missing.value:+.1%}",
                "-" if column.unseen is None else f"{column.unseen:.1%}",
                terminal.coloured("failed", "drifted: " + ", ".join(column.reasons)) if column.drifted else "same",
            ]
            for column in report.columns
        ],
        right=(2, 3, 4, 5),
    )
    for column in report.columns:
        if column.unseen_values:
            click.echo(f"\n{column.name}: not in the reference: {', '.join(column.unseen_values)}")
    if report.uncompared:
        click.echo(f"\nNot compared, in one of the two only: {', '.join(report.uncompared[:20])}")


def _shown(distance: Distance | None) -> str:
    return "-" if distance is None else f"{distance.value:.3f}"
