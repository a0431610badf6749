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
@part_options
@terminal.observed_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def plan(
    notebook: Path,
    given: tuple[str, ...],
    no_cache: bool,
    start: str | None,
    stop: str | None,
    only: str | None,
    observed: bool,
    as_json: bool,
) -> None:
    """Say what running NOTEBOOK on this machine would do: which steps run and why, and which are cached."""
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
    sure = sum(step.outcome == "runs" for step in found.steps)
    open_ = sum(step.outcome == "depends" for step in found.steps)
    said = [f"{terminal.plural(sure, 'step')} to run, {found.least:.1f} s of work"] if sure else ["nothing to run"]
    if open_:
        said.append(f"{open_} more may have to, {found.most:.1f} s in all")
    if any(step.seconds is None and step.outcome in ("runs", "depends") for step in found.steps):
        said.append("besides what has not run before")
    click.echo(f"\n{'; '.join(said)}.")
