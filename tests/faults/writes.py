"""Kills at every write: of the journal, and of anything else in the data folder.

An engine is killed just before it commits a transaction, just after, and just before each file operation that changes
the data folder; then the run goes on. ``instants.py`` says what is checked. A step's process, too, is killed before
each of its file operations.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labline_backend.store import database

from . import engines, trial

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod", "os.truncate"}


class Strikes:
    """Counts this process's writes, and kills it at one of them."""

    def __init__(self, home: Path, at: int) -> None:
        self.home = str(home)
        self.at = at
        self.count = 0

    def install(self) -> None:
        """Count from now on."""
        write = database.Database.write

        @contextlib.contextmanager
        def counted(this: database.Database) -> Iterator[sqlite3.Connection]:
            with write(this) as connection:
                yield connection
                self.strike()
            self.strike()

        database.Database.write = counted  # type: ignore[method-assign]
        sys.addaudithook(self._hear)

    def strike(self) -> None:
        """Count one write; the process may not survive it."""
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE):
            path = arguments[0]
            if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.home):
                self.strike()


def writes_of(root: Path) -> int:
    """How many writes a whole run makes."""
    told_read, told_write = os.pipe()

    def count() -> None:
        strikes = Strikes(root / "home", -1)
        strikes.install()
        engines.begin(root, 1)
        os.write(told_write, str(strikes.count).encode())

    engines.await_end(engines.fork(lambda: engines.begin(root, 0)))  # which writes more than any other
    engines.await_end(engines.fork(count))
    os.close(told_write)
    with os.fdopen(told_read) as told:
        return int(told.read())


def killed_at(looker: trial.Looker, root: Path, number: int, at: int) -> list[str]:
    """Kill the engine at one write, and have the run go on; what went wrong."""
    known = {run.id for run in looker.runs()}

    def die() -> None:
        Strikes(root / "home", at).install()
        engines.begin(root, number)

    pid = engines.fork(die)
    killed = engines.await_end(pid) == -signal.SIGKILL
    run = next((run for run in looker.runs() if run.id not in known), None)
    if run is None:
        return []
    before = [looker.see(run.id, calm=True)] if killed else []
    if (code := engines.await_end(engines.fork(lambda: engines.go_on(root)))) != 0:
        return [f"the engine that went on ended with {code}"]
    return looker.faults(run.id, number, before)


STEP = """
import os, sys
def hear(event, arguments):
    global left
    if event in {changes} or (event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE):
        if str(arguments[0]).startswith({home!r}):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), 9)
left = {at}
sys.addaudithook(hear)
"""
"""A cell after which the step's process dies at one of its writes."""


def steps_killed(looker: trial.Looker, root: Path, at: int) -> list[str] | None:
    """Kill a step's process at one write; what went wrong, or ``None`` where it makes no more writes."""
    deadly = trial.pipeline_of(at, before=STEP.format(changes=CHANGES, home=str(root / "home"), at=at))
    if engines.await_end(engines.fork(lambda: engines.run(root, deadly))) != 0:
        return ["the engine ended badly"]
    run = looker.runs()[0]
    if run.state == "succeeded":
        return None
    found = [] if "was killed by the system" in str(run.error) else [f"the run says {run.error}"]
    return found + looker.left(run.id)


def main(limit: int | None) -> list[str]:
    """Kill at every write, or at *limit* of them spread evenly; what went wrong."""
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="labline-kill-") as folder:
        root = Path(folder)
        looker = trial.Looker(root / "home")
        writes = writes_of(root)
        for place, at in enumerate(_spread(writes, limit)):
            faults += [f"write {at}: {fault}" for fault in killed_at(looker, root, 1000 + place, at)]
        print(f"killed an engine at {len(_spread(writes, limit))} of its {writes} writes", flush=True)
        at = 0
        while (found := steps_killed(looker, root, at)) is not None:
            faults += [f"write {at} of a step: {fault}" for fault in found]
            at += 1 if limit is None else 4
        print(f"killed a step at its writes up to number {at}")
    return faults


def _spread(count: int, limit: int | None) -> Sequence[int]:
    return range(0, count, 1 if limit is None else max(1, count // limit))
