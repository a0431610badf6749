"""What begins recurring runs in time, as long as a server runs."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import time
from collections.abc import Awaitable, Callable
from logging import Logger
from pathlib import Path
from typing import TextIO

from labline_backend.home import Home

LOOK = 15.0  # seconds between two looks at most: other processes make recurring runs, machines sleep, clocks are set

Due = tuple[int, float | None]  # how many runs were begun, and when the next one's time comes (or came)


class Clock:
    """Calls *begin* when the time has come, and now and then. Everything here runs on the server's loop."""

    def __init__(self, begin: Callable[[], Awaitable[Due]], log: Logger) -> None:
        self._begin = begin
        self._log = log
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Look at once: recurring runs have changed."""
        self._news.set()

    def stop(self) -> None:
        """Stop looking."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _run(self) -> None:
        while self._task is not None:  # who waits for news that are there is not reached by a cancel
            self._news.clear()
            wait = LOOK
            try:
                begun, moment = await self._begin()
            except Exception as error:  # the next look may succeed
                self._log.error("Labline cannot look for recurring runs that are due (%s), and tries again", error)
            else:
                wait = _pause(begun, moment)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait)


def _pause(begun: int, moment: float | None) -> float:
    """How long to sleep. One whose time came before waits for the end of a run, of which nobody tells."""
    if begun:
        return 0.0
    left = LOOK if moment is None else moment - time.time()
    return min(left, LOOK) if left > 0 else LOOK


class Presence:
    """A server's sign that it begins the recurring runs of a data folder, as long as its process lives."""

    def __init__(self, home: Home) -> None:
        """Give the sign. Raises ``HomeError``."""
        try:
            self._file: TextIO = _place(home).open("a")
            fcntl.flock(self._file, fcntl.LOCK_SH)
        except OSError as error:
            raise home.error(error) from error

    def close(self) -> None:
        """Take it back."""
        self._file.close()


def is_followed(home: Home) -> bool:
    """Whether any server begins the recurring runs of *home*."""
    try:
        with _place(home).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _place(home: Home) -> Path:
    return home.root / ".clock"
