"""How an endpoint's processes talk: calls by name over a socket pair, in lines of JSON, either side to the other."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from labline_runtime.documents import fields_of

LINE_BYTES = 64 << 20

Handler = Callable[[Any], Awaitable[Any]]


class CallError(Exception):
    """The other side cannot do it; the message is one sentence for the user."""


class GoneError(Exception):
    """The other side has gone."""


class Channel:
    """One end. A handler's ``CallError`` goes to the caller, and so does, as a sentence, whatever else it raises."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handlers: Mapping[str, Handler]
    ) -> None:
        self._reader, self._writer, self._handlers = reader, writer, handlers
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = False

    @staticmethod
    async def open(end: socket.socket, handlers: Mapping[str, Handler]) -> Channel:
        """Talk over *end*, which belongs to the channel from now on."""
        end.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=LINE_BYTES)
        return Channel(reader, writer, handlers)

    async def call(self, name: str, argument: Any = None) -> Any:
        """Have the other side do *name*. Raises ``CallError`` and ``GoneError``."""
        if self._gone:
            raise GoneError
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._send({"call": name, "number": number, "argument": argument})
            return await answer
        finally:
            del self._asked[number]

    async def run(self) -> None:
        """Answer calls, until the other side has gone."""
        try:
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except (OSError, ValueError):  # cut off within a line
            pass
        finally:
            self._gone = True
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(GoneError())
            for task in list(self._tasks):
                task.cancel()
            self._writer.close()

    def _take(self, message: dict[str, Any]) -> None:
        if "call" in message:
            task = asyncio.ensure_future(self._answer(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        answer = self._asked.get(message["number"])
        if answer is None or answer.done():  # whoever asked no longer waits
            return
        if "failed" in message:
            answer.set_exception(CallError(message["failed"]))
        else:
            answer.set_result(message["result"])

    async def _answer(self, message: dict[str, Any]) -> None:
        number = message["number"]
        try:
            result = await self._handlers[message["call"]](message["argument"])
        except CallError as error:
            self._send({"number": number, "failed": str(error)})
        except Exception as error:
            self._send({"number": number, "failed": f"{type(error).__name__}: {error}"})
        else:
            self._send({"number": number, "result": result})

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._writer.write(json.dumps(message, default=fields_of).encode() + b"\n")
