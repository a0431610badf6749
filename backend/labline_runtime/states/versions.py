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
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

Found = TypeVar("Found")

_OFFSET = 24  # bytes: after the number of references, the type, and how many items there are
_TRIES = 100  # enough for the interpreter to specialise what it does often


def version_of(held: Mapping[str, Any]) -> int | None:
    """The number of the dictionary *held*, or of the one that it is a proxy of; None where there is none to be had."""
    return _number(_dictionary(held)) if _is_numbered() else None


class Remembered(Generic[Found]):
    """What *find* finds in a dictionary, which it is asked only if that was changed since."""

    def __init__(self, find: Callable[[Mapping[str, Any]], Found]) -> None:
        self._find = find
        self._found: dict[int, tuple[int, Found]] = {}  # by the dictionary's address

    def __call__(self, held: Mapping[str, Any]) -> Found:
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


class Ground:
    """The containers that something was read from, as they were then."""

    def __init__(self, containers: Iterable[Any]) -> None:
        """*containers* are dictionaries, which count as they are, and lists and sets, which count by their items."""
        self._dictionaries = []
        self._others = []
        for each in containers:
            if isinstance(each, dict):
                self._dictionaries.append((each, version_of(each)))
            else:
                self._others.append((each, list(each)))

    def holds(self) -> bool:
        """Whether none of them was changed; False where that cannot be told."""
        if not _is_numbered():
            return False
        return all(_number(held) == version for held, version in self._dictionaries) and all(
            len(held) == len(items) and all(map(operator.is_, held, items)) for held, items in self._others
        )


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
    """Whether the dictionaries of this Python have numbers that every kind of change changes, and nothing else does."""
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
    return told
