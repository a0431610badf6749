"""How iterators over dictionaries and sets cross: with what they go through, of which pickle would make a list.

So they see what is altered there later, and refuse to go on where it has grown or shrunk, as they would in one process.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

_WAYS: tuple[Callable[[dict[Any, Any]], Any], ...] = (
    iter,
    lambda held: iter(dict.values(held)),
    lambda held: iter(dict.items(held)),
    reversed,
    lambda held: reversed(dict.values(held)),
    lambda held: reversed(dict.items(held)),
)
"""How one goes through a dictionary: by its keys, its values or both, and the same backwards."""
_ORDERED_WAYS: tuple[Callable[[OrderedDict[Any, Any]], Any], ...] = (
    OrderedDict.__iter__,
    lambda held: iter(OrderedDict.values(held)),
    lambda held: iter(OrderedDict.items(held)),
    OrderedDict.__reversed__,
    lambda held: reversed(OrderedDict.values(held)),
    lambda held: reversed(OrderedDict.items(held)),
)
"""The same for one that has an order of its own, of which all iterators are of one kind."""

_OF_DICTS = {type(way({})): number for number, way in enumerate(_WAYS)}


def _going_through(iterator: Any, kind: type) -> tuple[Any, list[Any]]:
    """What *iterator* goes through, and what is left of it; the first is None where nothing is.

    Raises ``RuntimeError`` where it has grown or shrunk meanwhile, as going on would.
    """
    (left,) = iterator.__reduce__()[1]
    held = next((held for held in gc.get_referents(iterator) if isinstance(held, kind)), None)
    return (held if left else None), left


def _reduce_of_dict(iterator: Any) -> Any:
    held, left = _going_through(iterator, dict)
    return None if held is None else (_go_on, (held, _OF_DICTS[type(iterator)], len(held) - len(left)))


def _reduce_of_ordered(iterator: Any) -> Any:
    held, left = _going_through(iterator, OrderedDict)
    return None if held is None else (_go_on_in_order, (held, _ordered_way(iterator, held), len(held) - len(left)))


def _ordered_way(iterator: Any, held: OrderedDict[Any, Any]) -> int:
    """In which of its ways *iterator* goes through *held*: that shows by what it would give last.

    Marks stand in the place of the values at both ends meanwhile, as a value may be its own key.
    """
    keys = list(OrderedDict.__iter__(held))
    ends, marks = (keys[0], keys[-1]), (object(), object())
    values = [dict.__getitem__(held, key) for key in ends]
    try:
        for key, mark in zip(ends, marks, strict=True):
            dict.__setitem__(held, key, mark)
        last = iterator.__reduce__()[1][0][-1]
    finally:
        for key, value in zip(ends, values, strict=True):
            dict.__setitem__(held, key, value)
    backwards = last is not keys[-1] and last is not marks[1] and not _is_pair(last, marks[1])
    key, mark = (ends[0], marks[0]) if backwards else (ends[1], marks[1])
    return (0 if last is key else 1 if last is mark else 2) + (3 if backwards else 0)


def _is_pair(given: Any, mark: object) -> bool:
    return type(given) is tuple and len(given) == 2 and given[1] is mark


def _reduce_of_set(iterator: Any) -> Any:
    held, left = _going_through(iterator, set)
    return None if held is None else (_go_on_in_set, (held, left))


def _go_on(held: dict[Any, Any], way: int, done: int) -> Any:
    return _advanced(_WAYS[way](held), done)


def _go_on_in_order(held: OrderedDict[Any, Any], way: int, done: int) -> Any:
    return _advanced(_ORDERED_WAYS[way](held), done)


def _go_on_in_set(held: set[Any], left: list[Any]) -> Any:
    """Through the set itself, if that has the order that it had (:mod:`labline_runtime.values.sets`)."""
    iterator = _advanced(iter(held), len(held) - len(left))
    (now,) = iterator.__reduce__()[1]
    return iterator if all(one is other for one, other in zip(now, left, strict=True)) else iter(left)


def _advanced(iterator: Any, done: int) -> Any:
    for _ in range(done):
        next(iterator)
    return iterator


REDUCERS: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys(_OF_DICTS, _reduce_of_dict),
    type(iter(OrderedDict())): _reduce_of_ordered,
    type(iter(set())): _reduce_of_set,
}
"""By the kind of iterator, how to pickle one; None for one that is left to pickle."""
