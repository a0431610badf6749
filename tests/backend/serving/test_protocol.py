"""What goes over a connection in which pieces."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from labline_backend.serving.protocol import Protocol, Whole

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Recording:
    """A transport that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def writelines(self, parts: Any) -> None:
        self.told.append(b"".join(parts))

    def close(self) -> None:
        self.told.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.told

    def get_extra_info(self, name: str) -> None:
        """Nothing is known of the other side."""


def told(*written: bytes, end: str = "flush") -> list[Any]:
    """What a transport is told of *written*, up to *end*."""
    transport = Recording()
    whole = Whole(transport)  # type: ignore[arg-type]
    for data in written:
        whole.write(data)
    getattr(whole, end)()
    return transport.told


def test_head_and_body_go_in_one_piece() -> None:
    assert told(HEAD, b"body") == [HEAD + b"body"]


def test_a_head_without_a_body_goes_when_the_answer_is_complete() -> None:
    assert told(HEAD) == [HEAD]


def test_what_is_held_goes_before_the_connection_is_closed() -> None:
    assert told(HEAD, end="close") == [HEAD, "closed"]


def test_the_word_to_go_on_is_not_held() -> None:
    assert told(b"HTTP/1.1 100 Continue\r\n\r\n", HEAD, b"body") == [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"body"]


def test_a_body_that_looks_like_a_head_is_a_body() -> None:
    assert told(HEAD, HEAD, b"more") == [HEAD + HEAD, b"more"]


async def test_a_client_that_goes_between_head_and_body_is_sent_neither() -> None:
    transport, begun, gone = Recording(), asyncio.Event(), asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        begun.set()
        await gone.wait()
        await send({"type": "http.response.body", "body": b"body"})

    state = ServerState()
    protocol = Protocol(uvicorn.Config(application, lifespan="off", ws="none", log_config=None), state, {})
    protocol.connection_made(transport)
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    (task,) = state.tasks
    await begun.wait()
    protocol.connection_lost(None)
    gone.set()
    await task
    assert transport.told == ["closed"]


async def test_an_answer_that_breaks_off_after_its_head_closes_the_connection() -> None:
    transport = Recording()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})

    state = ServerState()
    protocol = Protocol(uvicorn.Config(application, lifespan="off", ws="none", log_config=None), state, {})
    protocol.connection_made(transport)
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    (task,) = state.tasks
    await task
    assert transport.told == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", "closed"]
