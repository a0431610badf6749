"""A run on paper: its steps, what failed and why, its metrics, and where to look further."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal
from labline_backend.cli.certificate import conclusion
from labline_backend.cli.mlflow import DEFAULT_PORT

if TYPE_CHECKING:
    from labline_backend import wire
    from labline_backend.store.records import RunRecord, StepRecord


def report(run: RunRecord, steps: Sequence[StepRecord], detail: wire.Document) -> None:
    """Print the run."""
    took = f" after {terminal.seconds(run.started, run.ended)}" if run.ended is not None else ""
    click.echo(f"Run {run.id} of {run.notebook}: {terminal.coloured(run.state)}{took}")
    click.echo()
    terminal.table(
        ["step", "state", "time", "values", "size"],
        [
            [
                step.name,
                terminal.coloured(step.state),
                terminal.seconds(step.started, step.ended),
                str(len([v for a in step.result.artifacts for v in a.values])) if step.result else "-",
                terminal.size(sum(a.size for a in step.result.artifacts)) if step.result else "-",
            ]
            for step in steps
        ],
        right=(2, 3, 4),
    )
    _reasons(steps)
    _items(steps)
    for step in steps:
        if (nothing := terminal.nothing_to_do(run, step)) is not None:
            click.echo(f"\nStep {step.name} was {nothing}.")
    if run.parameters:
        click.echo()
        terminal.table(["parameter", "value"], [[name, value] for name, value in run.parameters.items()])
    if detail["metrics"]:
        click.echo()
        rows = [[name, terminal.number(value)] for name, value in detail["metrics"].items()]
        terminal.table(["metric", "value"], rows, right=(1,))
    for step in steps:
        if step.error is not None:
            failure(step, run)
    if run.error and not any(step.error for step in steps):
        click.echo(f"\n{run.error}")
    for patch in detail["patches"]:
        again = "; ".join(f"{step}: {why}" for step, why in patch["again"].items())
        when = terminal.moment(patch["time"])
        click.echo(f"\nIt was {patch['state']}. On {when} it went on with {patch['notebook']}. Run again: {again}.")
    if (why := detail["certificate_fault"] or _why_not_verified(detail["verification"])) is not None:
        click.echo(f"\n{terminal.coloured('failed', 'not verified')}: {why}")
    if detail["certificate"] is not None:
        click.echo(f"\n{terminal.coloured(detail['certificate']['verdict'])}: {conclusion(detail['certificate'])}")
    click.echo()
    _addresses(run, detail)


def _reasons(steps: Sequence[StepRecord]) -> None:
    """Why each step ran, or did not."""
    if any(step.cache_note for step in steps):
        click.echo()
        terminal.table(["step", "why"], [[step.name, step.cache_note] for step in steps if step.cache_note])


def _items(steps: Sequence[StepRecord]) -> None:
    """How the items of loops ran, and which failed."""
    rows = []
    for step in steps:
        if step.result is None or not (step.result.items or step.result.in_one):
            continue
        states = [item.state for item in step.result.items]
        counts = [f"{states.count(state)} {state}" for state in ("succeeded", "cached", "failed") if state in states]
        rows.append([step.name, ", ".join(counts) or f"in one process: {step.result.in_one}"])
        rows += [
            ["", f"{number} of {len(states)}: {item.error}"]
            for number, item in enumerate(step.result.items, 1)
            if item.error is not None
        ]
    if rows:
        click.echo()
        terminal.table(["step", "items"], rows)


def _why_not_verified(verification: wire.Document | None) -> str | None:
    if verification is None or verification["state"] == "ended":
        return None
    if verification["state"] == "running":
        return f"the verification goes on: {verification['doing']}."
    return verification["problem"] or f"The verification was {verification['state']}."


def failure(step: StepRecord, run: RunRecord) -> None:
    """Print why a step failed: the sentence, the traceback of the user's own code, the hint."""
    error = step.error
    if error is None:
        return
    cells = (*run.pipeline.preamble, *(cell for each in run.pipeline.steps for cell in each.cells))
    shown = next((cell.shown for cell in cells if cell.index == error.cell_index), None)
    place = f", cell {shown}" if shown is not None else ""
    line = f", line {error.line}" if error.line is not None else ""
    code = f" {error.code}" if error.code else ""
    click.echo(f"\nstep {step.name}{place}{line}: {terminal.coloured('error', 'error' + code)} {error.message}")
    if error.culprit and error.culprit not in error.message:
        click.echo(f"    the culprit is {error.culprit}")
    for text in error.traceback:
        click.echo(text)
    if error.hint:
        click.echo("".join(f"    {text}\n" for text in error.hint.splitlines()), nl=False)


def _addresses(run: RunRecord, detail: wire.Document) -> None:
    terminal.table(["where to look", ""], [[what, where] for what, where in _places(run, detail)])


def _places(run: RunRecord, detail: wire.Document) -> Iterator[tuple[str, str]]:
    yield "this run", f"labline runs show {run.id}"
    yield "its logs", f"labline runs logs {run.id}"
    yield "JupyterLab", "the Runs card of the launcher"
    tracked = detail["mlflow"]
    if tracked is None:
        return
    url = tracked["url"] or ""
    if "://" in url:
        yield "MLflow", url
    else:
        page = url.partition("#")[2].partition("?")[0]
        yield "MLflow", f"labline mlflow, then http://127.0.0.1:{DEFAULT_PORT}/#{page}"
