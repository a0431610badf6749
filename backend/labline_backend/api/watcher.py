"""One look at the store for all open sockets: who waits for news is woken when there may be some."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from logging import Logger

INTERVAL = 0.2  # seconds between two looks while anybody listens


class Watcher:
    """Looks at the store's version while there are listeners, and sets their events when it changed.

    *version* reads the store off the loop. Everything here runs on the server's loop.
    """

    def __init__(self, version: Callable[[], Awaitable[int]], log: Logger) -> None:
        self._version = version
        self._log = log
        self._listeners: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, listener: asyncio.Event) -> None:
        """Wake *listener* at every change from now on."""
        self._listeners.add(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._watch())

    def remove(self, listener: asyncio.Event) -> None:
        """Wake *listener* no more."""
        self._listeners.discard(listener)
        if not self._listeners:
            self.stop()

    def stop(self) -> None:
        """Stop looking."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _watch(self) -> None:
        seen: int | None = None
        while True:
            try:
                version = await self._version()
            except Exception as error:  # the next look may succeed; listeners must not hang for ever
                self._log.warning("Labline cannot look at its store (%s), and tries again", error)
            else:
                if version != seen:
                    seen = version
                    for listener in self._listeners:
                        listener.set()
            await asyncio.sleep(INTERVAL)
