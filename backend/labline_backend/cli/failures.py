"""Errors to exit codes and sentences. No input, however bad, ends in a Python traceback."""

from __future__ import annotations

import os
import sys

import click

from labline_backend.cli import terminal

FAILED = 1
BAD_INPUT = 2
INTERNAL = 70  # as in sysexits.h
INTERRUPTED = 130
BROKEN_PIPE = 141  # 128 + SIGPIPE, as every other tool in a shell's pipe

DEBUG_VARIABLE = "LABLINE_DEBUG"


class ReaderLeftError(Exception):
    """Nobody reads standard output any more. Not an ``OSError``: click would make exit code 1 of that."""


def exit_code_of(error: BaseException, *, as_json: bool) -> int:
    """Tell the user about *error*, as a JSON document on stdout where they asked for JSON; the code to exit with."""
    from labline_backend.errors import ServiceError
    from labline_backend.home import HomeError

    match error:
        case ReaderLeftError() | BrokenPipeError():
            silence_stdout()
            return BROKEN_PIPE
        case SystemExit():
            return error.code if isinstance(error.code, int) else BAD_INPUT if error.code else 0
        case click.exceptions.Exit():
            return error.exit_code
        case KeyboardInterrupt() | click.Abort():
            click.echo("Interrupted.", err=True)
            return INTERRUPTED
        case ServiceError():
            terminal.refuse(error.message, error.findings, as_json=as_json)
        case HomeError():
            terminal.refuse(str(error), as_json=as_json)
        case click.ClickException():
            _refuse_usage(error, as_json=as_json)
        case OSError():
            place = f": {error.filename}" if error.filename else ""
            terminal.refuse(f"{error.strerror or error}{place}.", as_json=as_json)
        case _:
            if os.environ.get(DEBUG_VARIABLE):
                raise error
            terminal.refuse(
                f"Labline met an error it did not expect ({type(error).__name__}: {error}). "
                f"{DEBUG_VARIABLE}=1 shows where; please report it.",
                as_json=as_json,
            )
            return INTERNAL
    return BAD_INPUT


def _refuse_usage(error: click.ClickException, *, as_json: bool) -> None:
    context = getattr(error, "ctx", None)
    if context is not None and not as_json:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            click.echo(error.format_message(), err=True)
            return
        click.echo(context.get_usage(), err=True)
    terminal.refuse(error.format_message(), as_json=as_json)


def silence_stdout() -> None:
    """Let what is still written go nowhere: the reader has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
