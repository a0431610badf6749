"""``labline load`` and ``labline debug``: past steps, looked at from the inside."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from labline_backend.debugging.kept import KeptProcess

run_argument = click.argument("run", metavar="RUN|latest")
step_argument = click.argument("step")


@click.command()
@run_argument
@step_argument
@click.option("--outputs", is_flag=True, help="What the step handed on, not what it took.")
@click.option("--code", is_flag=True, help="Print what to type in any kernel to have the same there.")
def load(run: str, step: str, outputs: bool, code: bool) -> None:
    """Open a console with the values that STEP of a run took: variables, parameters and hidden state.

    The console is IPython, in the interpreter of the notebook's kernel and in the notebook's folder.
    """
    from labline_backend.debugging import console
    from labline_backend.home import Home
    from labline_backend.service import Service

    with Service(Home.find(), track=False) as service:
        record = service.resolve(run)
        if code:
            click.echo(console.lines(service, record.id, step, outputs=outputs))
        else:
            sys.exit(console.load(service, record.id, step, outputs=outputs))


@click.command()
@click.argument("run", metavar="RUN|latest", required=False)
@click.argument("step", required=False)
@click.option("--console", "in_console", is_flag=True, help="Here, in IPython, and not in JupyterLab.")
@click.option("--json", "as_json", is_flag=True, help="Print, as one JSON document, what a kernel has to run.")
@click.option("--again", is_flag=True, help="Run the step's cells again, though its process has stayed.")
@click.option("--release", is_flag=True, help="Have the step's process go that has stayed; without RUN all of them.")
@click.option("--list", "listed", is_flag=True, help="List the processes that have stayed, of all runs.")
def debug(
    run: str | None, step: str | None, in_console: bool, as_json: bool, again: bool, release: bool, listed: bool
) -> None:
    """Open the notebook where STEP of a run failed, with the step's variables, so that %debug works.

    The step's cells run again in a kernel, from the inputs that the step had, up to the line that failed. After
    labline run --post-mortem they need not: the process that failed is still there, and %debug looks at that.
    """
    from labline_backend.cli import terminal
    from labline_backend.debugging import console, kept, lab, replays
    from labline_backend.home import Home
    from labline_backend.service import Service

    with Service(Home.find(), track=False) as service:
        if listed:
            _list(kept.kept(service), as_json=as_json)
            return
        if run is None and release:
            click.echo(f"{terminal.plural(kept.release_all(service), 'process')} let go.")
            return
        if run is None or step is None:
            raise click.UsageError("Name the run and the step, as in: labline debug latest STEP. To see which: --list.")
        record = service.resolve(run)
        if release:
            had = kept.release(service, record.id, step)
            click.echo(f"The process of step {step} {'has gone' if had else 'has not stayed, or has gone before'}.")
            return
        replay = replays.prepare(service, record.id, step, again=again)
        if as_json:
            terminal.document({**replay.document, "path": str(replay.notebook)})
        elif in_console:
            sys.exit(console.debug(service, replay))
        else:
            sys.exit(lab.show(service, replay))


def _list(found: list[KeptProcess], *, as_json: bool) -> None:
    from labline_backend import wire
    from labline_backend.cli import terminal

    if as_json:
        terminal.document({"processes": [wire.kept_process(each) for each in found]})
    elif not found:
        click.echo("No process of a failed step has stayed.")
    else:
        rows = [
            [
                each.run,
                each.step,
                terminal.moment(each.since),
                "-" if each.memory is None else terminal.size(each.memory),
                each.message or "",
            ]
            for each in found
        ]
        terminal.table(["run", "step", "since", "memory", "why it failed"], rows, right=(3,))
        click.echo("\nTo look: labline debug RUN STEP; --release lets a process go.")
