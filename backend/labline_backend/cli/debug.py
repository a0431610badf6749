"""``labline load`` and ``labline debug``: past steps, looked at from the inside."""

from __future__ import annotations

import sys

import click

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
@run_argument
@step_argument
@click.option("--console", "in_console", is_flag=True, help="Here, in IPython, and not in JupyterLab.")
@click.option("--json", "as_json", is_flag=True, help="Print, as one JSON document, what a kernel has to run.")
@click.option("--again", is_flag=True, help="Run the step's cells again, though its process has stayed.")
@click.option("--release", is_flag=True, help="Have the step's process go that has stayed, and open nothing.")
def debug(run: str, step: str, in_console: bool, as_json: bool, again: bool, release: bool) -> None:
    """Open the notebook where STEP of a run failed, with the step's variables, so that %debug works.

    The step's cells run again in a kernel, from the inputs that the step had, up to the line that failed. After
    labline run --post-mortem they need not: the process that failed is still there, and %debug looks at that.
    """
    from labline_backend.cli import terminal
    from labline_backend.debugging import console, lab, replays
    from labline_backend.home import Home
    from labline_backend.service import Service

    with Service(Home.find(), track=False) as service:
        record = service.resolve(run)
        if release:
            click.echo(replays.release(service, record.id, step))
            return
        replay = replays.prepare(service, record.id, step, again=again)
        if as_json:
            terminal.document({**replay.document, "path": str(replay.notebook)})
        elif in_console:
            sys.exit(console.debug(service, replay))
        else:
            sys.exit(lab.show(service, replay))
