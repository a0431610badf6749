"""The ``labline`` command. Nothing heavy is imported before a command needs it: ``labline --help`` is instant."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from labline_backend._version import __version__
from labline_backend.cli.failures import ReaderLeftError, exit_code_of

__all__ = ["labline", "main"]

GARBAGE = 20_000  # objects between two looks for garbage: commands mostly import, and that makes none


COMMANDS = {
    "cache": "cache.cache",
    "check": "check.check",
    "compile": "compile.compile_",
    "debug": "debug.debug",
    "image": "image.image",
    "deploy": "deploy.deploy",
    "endpoints": "endpoints.endpoints",
    "load": "debug.load",
    "mlflow": "mlflow.mlflow",
    "models": "models.models",
    "monitor": "monitor.monitor",
    "package": "package.package",
    "plan": "plan.plan",
    "recurring": "recurring.recurring",
    "run": "run.run",
    "runs": "runs.runs",
    "serve": "serve.serve",
    "server": "server.server",
    "suggest": "suggest.suggest",
    "target": "target.target",
    "verify": "verify.verify",
}
"""Where each command is: in which module of this package, and what it is called there."""


class _Commands(click.Group):
    """Imports the command that is asked for, and no other."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, called = COMMANDS[name].partition(".")
        command: click.Command = getattr(importlib.import_module(f"labline_backend.cli.{module}"), called)
        return command

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except BrokenPipeError as error:
            raise ReaderLeftError from error


@click.group(
    cls=_Commands,
    commands={name: click.Command(name) for name in COMMANDS},  # for the names
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 the run failed, differs, a model drifted, 2 the input is at fault, 130 interrupted.",
)
@click.version_option(__version__, message="labline %(version)s")
@click.pass_context
def labline(context: click.Context) -> None:
    """Turn a tagged Jupyter notebook into a pipeline that computes what the notebook computes, and run it."""
    if os.environ.get("NO_COLOR"):
        context.color = False


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
