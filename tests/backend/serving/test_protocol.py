"""Answers in one piece: the same bytes as uvicorn's own two messages, written once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from labline_backend.serving.protocol import WHOLE, Protocol

REQUESTS = {
    "a request": b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi",
    "two in a row": b"GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\n\r\n",
    "the last of its connection": b"GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    "an old client": b"GET /a HTTP/1.0\r\nhost: a\r\n\r\n",
    "the head alone": b"HEAD /a HTTP/1.1\r\nhost: a\r\n\r\n",
    "an answer that closes": b"GET /closes HTTP/1.1\r\nhost: a\r\n\r\n",
    "a refusal": b"GET /refused HTTP/1.1\r\nhost: a\r\n\r\n",
}


class Recording(asyncio.Transport):
    """A connection to nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def writelines(self, data: Any) -> None:
        self.written.append(b"".join(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def answered(request: bytes, *, whole: bool) -> Recording:
    """What is sent back for *request*."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        body = b"" if scope["method"] == "HEAD" else b"answer"
        status = 405 if scope["path"] == "/refused" else 200
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"6"), (b"x-path", scope["path"].encode())]
        if scope["path"] == "/closes":
            headers.append((b"connection", b"close"))
        if whole:
            await scope["extensions"][WHOLE](status, headers, body)
        else:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(application, http=Protocol, lifespan="off", ws="none", log_level="critical")
    config.load()
    state, transport = ServerState(), Recording()
    state.default_headers = [(b"date", b"today")]
    protocol = Protocol(config=config, server_state=state, app_state={})
    protocol.connection_made(transport)
    protocol.data_received(request)
    while state.tasks:
        await asyncio.gather(*state.tasks)
    protocol.connection_lost(None)
    return transport


@pytest.mark.parametrize("case", REQUESTS)
def test_an_answer_in_one_piece_has_the_bytes_of_one_in_two(case: str) -> None:
    one, two = (asyncio.run(answered(REQUESTS[case], whole=whole)) for whole in (True, False))
    assert b"".join(one.written) == b"".join(two.written)
    assert one.written[0].startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("case", REQUESTS)
def test_an_answer_in_one_piece_ends_the_connection_where_one_in_two_does(case: str) -> None:
    one, two = (asyncio.run(answered(REQUESTS[case], whole=whole)) for whole in (True, False))
    assert one.closed == two.closed


def test_an_answer_in_one_piece_is_written_once() -> None:
    assert len(asyncio.run(answered(REQUESTS["two in a row"], whole=True)).written) == 2


def test_nothing_is_written_to_a_client_that_has_gone() -> None:
    async def gone() -> Recording:
        left = asyncio.Event()

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await left.wait()
            await scope["extensions"][WHOLE](200, [(b"content-length", b"0")], b"")

        config = uvicorn.Config(application, http=Protocol, lifespan="off", ws="none", log_level="critical")
        config.load()
        state, transport = ServerState(), Recording()
        protocol = Protocol(config=config, server_state=state, app_state={})
        protocol.connection_made(transport)
        protocol.data_received(REQUESTS["a request"])
        protocol.connection_lost(None)
        left.set()
        await asyncio.gather(*state.tasks)
        return transport

    assert asyncio.run(gone()).written == []
