"""Some file descriptors are kept back, so that a step whose cells have used up all others can still say so."""

from __future__ import annotations

import contextlib
import os

KEPT = 8  # what storing a value, the executed notebook and the result take at the same time, and some more


class Reserve:
    """Descriptors for what the step itself has to write."""

    def __init__(self) -> None:
        self._held: list[int] = []
        with contextlib.suppress(OSError):  # then there are none to be kept back
            for _ in range(KEPT):
                self._held.append(_open())

    def is_needed(self) -> bool:
        """Whether no other descriptor is left; those kept back are free from then on."""
        try:
            os.close(_open())
        except OSError:
            while self._held:
                os.close(self._held.pop())
            return True
        return False


def _open() -> int:
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
