"""``labline runs``: look at past and present runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.service import Service
    from labline_backend.store.records import StepRecord

FOLLOW_INTERVAL = 0.2  # seconds between two looks at a log that is followed
CANCEL_SECONDS = 30.0

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
run_argument = click.argument("name", metavar="[RUN|latest]", default="latest")


@click.group()
def runs() -> None:
    """Look at runs: list, show, compare, logs, cancel, keep, resume, clone. RUN is an id, its beginning, or latest."""


@runs.command("list")
@click.option("-n", "--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="At most this many.")
@as_json_option
def list_(limit: int, as_json: bool) -> None:
    """The runs, newest first."""
    with _service() as service:
        found = service.runs(limit=limit)
    if as_json:
        terminal.document({"runs": found})
    elif not found:
        click.echo("No runs yet: labline run NOTEBOOK starts one.")
    else:
        terminal.table(
            ["run", "notebook", "target", "state", "steps", "created", "time"],
            [
                [
                    run["id"],
                    run["notebook"],
                    run["target"],
                    terminal.coloured(run["state"]),
                    f"{run['steps_done']}/{run['steps_total']}",
                    terminal.moment(run["created"]),
                    terminal.seconds(run["started"], run["ended"]),
                ]
                for run in found
            ],
            right=(4, 6),
        )


@runs.command()
@run_argument
@as_json_option
def show(name: str, as_json: bool) -> None:
    """One run: its steps, parameters, metrics and errors."""
    from labline_backend.cli.report import report

    with _service() as service:
        record = service.resolve(name)
        detail = service.detail(record.id)
        if as_json:
            terminal.document(detail)
        else:
            report(record, service.store.steps(record.id), detail)
            if (page := service.page(record.id)) is not None:
                click.echo(f"On {record.target}: {page}")


@runs.command()
@click.argument("names", metavar="RUN RUN...", nargs=-1, required=True)
@click.option("--all", "whole", is_flag=True, help="Also what is the same in all of them.")
@as_json_option
def compare(names: tuple[str, ...], whole: bool, as_json: bool) -> None:
    """Runs side by side: in which parameters and metrics they differ, and how long their steps took."""
    from labline_backend.comparison import compare as compared

    if len(names) < 2:
        raise click.UsageError("Name at least two runs.")
    with _service() as service:
        details = [service.detail(service.resolve(name).id) for name in names]
    rows = compared(details)
    if as_json:
        shown = [{"group": row.group, "name": row.name, "values": list(row.values)} for row in rows]
        terminal.document({"runs": [detail["id"] for detail in details], "rows": shown})
        return
    facts = [
        ["", "notebook", *(detail["notebook"] for detail in details)],
        ["", "state", *(terminal.coloured(detail["state"]) for detail in details)],
        ["", "created", *(terminal.moment(detail["created"]) for detail in details)],
        ["", "time", *(terminal.seconds(detail["started"], detail["ended"]) for detail in details)],
    ]
    said: dict[str, Callable[[Any], str]] = {
        "parameters": str,
        "metrics": terminal.number,
        "seconds": lambda value: f"{value:.1f} s",
    }
    differing = [row for row in rows if whole or row.differs]
    facts += [
        [row.group, row.name, *("-" if value is None else said[row.group](value) for value in row.values)]
        for row in differing
    ]
    terminal.table(["", "", *(detail["id"] for detail in details)], facts)
    if same := len(rows) - len(differing):
        click.echo(f"\n{terminal.plural(same, 'row')} the same in all of them: --all shows them, too.")


@runs.command()
@run_argument
@click.option("--step", "step_name", metavar="STEP", help="Only this step's.")
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows, until the step has ended.")
def logs(name: str, step_name: str | None, follow: bool) -> None:
    """What the steps of a run wrote to their standard output and error."""
    with _service() as service:
        record = service.resolve(name)
        if step_name is not None:
            _print_log(service, service.step(record.id, step_name), follow)
            return
        for step in service.store.steps(record.id):
            click.echo(click.style(f"==> {step.name} ({step.state})", bold=True))
            _print_log(service, step, follow)


@runs.command()
@run_argument
@as_json_option
def cancel(name: str, as_json: bool) -> None:
    """Cancel a run, whichever process drives it."""
    with _service() as service:
        record = service.resolve(name)
        before = record.ended
        service.cancel(record.id)
        record = service.engine.wait(record.id, timeout=CANCEL_SECONDS)
        if as_json:
            terminal.document(service.document(record.id))
        elif before is not None:
            click.echo(f"The run {record.id} had already ended: {terminal.coloured(record.state)}")
        elif record.ended is None:
            click.echo(f"The run {record.id} is asked to stop, and has not yet.")
        else:
            click.echo(f"The run {record.id}: {terminal.coloured(record.state)}")


@runs.command()
@run_argument
@click.option("--undo", is_flag=True, help="Let them go when others need the room.")
@as_json_option
def keep(name: str, undo: bool, as_json: bool) -> None:
    """Have the values of a run stay, whatever is pruned."""
    with _service() as service:
        document = service.keep(service.resolve(name).id, not undo)
    if as_json:
        terminal.document(document)
    else:
        click.echo(f"The values of the run {document['id']} {'may be' if undo else 'are not'} pruned.")


@runs.command()
@run_argument
@click.option(
    "--with",
    "notebook",
    type=click.Path(path_type=Path),
    help="Go on with this notebook, the run's own as it is now: steps that the change does not concern stay.",
)
@click.option("--no-track", is_flag=True, help="Record nothing in MLflow.")
@as_json_option
def resume(name: str, notebook: Path | None, as_json: bool, no_track: bool) -> None:
    """Go on with a run that was interrupted, has failed or was cancelled, or follow one on a target.

    Steps that have finished stay. Without --with it goes on as it is; on a target it always does.
    """
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.cli.run import attend, leave_on_signals
    from labline_backend.debugging.resuming import resume_with
    from labline_backend.errors import InputError

    leave_on_signals()
    with _service(track=not no_track) as service:
        run = service.resolve(name).id
        if notebook is None:
            record = service.resume(run)
        else:
            try:
                record = resume_with(service, run, notebook, notebook=str(notebook))
            except InputError as error:
                terminal.refuse(error.message, error.findings, as_json=as_json, name=str(notebook))
                sys.exit(BAD_INPUT)
            if not as_json:
                terminal.findings(str(notebook), record.findings)
        attend(service, record, as_json=as_json)


@runs.command()
@run_argument
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Another value; repeatable.")
@click.option("--target", metavar="NAME", help="Elsewhere than where the run was; see labline target list.")
@click.option("--no-track", is_flag=True, help="Record nothing in MLflow.")
@as_json_option
def clone(name: str, given: tuple[str, ...], target: str | None, no_track: bool, as_json: bool) -> None:
    """Run once more what a run was made of: the notebook as it was then, with its parameters."""
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.cli.run import attend, leave_on_signals, parameters_of
    from labline_backend.cloning import clone
    from labline_backend.errors import InputError

    parameters = parameters_of(given)
    leave_on_signals()
    with _service(track=not no_track) as service:
        run = service.resolve(name)
        try:
            record = clone(service, run.id, parameters=parameters, target=target)
        except InputError as error:
            terminal.refuse(error.message, error.findings, as_json=as_json, name=run.notebook)
            sys.exit(BAD_INPUT)
        if not as_json:
            terminal.findings(run.notebook, record.findings)
        attend(service, record, as_json=as_json)


def _service(*, track: bool = True) -> Service:
    from labline_backend.home import Home
    from labline_backend.service import Service

    return Service(Home.find(), track=track)


def _print_log(service: Service, step: StepRecord, follow: bool) -> None:
    offset = 0
    while True:
        part = service.log(step.run, step.name, offset)
        click.echo(part.text, nl=False)
        if part.next_offset == offset:
            if part.complete or not follow:
                return
            sys.stdout.flush()
            time.sleep(FOLLOW_INTERVAL)
        offset = part.next_offset
