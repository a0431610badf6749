"""Links between objects: few, and none lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labline_compiler.analysis.heap import NOTHING, Heap


def test_what_is_reached_anyhow_is_not_linked_again() -> None:
    heap = Heap()
    oldest = heap.make("oldest", "pandas")
    older = heap.make("older", "pandas", oldest)
    newest = heap.make("newest", "pandas", oldest | older)
    (number,) = newest
    assert heap.things[number].holds == older
    assert heap.reach(newest) == oldest | older | newest


def test_a_list_holds_directly_whatever_was_put_in() -> None:
    heap = Heap()
    inner = heap.make("inner", "list")
    outer = heap.make("outer", "list", inner)
    both = heap.make("both", "list", inner | outer)
    assert heap.elements(both) == inner | outer


def test_objects_that_hold_each_other_are_all_reached() -> None:
    heap = Heap()
    one = heap.make("one", "pandas")
    other = heap.make("other", "pandas", one)
    heap.put(one, other)
    holder = heap.make("holder", "pandas", one | other)
    assert heap.reach(holder) == one | other | holder


def test_a_part_of_an_estimator_behind_data_is_linked_to_it() -> None:
    heap = Heap()
    model = heap.make("model", "sklearn")
    data = heap.make("data", "pandas", model)
    pipeline = heap.make("pipeline", "sklearn", model | data)
    (number,) = pipeline
    assert model <= heap.things[number].holds


_LINKS = st.lists(st.tuples(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=3), st.booleans()), max_size=25)


@given(_LINKS)
def test_what_is_reached_is_what_following_every_link_finds(links: list[tuple[int, set[int], bool]]) -> None:
    heap = Heap()
    objects = [heap.make(number, "list" if number % 2 else "pandas") for number in range(8)]
    held = {number: {number} for number in range(8)}
    for holder, content, asked in links:
        heap.put(objects[holder], NOTHING.union(*(objects[number] for number in content)))
        held[holder] |= content
        if asked:  # what was worked out before the next link must not stay when that changes it
            assert [heap.reach(each) for each in objects] == [_followed(held, number) for number in range(8)]
    assert heap.reach(NOTHING.union(*objects[:3])) == NOTHING.union(*(_followed(held, number) for number in range(3)))


def _followed(held: dict[int, set[int]], start: int) -> frozenset[int]:
    found, stack = {start}, [start]
    while stack:
        new = held[stack.pop()] - found
        found |= new
        stack += new
    return frozenset(found)
