"""Iterators over dictionaries and sets go on, in a later step, through what they went through."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

from labline_runtime.values import digest, load, store

WAYS: dict[str, Callable[[Any], Any]] = {
    "keys": iter,
    "values": lambda held: iter(held.values()),
    "items": lambda held: iter(held.items()),
    "keys backwards": reversed,
    "values backwards": lambda held: reversed(held.values()),
    "items backwards": lambda held: reversed(held.items()),
}


def crossed(tmp_path: Any, held: Any, iterator: Any) -> tuple[Any, Any]:
    stored = store({"held": held, "iterator": iterator}, tmp_path)
    back = load(stored.path, stored.digest)[0]
    return back["held"], back["iterator"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("done", [0, 1, 2])
def test_an_iterator_over_an_ordered_dictionary_goes_on_the_same_way(tmp_path, way, done):
    held = OrderedDict(a="a", b="b", c="c")  # values that are their keys
    held.move_to_end("a")
    iterator = WAYS[way](held)
    given = [next(iterator) for _ in range(done)]
    _, back = crossed(tmp_path, held, iterator)
    assert given + list(back) == list(WAYS[way](held)) == given + list(iterator)


@pytest.mark.parametrize("way", ["values", "items backwards"])
def test_an_iterator_over_an_ordered_dictionary_sees_what_is_put_there_later(tmp_path, way):
    held, iterator = crossed(tmp_path, made := OrderedDict(a=1, b=2), WAYS[way](made))
    held["a"] = 10
    held["b"] = 20
    assert list(iterator) == list(WAYS[way](held))


def test_an_ordered_dictionary_is_as_it_was_when_an_iterator_over_it_was_stored(tmp_path):
    held = OrderedDict(b=1, a=2)
    crossed(tmp_path, held, iter(held.items()))
    assert list(held.items()) == [("b", 1), ("a", 2)]


def test_an_iterator_over_one_item_of_an_ordered_dictionary_crosses(tmp_path):
    held = OrderedDict(a=1)
    assert list(crossed(tmp_path, held, iter(held.values()))[1]) == [1]


@pytest.mark.parametrize("kind", [dict.fromkeys, OrderedDict.fromkeys, set])
def test_an_iterator_does_not_go_on_through_what_grew_in_a_later_step(tmp_path, kind):
    held = kind(["a", "b"])
    iterator = iter(held)
    next(iterator)
    held, iterator = crossed(tmp_path, held, iterator)
    held |= kind(["c"])
    with pytest.raises(RuntimeError):
        next(iterator)


@pytest.mark.parametrize("names", ["ab", "hgfedcba", "the quick brown fox"])
def test_an_iterator_over_a_set_gives_what_is_left_in_the_same_order(tmp_path, names):
    held = set(names)
    iterator = iter(held)
    next(iterator)
    before = digest(iterator)
    _, back = crossed(tmp_path, held, iterator)
    assert digest(back) == before
    assert list(back) == list(iterator)


@pytest.mark.parametrize("held", [OrderedDict(a=1), {"a"}, {"a": 1}])
def test_an_iterator_that_is_used_up_stays_so(tmp_path, held):
    iterator = iter(held)
    next(iterator)
    assert list(crossed(tmp_path, held, iterator)[1]) == []
