"""How much runs side by side: every step has a share of the machine's cores and memory while it runs.

A step that says nothing has one core and no memory of its own. One that asks for more than the machine has gets all of
it, and so runs alone. Nobody overtakes: a big step that waits is not starved by small ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """What one step takes: cores, and bytes of memory."""

    cores: int = 1
    memory: int = 0


class Capacity:
    """The cores and the memory (0: not known) that steps share. Belongs to one event loop."""

    def __init__(self, cores: int, memory: int = 0) -> None:
        self._all = Share(cores, memory)
        self._cores, self._memory = cores, memory
        self._waiting: deque[tuple[Share, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def share(self, wanted: Share) -> AsyncIterator[None]:
        """Wait until there is as much as is wanted, and hold it."""
        share = Share(min(wanted.cores, self._all.cores), min(wanted.memory, self._all.memory))
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((share, turn))
        self._serve()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._cores += share.cores
                self._memory += share.memory
            self._serve()

    def _serve(self) -> None:
        while self._waiting:
            share, turn = self._waiting[0]
            if not turn.cancelled():
                if share.cores > self._cores or share.memory > self._memory:
                    return
                self._cores -= share.cores
                self._memory -= share.memory
                turn.set_result(None)
            self._waiting.popleft()
