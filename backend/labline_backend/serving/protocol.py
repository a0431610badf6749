"""uvicorn's HTTP protocol with what it does not have itself: bounds on a request's head, and answers in one piece.

Without bounds a client that never ends its headers costs memory without end, and one that sends none costs a connection
for ever. ``send`` writes the head of an answer and its body one after the other: two calls of the system, and a client
that is woken twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 64 << 10
HEAD_SECONDS = 20.0

WHOLE = "labline.http.response.whole"
"""Among the extensions of a scope: what is awaited with an answer's status, headers and body, in place of ``send``.

The names of the headers are in small letters, and nobody but us has made them and their values; ``content-length`` is
among them, and a body of a HEAD is empty.
"""


class Protocol(HttpToolsProtocol):  # type: ignore[misc, unused-ignore]
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request, not for ever."""
        super().connection_made(transport)
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def data_received(self, data: bytes) -> None:
        """Count what a head takes that is still not complete."""
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()
        elif self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()
        scope: Any = self.scope
        scope["extensions"] = {WHOLE: partial(_answer, self.cycle)}  # read when the request's task begins

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self.transport.close()


async def _answer(
    cycle: RequestResponseCycle, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> None:
    """As both messages of ``RequestResponseCycle.send``."""
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    head = [STATUS_LINE[status]]
    closes = False
    for name, value in (*cycle.default_headers, *headers):
        head += (name, b": ", value, b"\r\n")
        closes = closes or name == b"connection"
    if closes:
        cycle.keep_alive = False
    elif not cycle.keep_alive:
        head.append(b"connection: close\r\n")
    head.append(b"\r\n")
    cycle.waiting_for_100_continue = False
    cycle.response_started = cycle.response_complete = True
    cycle.transport.writelines((b"".join(head), body))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
