"""Starts the keepers of endpoints that are to run and do not: after the machine was started, and when one has died."""

from __future__ import annotations

import time
from collections.abc import Callable

from labline_backend.endpoints.deploying import Endpoints
from labline_runtime.dataclass import dataclass

FIRST_SECONDS, LONGEST_SECONDS = 1.0, 60.0
STEADY_SECONDS = 60.0
"""A keeper that was seen for so long had no trouble of its own: the next one is started at once."""


@dataclass
class _Tried:
    pause: float
    next: float
    seen: float | None = None


class Recovery:
    """Looks after the endpoints of a data folder. :meth:`look` is to be called again and again."""

    def __init__(self, endpoints: Callable[[], Endpoints], clock: Callable[[], float] = time.monotonic) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._tried: dict[str, _Tried] = {}

    def look(self) -> list[str]:
        """Start what is to run and does not, each with longer pauses while it keeps dying; their names."""
        now = self._clock()
        endpoints = self._endpoints()
        started = []
        for found in endpoints.all():
            name = found.endpoint.name
            tried = self._tried.get(name)
            if found.endpoint.wanted != "running":
                self._tried.pop(name, None)
            elif found.alive:
                if tried is not None:
                    tried.seen = now if tried.seen is None else tried.seen
                    if now - tried.seen > STEADY_SECONDS:
                        del self._tried[name]
            elif tried is None or now >= tried.next:
                pause = FIRST_SECONDS if tried is None else min(tried.pause * 2, LONGEST_SECONDS)
                self._tried[name] = _Tried(pause, now + pause)
                endpoints.start_keeper(name)
                started.append(name)
        return started
