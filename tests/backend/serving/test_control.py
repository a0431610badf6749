"""Calls between the processes of an endpoint."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from labline_backend.serving.control import CallError, Channel, GoneError, Handler
from labline_backend.serving.plan import Arm, Plan


async def pair(ours: Mapping[str, Handler], theirs: Mapping[str, Handler]) -> tuple[Channel, Channel, list[Any]]:
    one, other = socket.socketpair()
    ends = await Channel.open(one, ours), await Channel.open(other, theirs)
    return *ends, [asyncio.create_task(end.run()) for end in ends]


async def over(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_both_sides_call_each_other_meanwhile() -> None:
    async def main() -> Any:
        async def double(value: int) -> int:
            return 2 * await other.call("one_more", value)

        async def one_more(value: int) -> int:
            return value + 1

        one, other, tasks = await pair({"one_more": one_more}, {"double": double})
        answers = await asyncio.gather(*(one.call("double", number) for number in range(5)))
        await over(tasks)
        return answers

    assert asyncio.run(main()) == [2, 4, 6, 8, 10]


def test_a_dataclass_goes_as_its_fields() -> None:
    async def main() -> Any:
        async def echo(value: Any) -> Any:
            return value

        one, _, tasks = await pair({}, {"echo": echo})
        answer = await one.call("echo", Plan("m", (Arm("a", "1", 100),)))
        await over(tasks)
        return answer

    sent = {"model": "m", "arms": [{"label": "a", "version": "1", "weight": 100}], "shadow": None, "folder": None}
    assert asyncio.run(main()) == sent


@pytest.mark.parametrize(
    ("error", "said"), [(CallError("There is no such model."), "There is no such model."), (KeyError("x"), "KeyError")]
)
def test_what_goes_wrong_there_is_told_here(error: Exception, said: str) -> None:
    async def main() -> None:
        async def fail(_: Any) -> None:
            raise error

        one, _, tasks = await pair({}, {"fail": fail})
        try:
            await one.call("fail")
        finally:
            await over(tasks)

    with pytest.raises(CallError, match=said):
        asyncio.run(main())


def test_a_call_to_one_that_dies_ends() -> None:
    async def main() -> None:
        entered = asyncio.Event()

        async def never(_: Any) -> None:
            entered.set()
            await asyncio.Event().wait()

        one, _, tasks = await pair({}, {"never": never})
        call = asyncio.create_task(one.call("never"))
        await entered.wait()
        tasks[1].cancel()
        try:
            with pytest.raises(GoneError):
                await call
            with pytest.raises(GoneError):
                await one.call("never")
        finally:
            await over(tasks)

    asyncio.run(main())
