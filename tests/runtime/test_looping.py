"""One item of a loop, and what is against running it apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from labline_runtime.failure import StepFailure
from labline_runtime.items import Brought, digest_of
from labline_runtime.looping import Listing, Picked, chains
from labline_runtime.specification import Item, StepSpecification

SPEC = StepSpecification("run", "pipeline", "step", ".", ".", ".", ".", ())
Things = Callable[[], Iterable[Any]]


def listed(things: Things) -> list[Item]:
    listing = Listing(digest_of)
    listing(things())
    digests = listing.digests
    return [Item(n, len(digests), *each) for n, each in enumerate(zip(digests, chains(digests), strict=True))]


def picked(things: Things, number: int, body: Callable[[Any], Any] = lambda _: None) -> Picked:
    one = Picked(listed(things)[number], digest_of)
    for thing in one(things()):
        body(thing)
    return one


def buffer() -> Iterator[list[int]]:
    held: list[int] = []
    for number in range(3):
        held.append(number)
        yield held


def pruned() -> Iterator[list[str]]:
    top = ["below"]
    yield top
    yield from ([name] for name in top)


def test_an_item_is_what_it_is_when_its_turn_comes() -> None:
    seen: list[list[int]] = []
    one = picked(buffer, 1, lambda thing: seen.append([*thing]))
    assert (seen, one.wrong) == ([[0, 1]], None)


def test_items_of_one_buffer_have_digests_of_their_own() -> None:
    assert len({item.digest for item in listed(buffer)}) == 3


def test_changing_ones_own_item_is_right() -> None:
    assert picked(lambda: [[1], [2], [3]], 1, list.clear).wrong is None


@pytest.mark.parametrize(("things", "body"), [(lambda: [[0]] * 3, lambda x: x.append(1)), (pruned, list.clear)])
def test_an_item_that_changes_what_comes_after_it_is_seen(things: Things, body: Callable[[Any], Any]) -> None:
    assert picked(things, 0, body).wrong == "It changes what comes after it."


def test_what_is_something_else_each_time_does_not_reach_the_body() -> None:
    numbers = iter(range(100))
    seen: list[int] = []
    one = picked(lambda: [next(numbers) for _ in range(2)], 0, seen.append)
    assert (seen, one.wrong) == ([], "What the loop goes through is something else each time.")


def test_fewer_things_than_were_listed_are_seen() -> None:
    one = Picked(Item(2, 3, digest_of(2), ""), digest_of)
    assert [*one([0, 1])] == []
    assert one.wrong == "What the loop goes through has become shorter."


def test_what_a_class_of_the_notebook_holds_was_there_before_the_loop() -> None:
    kind = type("K", (), {"__module__": "__main__", "shared": []})
    brought = Brought({"K": kind})
    one = picked(lambda: [1], 0)
    with pytest.raises(StepFailure, match=r"found\[0\] shares an object with K.shared"):
        brought.check(SPEC, [{"found": [vars(kind)["shared"]]}], one)


def test_an_item_that_others_hold_too_is_no_result() -> None:
    thing: list[int] = []
    one = picked(lambda: [thing, [thing]], 0)
    with pytest.raises(StepFailure, match=r"found\[0\] shares an object with item 2\[0\]"):
        Brought({}).check(SPEC, [{"found": [thing]}], one)
