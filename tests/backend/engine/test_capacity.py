"""How steps share the machine."""

from __future__ import annotations

import asyncio

from labline_backend.engine.capacity import Capacity, Share
from labline_backend.engine.local_options import memory_limit, share
from tests.backend.engine.pipelines import step

Started = list[str]


def held_after(capacity: Capacity, *wanted: tuple[str, Share], end: str = "") -> Started:
    """Ask for the shares in this order; who has had one when all has settled, and *end* has given his back."""

    async def run() -> Started:
        started: Started = []
        ends = {name: asyncio.Event() for name, _ in wanted}

        async def hold(name: str, share: Share) -> None:
            async with capacity.share(share):
                started.append(name)
                await ends[name].wait()

        tasks = {name: asyncio.create_task(hold(name, share)) for name, share in wanted}
        await _settle()
        if end.startswith("-"):
            tasks[end[1:]].cancel()
        elif end:
            ends[end].set()
        await _settle()
        for event in ends.values():
            event.set()
        found = list(started)
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        return found

    return asyncio.run(run())


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_small_steps_run_side_by_side() -> None:
    assert held_after(Capacity(2), ("a", Share()), ("b", Share()), ("c", Share())) == ["a", "b"]


def test_two_steps_that_want_all_cores_do_not_meet() -> None:
    assert held_after(Capacity(2), ("a", Share(2)), ("b", Share(2))) == ["a"]


def test_two_steps_that_want_more_memory_than_there_is_do_not_meet() -> None:
    assert held_after(Capacity(4, 10), ("a", Share(1, 6)), ("b", Share(1, 6)), ("c", Share(1, 6)), end="a") == [
        "a",
        "b",
    ]


def test_a_step_that_wants_more_than_there_is_gets_it_all() -> None:
    assert held_after(Capacity(2, 10), ("a", Share(64, 1000)), ("b", Share()), end="a") == ["a", "b"]


def test_a_big_step_is_not_starved_by_small_ones() -> None:
    assert held_after(Capacity(2), ("a", Share()), ("big", Share(2)), ("b", Share())) == ["a"]


def test_who_gives_up_waiting_holds_nobody_up() -> None:
    assert held_after(Capacity(2), ("a", Share()), ("big", Share(2)), ("b", Share()), end="-big") == ["a", "b"]


def test_limits_are_the_share_of_a_step() -> None:
    assert share(step("a", "1", limits={"cpu": "1500m", "memory": "1.5Gi"})) == Share(2, 3 * 2**29)


def test_a_limit_that_cannot_be_read_limits_nothing() -> None:
    assert memory_limit(step("a", "1", limits={"memory": "lots"})) == 0


def served(*wanted: tuple[str, int, Share]) -> Started:
    """In which order a machine of one core serves steps of these notebooks and priorities, all waiting."""

    async def run() -> Started:
        order: Started = []
        capacity = Capacity(1)

        async def take(notebook: str, priority: int, share: Share) -> None:
            async with capacity.share(share, notebook, priority):
                order.append(notebook)

        async with capacity.share(Share()):
            tasks = [asyncio.create_task(take(*each)) for each in wanted]
            await _settle()
        await asyncio.gather(*tasks)
        return order

    return asyncio.run(run())


def test_notebooks_take_turns() -> None:
    many = [("many", 0, Share())] * 3
    assert served(*many, ("one", 0, Share()), ("two", 0, Share())) == ["many", "one", "two", "many", "many"]


def test_a_higher_priority_goes_first() -> None:
    assert served(("low", -1, Share()), ("usual", 0, Share()), ("high", 1, Share())) == ["high", "usual", "low"]


def test_who_waits_of_equals_is_not_overtaken_for_ever() -> None:
    wanted = [("old", 0, Share()), *((f"new {number}", 0, Share()) for number in range(3)), ("old", 0, Share())]
    assert served(*wanted)[0] == "old"
