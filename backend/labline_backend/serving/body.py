"""Bodies of bounded size, in bounded time and bounded memory.

A body that is too large is read and thrown away before it is refused: a server that answers and closes while the client
still sends is answered by a reset, and the client never sees the status. How much is thrown away is bounded, too.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator, MutableMapping
from typing import Any

from labline_backend.serving.refusal import Refusal
from labline_runtime.dataclass import dataclass

Receive = Callable[[], Coroutine[Any, Any, MutableMapping[str, Any]]]

DISCARDED_BYTES = 256 << 20
DISCARD_SECONDS = 20.0


class DisconnectedError(Exception):
    """The client has gone."""


class BodyRefusal(Refusal):
    """``close`` when the connection cannot be used again: the body did not come to its end."""

    def __init__(self, message: str, status: int, *, close: bool, retry_after: int | None = None) -> None:
        super().__init__(message, status, retry_after)
        self.close = close


@dataclass
class BodyReader:
    """Reads bodies of at most ``limit`` bytes, each within ``seconds``. Those being read hold ``total`` at most."""

    limit: int
    seconds: float
    total: int
    held: int = 0

    async def read(self, receive: Receive, declared: int | None, *, waits: bool = False) -> bytes:
        """One body. *declared* is its Content-Length; *waits* that the client asks first (Expect: 100-continue).

        Raises ``BodyRefusal`` and ``DisconnectedError``.
        """
        if declared is not None and declared > self.limit:
            if waits:
                raise self._too_large(close=True)
            raise self._too_large(close=not await self.discard(receive))
        coming = receive()
        try:
            waits_for = coming.send(None)  # what is there already needs no timer
        except StopIteration as there:
            message = self._present(there.value)
        else:
            message = await self._coming(coming, waits_for)
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            if len(body) > self.limit:
                raise self._too_large(close=False)
            return body
        return await self._rest(receive, body)

    async def _rest(self, receive: Receive, first: bytes) -> bytes:
        chunks, size = [first], len(first)
        self.held += size
        try:
            async with asyncio.timeout(self.seconds):
                more = True
                while more:
                    if size > self.limit or self.held > self.total:
                        chunks.clear()
                        break
                    message = await self._next(receive)
                    chunk = message.get("body", b"")
                    more = bool(message.get("more_body"))
                    chunks.append(chunk)
                    size += len(chunk)
                    self.held += len(chunk)
        except TimeoutError:
            raise BodyRefusal(f"The body did not come within {self.seconds:g} s.", 408, close=True) from None
        finally:
            self.held -= size
        if size > self.limit:
            raise self._too_large(close=more and not await self.discard(receive))
        if more:
            close = not await self.discard(receive)
            raise BodyRefusal("Too many large bodies come at once: ask again later.", 503, close=close, retry_after=1)
        return b"".join(chunks)

    async def _next(self, receive: Receive) -> MutableMapping[str, Any]:
        coming = receive()
        try:
            waits_for = coming.send(None)
        except StopIteration as there:
            return self._present(there.value)
        return await self._coming(coming, waits_for)

    async def _coming(self, coming: Coroutine[Any, Any, Any], waits_for: Any) -> MutableMapping[str, Any]:
        try:
            async with asyncio.timeout(self.seconds):
                message = await _going_on(coming, waits_for)
        except TimeoutError:
            raise BodyRefusal(f"The body did not come within {self.seconds:g} s.", 408, close=True) from None
        return self._present(message)

    def _present(self, message: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        return message

    async def discard(self, receive: Receive) -> bool:
        """Throw a body away; whether it came to its end within bounds."""
        size = 0
        try:
            async with asyncio.timeout(DISCARD_SECONDS):
                while size < DISCARDED_BYTES:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise DisconnectedError
                    if not message.get("more_body"):
                        return True
                    size += len(message.get("body", b""))
        except TimeoutError:
            pass
        return False

    def _too_large(self, *, close: bool) -> BodyRefusal:
        return BodyRefusal(
            f"The body is larger than {self.limit} bytes, which is the most that is taken.", 413, close=close
        )


@types.coroutine
def _going_on(begun: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """Await the rest of a coroutine that was begun by hand and waits for something."""
    try:
        while True:
            try:
                sent = yield waits_for
            except GeneratorExit:
                begun.close()
                raise
            except BaseException as error:
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(sent)
    except StopIteration as end:
        return end.value
