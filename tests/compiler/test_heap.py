"""Links between objects: few, and none lost."""

from __future__ import annotations

from labline_compiler.analysis.heap import Heap


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
