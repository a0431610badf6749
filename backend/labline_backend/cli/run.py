"""``labline run``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.cli.progress import Progress
    from labline_backend.service import Service
    from labline_backend.store.records import RunRecord

LOOK = 0.1  # seconds between two looks at the run
CANCEL_SECONDS = 30.0  # how long a cancelled run may take to end


Command = Callable[..., None]


def part_options(command: Command) -> Command:
    """The options of commands that can be about a part of the pipeline."""
    for option, name, said in (
        ("--only", "only", "Only this step; what it takes is from the newest run that has it."),
        ("--from", "start", "From this step down; what it takes is from the newest run that has it."),
        ("--to", "stop", "To this step: it and what it needs."),
    ):
        command = click.option(option, name, metavar="STEP", help=said)(command)
    return command


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end and nothing else.")
@click.option("--no-cache", is_flag=True, help="Run every step, even those whose result is known.")
@click.option("--no-track", is_flag=True, help="Record nothing in MLflow.")
@part_options
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Stop the run after this.")
@click.option("--priority", type=click.IntRange(-100, 100), default=0, help="Steps of a higher one go first; 0.")
@click.option("--post-mortem", is_flag=True, help="Processes of steps that fail stay, for labline debug.")
@click.option("--target", default="local", metavar="NAME", help="Where to run; see labline target list.")
@terminal.observed_option
def run(
    notebook: Path,
    given: tuple[str, ...],
    as_json: bool,
    no_cache: bool,
    no_track: bool,
    target: str,
    observed: bool,
    start: str | None,
    stop: str | None,
    only: str | None,
    timeout: float | None,
    priority: int,
    post_mortem: bool,
) -> None:
    """Run NOTEBOOK as a pipeline, on this machine or on a target, and show its progress."""
    from labline_backend import ahead
    from labline_backend.home import Home

    parameters = parameters_of(given)
    leave_on_signals()
    home = Home.find()
    launcher = ahead.launcher(home, notebook) if target == "local" else None

    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.errors import InputError
    from labline_backend.service import Service
    from labline_compiler.selection import Selection

    with Service(home, track=not no_track, launcher=launcher) as service:
        try:
            record = service.run(
                notebook,
                notebook=str(notebook),
                parameters=parameters,
                cache=not no_cache,
                target=target,
                observed=observed,
                selection=Selection(start, stop, only),
                timeout=timeout,
                priority=priority,
                post_mortem=post_mortem,
            )
        except InputError as error:
            terminal.refuse(error.message, error.findings, as_json=as_json, name=str(notebook))
            sys.exit(BAD_INPUT)
        if not as_json:
            terminal.findings(str(notebook), record.findings)
            terminal.reckoned(str(notebook), record.pipeline.observed)
        attend(service, record, as_json=as_json)


def attend(service: Service, record: RunRecord, *, as_json: bool) -> None:
    """Show a run's progress to its end; exits with 1 where it did not succeed, and cancels it on Ctrl-C."""
    from labline_backend.cli.failures import FAILED
    from labline_backend.cli.progress import Progress

    progress = Progress(record, quiet=as_json)
    try:
        record = follow(service, record, progress)
    except KeyboardInterrupt:
        progress.clear()
        cancel(service, record, as_json=as_json)
    if as_json:
        terminal.document(service.detail(record.id))
    else:
        progress.finish(record, service.store.steps(record.id), service.detail(record.id))
        if (page := service.page(record.id)) is not None:
            click.echo(f"On {record.target}: {page}")
    if record.state != "succeeded":
        sys.exit(FAILED)


def parameters_of(given: tuple[str, ...]) -> dict[str, str]:
    """What was given with -p."""
    parameters = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"-p takes NAME=VALUE; {text!r} is not that.")
        parameters[name.strip()] = value
    return parameters


def follow(service: Service, record: RunRecord, progress: Progress) -> RunRecord:
    """Show *progress* until the run has ended, and is tracked; the record as it is then."""
    seen = None
    while True:
        current = service.engine.wait(record.id, timeout=LOOK)
        over = current.ended is not None or current.state == "interrupted"
        version = service.store.version()
        if over or version != seen:
            seen = version
            progress.show(service.store.progress(record.id))
        progress.tick()
        if over:
            return service.engine.wait(record.id)  # until it is tracked, too


def cancel(service: Service, record: RunRecord, *, as_json: bool) -> NoReturn:
    """Cancel the run, as the user asked by Ctrl-C, and exit."""
    from labline_backend.cli.failures import INTERRUPTED

    service.engine.cancel(record.id)  # first of all: a second Ctrl-C may come at once
    if not as_json:
        click.echo(f"Cancelling the run {record.id} ...", err=True)
    state = service.engine.wait(record.id, timeout=CANCEL_SECONDS).state
    ended = f"been {state}" if state == "cancelled" else state
    if as_json:
        terminal.document(service.detail(record.id))
    else:
        kept = (
            "what its finished steps computed is kept in the cache" if record.target == "local" else "over there, too"
        )
        click.echo(f"The run has {ended}; {kept}.", err=True)
    sys.exit(INTERRUPTED)


def leave_on_signals() -> None:
    """Leave runs resumable when this process is told to end."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def leave(number: int, _frame: object) -> NoReturn:
    """Stop as a machine does that shuts down: the run can be resumed."""
    sys.exit(128 + number)
