"""A verification as it goes, on a terminal."""

from __future__ import annotations

import shutil
import sys

import click

from labline_backend.cli import terminal
from labline_backend.cli.progress import ERASE_LINE, Progress
from labline_backend.cli.run import cancel, follow
from labline_backend.service import Service
from labline_backend.store.records import RunRecord
from labline_backend.verification.session import Watcher
from labline_backend.verification.verify import Stage
from labline_compiler.findings import Finding


class Line:
    """What is going on: a line that is drawn anew on a terminal, one line a phase elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = not quiet and sys.stdout.isatty()
        self._phase = ""

    def say(self, stage: Stage) -> None:
        """Show it."""
        if self._live:
            cells = f": {stage.done} of {stage.total} cells" if stage.total else ""
            columns = shutil.get_terminal_size().columns
            click.echo(f"{ERASE_LINE}  running: {stage.doing}{cells}"[: columns + len(ERASE_LINE) - 1], nl=False)
            sys.stdout.flush()
        elif not self._quiet and stage.doing != self._phase:
            self._phase = stage.doing
            click.echo(f"  running: {stage.doing}")

    def clear(self) -> None:
        """Take the line away."""
        if self._live:
            click.echo(ERASE_LINE, nl=False)


class OnTerminal(Watcher):
    """Shows the pipeline's run as ``labline run`` does, and what follows on one line. Ctrl-C cancels."""

    again = True

    def __init__(self, line: Line, *, quiet: bool) -> None:
        self._line = line
        self._quiet = quiet
        self._said: list[Finding] = []

    def attend(self, service: Service, record: RunRecord) -> RunRecord:
        """Follow the run."""
        self._line.clear()
        self.found(record.notebook, record.findings)
        progress = Progress(record, quiet=self._quiet)
        try:
            return follow(service, record, progress)
        except KeyboardInterrupt:
            progress.clear()
            cancel(service, record, as_json=self._quiet)
        finally:
            progress.clear()

    def found(self, notebook: str, findings: tuple[Finding, ...]) -> None:
        """Say it once, also where a guard has the pipeline run again."""
        new = [each for each in findings if each not in self._said]
        self._said += new
        if not self._quiet:
            terminal.findings(notebook, new)

    def told(self, stage: Stage) -> None:
        """Say it."""
        self._line.say(stage)

    def warn(self, problem: str) -> None:
        """Say it beside the report."""
        click.echo(f"labline: {problem}", err=True)
