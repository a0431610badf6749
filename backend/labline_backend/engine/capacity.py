"""How much runs side by side: every step has a share of the machine's cores and memory while it runs.

A step that says nothing has one core and no memory of its own. One that asks for more than the machine has gets all of
it, and so runs alone.

Who waits is served by priority; among equals notebooks get the same number of cores over time, and steps of one
notebook their turn in order (start-time fair queueing: Goyal, Vin and Cheng, 1997). A place in the queue is given once
and nobody of the same priority overtakes it: a big step that waits is not starved by small ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import AsyncIterator

from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Share:
    """What one step takes: cores, and bytes of memory."""

    cores: int = 1
    memory: int = 0


@dataclass(frozen=True, order=True)
class _Place:
    """A place in the queue; the smallest is served first."""

    urgency: int  # minus the priority
    start: int  # cores that the notebook was granted, or waits for, before; counted from the busiest one's
    number: int


class Capacity:
    """The cores and the memory (0: not known) that steps share. Belongs to one event loop."""

    def __init__(self, cores: int, memory: int = 0) -> None:
        self._all = Share(cores, memory)
        self._cores, self._memory = cores, memory
        self._waiting: list[tuple[_Place, Share, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._served = 0  # the start of the place that was served last
        self._next: dict[str, int] = {}  # notebook -> where its next place starts

    @property
    def cores(self) -> int:
        """All that there are."""
        return self._all.cores

    @contextlib.asynccontextmanager
    async def share(self, wanted: Share, notebook: str = "", priority: int = 0) -> AsyncIterator[None]:
        """Wait until there is as much as is wanted, and hold it."""
        share = Share(min(wanted.cores, self._all.cores), min(wanted.memory, self._all.memory))
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._place(share, notebook, priority), share, turn))
        self._serve()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._cores += share.cores
                self._memory += share.memory
            self._serve()

    def _place(self, share: Share, notebook: str, priority: int) -> _Place:
        if not self._waiting:  # those that had more than others owe nothing when nobody waits any more
            self._next = {name: start for name, start in self._next.items() if start > self._served}
        start = max(self._served, self._next.get(notebook, 0))
        self._next[notebook] = start + share.cores
        return _Place(-priority, start, next(self._numbers))

    def _serve(self) -> None:
        while self._waiting:
            place, share, turn = self._waiting[0]
            if not turn.cancelled():
                if share.cores > self._cores or share.memory > self._memory:
                    return
                self._cores -= share.cores
                self._memory -= share.memory
                self._served = max(self._served, place.start)
                turn.set_result(None)
            heapq.heappop(self._waiting)
