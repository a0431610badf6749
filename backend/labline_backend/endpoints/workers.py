"""A worker process, as its keeper sees it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import signal
import socket
import time
from collections.abc import Mapping
from typing import IO, Any

from labline_backend.serving.control import CallError, Channel, GoneError, Handler
from labline_backend.serving.environments import Place
from labline_backend.serving.plan import Orders
from labline_runtime.documents import to_json

ENDS_WITHIN = 15.0
"""Seconds beyond the deadline of requests after which a worker that was told to end is killed."""

RETIRES_WITHIN = 10.0
"""Seconds after which what is served now is said to be so although an old worker does not say that it has let go."""


class Worker:
    """One worker. It serves nothing until it was told what, by :meth:`call`."""

    def __init__(self, number: int, orders: Orders, process: asyncio.subprocess.Process, channel: Channel) -> None:
        self.number = number
        self.started = time.monotonic()
        self._patience = orders.deadline + ENDS_WITHIN
        self._process = process
        self._channel = channel
        self._talking = asyncio.create_task(channel.run())
        self._leaving: asyncio.Task[None] | None = None

    @staticmethod
    async def start(
        number: int,
        orders: Orders,
        place: Place,
        listening: socket.socket,
        log: IO[bytes],
        handlers: Mapping[str, Handler],
    ) -> Worker:
        """Start one in *place* that accepts from *listening* and may call *handlers*. Raises ``OSError``."""
        ours, theirs = socket.socketpair()
        with theirs:
            told = dataclasses.replace(orders, listening=listening.fileno(), control=theirs.fileno())
            command = [place.python, "-P", "-m", "labline_backend.serving.worker", to_json(told)]
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    env=place.variables(),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(told.listening, told.control),
                )
            except BaseException:
                ours.close()
                raise
        return Worker(number, orders, process, await Channel.open(ours, handlers))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def call(self, name: str, argument: Any = None) -> Any:
        """Have it do something. Raises ``CallError``, and ``GoneError`` where it has died."""
        return await self._channel.call(name, argument)

    async def ended(self) -> int:
        """Wait until it has ended; its exit code."""
        code = await self._process.wait()
        await self._talking
        return code

    async def retire(self) -> None:
        """Have it leave new connections to others, and end. When this returns, it takes none."""
        with contextlib.suppress(CallError, GoneError, TimeoutError):
            await asyncio.wait_for(self.call("retire"), RETIRES_WITHIN)
        self.leave()

    def leave(self) -> asyncio.Task[None]:
        """Have it answer what it has, and end. The task ends with it."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave())
        return self._leaving

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _leave(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), self._patience)
        except TimeoutError:
            self.kill()
        await self.ended()
