"""The ``labline`` command. Nothing heavy is imported before a command needs it: ``labline --help`` is instant."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from labline_backend._version import __version__
from labline_backend.cli.cache import cache
from labline_backend.cli.check import check
from labline_backend.cli.compile import compile_
from labline_backend.cli.debug import debug, load
from labline_backend.cli.failures import ReaderLeftError, exit_code_of
from labline_backend.cli.mlflow import mlflow
from labline_backend.cli.monitor import monitor
from labline_backend.cli.plan import plan
from labline_backend.cli.recurring import recurring
from labline_backend.cli.run import run
from labline_backend.cli.runs import runs
from labline_backend.cli.serve import serve
from labline_backend.cli.server import server
from labline_backend.cli.suggest import suggest
from labline_backend.cli.target import target
from labline_backend.cli.verify import verify

__all__ = ["labline", "main"]

GARBAGE = 20_000  # objects between two looks for garbage: commands mostly import, and that makes none


class _Commands(click.Group):
    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except BrokenPipeError as error:
            raise ReaderLeftError from error


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 the run failed, differs, a model drifted, 2 the input is at fault, 130 interrupted.",
)
@click.version_option(__version__, message="labline %(version)s")
@click.pass_context
def labline(context: click.Context) -> None:
    """Turn a tagged Jupyter notebook into a pipeline that computes what the notebook computes, and run it."""
    if os.environ.get("NO_COLOR"):
        context.color = False


for command in (
    check,
    suggest,
    compile_,
    plan,
    run,
    verify,
    runs,
    cache,
    load,
    debug,
    target,
    recurring,
    serve,
    monitor,
    server,
    mlflow,
):
    labline.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    gc.set_threshold(GARBAGE)
    try:
        code = labline.main(given, prog_name="labline", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        code = exit_code_of(error, as_json="--json" in given)
    gc.freeze()  # nothing of this is garbage before the process ends
    sys.exit(code or 0)
