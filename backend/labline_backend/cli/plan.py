"""``labline plan``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal
from labline_backend.cli.run import parameters_of, part_options

if TYPE_CHECKING:
    from labline_backend.engine.forecast import Forecast

WILL = {"cached": "is cached", "runs": "runs", "depends": "may run", "taken": "is taken", "left out": "left out"}
COLOUR = {"cached": "cached", "runs": "running", "depends": "warning", "taken": "cached", "left out": "skipped"}


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter; repeatable.")
@click.option("--no-cache", is_flag=True, help="As if no result were known.")
@click.option("--target", default="local", metavar="NAME", help="Where it would run; see labline target list.")
@part_options
@terminal.observed_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def plan(
    notebook: Path,
    given: tuple[str, ...],
    no_cache: bool,
    target: str,
    start: str | None,
    stop: str | None,
    only: str | None,
    observed: bool,
    as_json: bool,
) -> None:
    """Say what running NOTEBOOK would do: which steps run and why, which are cached, and how long it takes.

    The time is by the clock, with as many steps side by side as this machine has cores, from what the steps took when
    they last ran.
    """
    from labline_backend import wire
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.errors import InputError
    from labline_backend.home import Home
    from labline_backend.planning import forecast
    from labline_backend.service import Service
    from labline_compiler.selection import Selection

    parameters = parameters_of(given)
    with Service(Home.find(), track=False) as service:
        try:
            found = forecast(
                service,
                notebook,
                notebook=str(notebook),
                parameters=parameters,
                cache=not no_cache,
                target=target,
                observed=observed,
                selection=Selection(start, stop, only),
            )
        except InputError as error:
            terminal.refuse(error.message, error.findings, as_json=as_json, name=str(notebook))
            sys.exit(BAD_INPUT)
    if as_json:
        terminal.document(wire.forecast(found))
    else:
        _print(found)


def _print(found: Forecast) -> None:
    rows = [
        [
            step.name,
            terminal.coloured(COLOUR[step.outcome], WILL[step.outcome]),
            "-" if step.seconds is None else f"{step.seconds:.1f} s",
            step.reason,
        ]
        for step in found.steps
    ]
    terminal.table(["step", "", "took", "why"], rows, right=(2,))
    click.echo(f"\n{_summary(found)}")
    if len(found.at_most.path) > 1:
        click.echo(f"One after another: {' > '.join(found.at_most.path)}.")


def _summary(found: Forecast) -> str:
    sure = sum(step.outcome == "runs" for step in found.steps)
    open_ = sum(step.outcome == "depends" for step in found.steps)
    said = [f"{terminal.plural(sure, 'step')} to run"] if sure or not open_ else []
    if not sure and not open_:
        return "Nothing to run."
    if open_:
        said.append(f"{open_} more may have to" if sure else f"{terminal.plural(open_, 'step')} may have to run")
    low, high = found.surely.seconds, found.at_most.seconds
    if high:
        time = f"{high:.1f} s" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f} s"
        where = "with room for all" if found.cores is None else f"on {terminal.plural(found.cores, 'core')}"
        said.append(
            f"expected to take {time} {where}" + (f" ({found.work:.1f} s of work)" if found.work > high else "")
        )
    if any(step.seconds is None and step.outcome in ("runs", "depends") for step in found.steps):
        said.append("besides what has not run before")
    return f"{'; '.join(said)}."
