"""Bodies come whole, in time, or are refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from labline_backend.serving.body import BodyReader, BodyRefusal, DisconnectedError


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


class Client:
    """What a client sends, each part once it is let."""

    def __init__(self, *parts: dict[str, Any]) -> None:
        self._parts = list(parts)
        self.let = asyncio.Event()

    async def __call__(self) -> dict[str, Any]:
        await self.let.wait()
        return self._parts.pop(0)


def reader(seconds: float = 60.0) -> BodyReader:
    return BodyReader(100, seconds, 1000)


async def test_a_body_that_is_there_is_read_without_waiting() -> None:
    client = Client(part(b"all"))
    client.let.set()
    with pytest.raises(StopIteration) as read:
        reader().read(client, 3).send(None)
    assert read.value.value == b"all"


async def test_a_body_that_comes_later_is_waited_for() -> None:
    client = Client(part(b"fir", more=True), part(b"st"))
    reading = asyncio.ensure_future(reader().read(client, None))
    await asyncio.sleep(0)
    assert not reading.done()
    client.let.set()
    assert await reading == b"first"


async def test_a_body_that_never_comes_is_given_up() -> None:
    with pytest.raises(BodyRefusal, match=r"did not come within 0.01 s"):
        await reader(0.01).read(Client(), 3)


async def test_who_waits_for_a_body_can_be_cancelled() -> None:
    reading = asyncio.ensure_future(reader().read(Client(), 3))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_client_that_has_gone_is_told_apart() -> None:
    client = Client({"type": "http.disconnect"})
    client.let.set()
    with pytest.raises(DisconnectedError):
        await reader().read(client, 3)
