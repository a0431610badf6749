"""A run as it goes: one line a step when it has ended and, on a terminal, one line that says what runs now."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal
from labline_backend.cli.failures import silence_stdout
from labline_backend.cli.report import report  # here, so that it is there when the run ends

if TYPE_CHECKING:
    from labline_backend import wire
    from labline_backend.store.records import RunRecord, StepRecord

STATE_WIDTH = len("interrupted")
ERASE_LINE = "\r\x1b[2K"
REDRAW = 0.5  # seconds between two drawings of the line that says what runs


class Progress:
    """Prints the progress of one run, unless it is to be *quiet*."""

    def __init__(self, run: RunRecord, *, quiet: bool) -> None:
        self._run = run
        self._quiet = quiet
        self._width = max(len(step.name) for step in run.pipeline.steps)
        self._shown: set[str] = set(run.control.left_out)
        self._running: list[StepRecord] = []
        self._drawn_at: float | None = None
        self._live = not quiet and sys.stdout.isatty()
        count, left_out = len(run.pipeline.steps), len(run.control.left_out)
        steps = (
            f"{count - left_out} of {terminal.plural(count, 'step')}" if left_out else terminal.plural(count, "step")
        )
        self._say(f"{run.notebook}: run {run.id}, {steps}")

    def show(self, steps: Sequence[StepRecord]) -> None:
        """Print a line for every step that has ended since the last call."""
        from labline_backend.store.records import ENDED_STEP

        ended = [step for step in steps if step.state in ENDED_STEP and step.name not in self._shown]
        for step in sorted(ended, key=lambda step: step.ended or float("inf")):
            self._shown.add(step.name)
            self.clear()
            self._say("  " + self._line(step))
        self._running = [step for step in steps if step.state == "running"]

    def tick(self) -> None:
        """Draw what runs now, on a terminal."""
        now = time.time()
        if not self._live or not self._running or now - (self._drawn_at or 0) < REDRAW:
            return
        self._drawn_at = now
        text = ", ".join(f"{s.name} {terminal.seconds(s.started or now, now)}" for s in self._running)
        columns = shutil.get_terminal_size().columns
        click.echo(f"{ERASE_LINE}  running: {text}"[: columns + len(ERASE_LINE) - 1], nl=False)
        sys.stdout.flush()

    def clear(self) -> None:
        """Take the line away that says what runs now."""
        if self._live and self._drawn_at is not None:
            self._drawn_at = None
            click.echo(ERASE_LINE, nl=False)

    def finish(self, run: RunRecord, steps: Sequence[StepRecord], detail: wire.Document) -> None:
        """Print how it went: the steps, the metrics, and where to look further."""
        self.clear()
        click.echo()
        report(run, steps, detail)

    def _line(self, step: StepRecord) -> str:
        note = ""
        if step.name in self._run.control.taken:
            note = step.cache_note or ""
        elif step.cached_from is not None:
            note = f"from the run {step.cached_from}"
        elif step.error is not None:
            note = step.error.message.partition("\n")[0]
        elif (nothing := terminal.nothing_to_do(self._run, step)) is not None:
            note = nothing
        elif step.cache_note is not None and step.cache_note.startswith("changed: "):
            note = step.cache_note
        state = terminal.coloured(step.state) + " " * (STATE_WIDTH - len(step.state))
        taken = terminal.seconds(step.started, step.ended)
        return f"{step.name:<{self._width}}  {state}  {taken:>8}  {note}".rstrip()

    def _say(self, line: str) -> None:
        if self._quiet:
            return
        try:
            click.echo(line)
            sys.stdout.flush()
        except BrokenPipeError:  # nobody reads on, which is no reason to stop the run
            silence_stdout()
            self._quiet = True
