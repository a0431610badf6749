"""The registered models for a server that does not import MLflow: asks a helper process, which goes when it is idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from labline_backend.errors import InputError, NotFoundError
from labline_backend.home import Home
from labline_backend.tracking.channel import Channel, ChannelError
from labline_backend.tracking.location import Location

IDLE_SECONDS = 300.0
HELPER = "labline_backend.models.helper"


class DeskError(Exception):
    """The registry cannot be asked; the message is for the user."""


class Desk:
    """Calls of :class:`~labline_backend.models.helper.Calls`, made from a server's loop."""

    def __init__(self, find_home: Callable[[], Home] = Home.find, *, idle: float = IDLE_SECONDS) -> None:
        """Nothing is started before the first call; the helper ends *idle* seconds after the last."""
        self._find_home = find_home
        self._idle = idle
        self._channel: Channel | None = None
        self._asking = 0
        self._end: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def pid(self) -> int | None:
        """The helper's process id while there is one."""
        return self._channel.pid if self._channel else None

    async def ask(self, call: str, **arguments: Any) -> dict[str, Any]:
        """Do *call*. Raises ``NotFoundError`` or ``InputError`` for what is asked wrongly, and ``DeskError``."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
        self._asking += 1
        try:
            if self._channel is None:
                home = await asyncio.to_thread(self._find_home)
                if self._channel is None:  # nobody else has made it meanwhile
                    self._channel = Channel(Location.find(home), home.mlflow / "models.log", module=HELPER)
            answer: dict[str, Any] = await self._channel.call(call, **arguments)
            return answer
        except ChannelError as error:
            kinds = {"absent": NotFoundError, "refused": InputError}
            raise kinds.get(error.kind, DeskError)(str(error)) from error
        finally:
            self._asking -= 1
            if not self._asking:
                self._end = asyncio.get_running_loop().call_later(self._idle, self._retire)

    async def close(self) -> None:
        """End the helper."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()
        if self._ending:
            await asyncio.wait(self._ending)

    def _retire(self) -> None:
        channel, self._channel, self._end = self._channel, None, None
        if channel is not None:
            task = asyncio.get_running_loop().create_task(channel.close())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
