"""Whether a dictionary was changed, told without touching what is in it.

A step is forked from a parent that holds libraries, and whatever it looks at is copied page by page, since to look at
an object is to count a reference to it. CPython up to 3.13 gives a dictionary another number whenever it is changed,
the same to no two (PEP 509, ``ma_version_tag`` of ``dictobject.h``). So what was found in one is known as long as its
number is the same, also where the parent has found it. Nothing relies on that: the number is tried before it is
believed, and where there is none everything is looked at each time.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import operator
import struct
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from labline_runtime.dataclass import dataclass

Content = TypeVar("Content")

_COUNT = 8  # bytes of the number of references that an object begins with
_OFFSET = 24  # bytes: after the number of references, the type, and how many items there are
_LENGTH = 16  # bytes, in a list: after the number of references and the type
_WORD = 8
_HEAD = 2 * _WORD  # how many items there are, and where
_TRIES = 100  # enough for the interpreter to specialise what it does often


def version_of(held: Mapping[str, Any]) -> int | None:
    """The number of the dictionary *held*, or of the one that it is a proxy of; None where there is none to be had."""
    return _number(_dictionary(held)) if _is_numbered() else None


class Remembered(Generic[Content]):
    """What *find* finds in a dictionary, which it is asked only if that was changed since."""

    def __init__(self, find: Callable[[Mapping[str, Any]], Content]) -> None:
        self._find = find
        self._found: dict[int, tuple[int, Content]] = {}  # by the dictionary's address

    def __call__(self, held: Mapping[str, Any]) -> Content:
        """What is in *held*, be it a dictionary or a proxy of one."""
        if not _is_numbered():
            return self._find(held)
        held = _dictionary(held)
        version, known = _number(held), self._found.get(id(held))
        if known is not None and known[0] == version:
            return known[1]
        found = self._find(held)
        self._found[id(held)] = version, found
        return found


class Found(Generic[Content]):
    """What *find* finds in one dictionary, which is not taken into the hand as long as it was not changed."""

    def __init__(self, held: Mapping[str, Any], find: Callable[[Mapping[str, Any]], Content]) -> None:
        """*held* is a dictionary or a proxy of one."""
        self._held, self._find = held, find
        self._place = id(_dictionary(held)) + _OFFSET
        self._number: int | None = None

    def __call__(self) -> Content:
        """What is in the dictionary."""
        if not _is_numbered():
            return self._find(self._held)
        number = ctypes.c_uint64.from_address(self._place).value
        if number != self._number:
            self._content = self._find(self._held)
            self._number = number
        return self._content


@dataclass(frozen=True)
class Bare:
    """An object that counts by what lies in its own memory: numbers, and which objects it refers to."""

    thing: Any


class Ground:
    """The containers that something was read from, as they were then.

    It keeps where in memory to look rather than the containers: to take one into the hand would write its page. All
    that is to be looked at is read in one go: after a cell has run hardly anything of it is in the processor's caches,
    so that each object on the way counts.
    """

    def __init__(self, containers: Iterable[Any]) -> None:
        """*containers* are dictionaries, proxies of such, lists and sets, which count by their items, :class:`Bare`."""
        self._kept: list[Any] = []  # so that what lies at the places below is what it was
        heads, items = list[_Place](), list[_Place]()
        self._sets: list[tuple[Any, list[Any]]] = []
        if not _is_numbered():
            return
        for each in containers:
            if isinstance(each, (dict, types.MappingProxyType)):
                self._kept.append(each)
                heads.append(_place(id(_dictionary(each)) + _OFFSET, _WORD))
            elif type(each) is list:
                self._kept.append((each, each.copy()))
                heads.append(_place(id(each) + _LENGTH, _HEAD))
                items.append(_items_of(each))
            elif type(each) is Bare:
                self._kept.append(each)
                heads.append(_place(id(each.thing) + _COUNT, type(each.thing).__basicsize__ - _COUNT))
            else:
                self._sets.append((each, list(each)))
        self._heads, self._items = _Memory(heads), _Memory(items)

    def holds(self) -> bool:
        """Whether none of them was changed; False where that cannot be told."""
        if not _is_numbered():
            return False
        # Only where the heads are the same are the lists' items still there.
        if not self._heads.is_as_it_was() or not self._items.is_as_it_was():
            return False
        return not self._sets or all(
            len(held) == len(items) and all(map(operator.is_, held, items)) for held, items in self._sets
        )


_Place = ctypes.Array[ctypes.c_char]


def _place(address: int, size: int) -> _Place:
    return (ctypes.c_char * size).from_address(address)


def _items_of(held: list[Any]) -> _Place:
    """Where a list's items are, and which."""
    length, items = struct.unpack("nP", ctypes.string_at(id(held) + _LENGTH, _HEAD))
    return _place(items or id(held), _WORD * length)


class _Memory:
    """Several places in memory, and what was there."""

    def __init__(self, places: Sequence[_Place]) -> None:
        self._places = tuple(places)
        self._content = b"".join(self._places)

    def is_as_it_was(self) -> bool:
        return b"".join(self._places) == self._content


def _number(held: Mapping[str, Any]) -> int:
    return ctypes.c_uint64.from_address(id(held) + _OFFSET).value


def _dictionary(held: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a proxy, such as ``vars(kind)``, is one of."""
    if not isinstance(held, types.MappingProxyType):
        return held
    (held,) = gc.get_referents(held)
    return held


@functools.cache
def _is_numbered() -> bool:
    """Whether the dictionaries of this Python have numbers that every kind of change changes, and nothing else does.

    And whether its lists lie in memory as those of CPython do.
    """
    if sys.implementation.name != "cpython" or sys.maxsize >> 32 == 0 or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return False
    if sys.getsizeof({}) < _OFFSET + 8:
        return False
    module = types.ModuleType("module")
    kind = type("Kind", (), {"name": None})
    plain: dict[Any, Any] = {"name": None}
    seen: set[int] = set()

    def is_new(*several: Mapping[str, Any]) -> bool:
        numbers = [_number(_dictionary(each)) for each in several]
        fresh = len({*numbers}) == len(numbers) and seen.isdisjoint(numbers)
        seen.update(numbers)
        return fresh and numbers == [_number(_dictionary(each)) for each in several]

    held = (vars(module), vars(kind), plain)
    told = is_new(*held)
    for place in range(_TRIES):
        module.name = kind.name = plain["name"] = object()  # type: ignore[attr-defined]
        told = told and is_new(*held)
        _ = (module.name, kind.name, plain.get("name"), list(plain.items()), kind().name, dict(plain))  # type: ignore
        told = told and [_number(_dictionary(each)) in seen for each in held] == [True] * 3
        del module.name, kind.name, plain["name"]  # type: ignore[attr-defined]
        told = told and is_new(*held)
        plain.update({place: place})
        told = told and is_new(plain)
    items = [object(), object(), None]
    return told and bytes(_items_of(items)) == struct.pack("3P", *map(id, items)) and bytes(_items_of([])) == b""
