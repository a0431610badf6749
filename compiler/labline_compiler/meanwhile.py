"""Settings of the whole process that several threads may want for a while."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_RECURSION = 20_000
Before = TypeVar("Before")


class Meanwhile(Generic[Before]):
    """A context manager: the first thread inside makes the setting and the last one out takes it back."""

    def __init__(self, begin: Callable[[], Before], end: Callable[[Before], None]) -> None:
        """*begin* makes the setting and returns what there was before; *end* is given that to put it back."""
        self._begin, self._end = begin, end
        self._lock = threading.Lock()
        self._inside = 0
        self._before: Before

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = self._begin()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._end(self._before)


def _deepen() -> int:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _RECURSION))
    return before


def _pause() -> bool:
    enabled = gc.isenabled()
    gc.disable()
    return enabled


def _resume(enabled: bool) -> None:
    if enabled:
        gc.enable()


# Room for code as deep as Python's own parser takes: a chain of 300 ``elif`` is nested as deep as that.
DEEP = Meanwhile(_deepen, sys.setrecursionlimit)
# An analysis makes many objects and gives up few before it ends: looking for garbage took half of its time.
UNCOLLECTED = Meanwhile(_pause, _resume)
