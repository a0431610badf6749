"""Which objects a value reaches, quickly: the collector's own links, a generation at a time.

Tells no paths (:mod:`labline_runtime.values.parts` does) and errs on the side of more: it is there to find out cheaply
that two values have nothing in common, which is nearly always so.
"""

from __future__ import annotations

import enum
import functools
import gc
import itertools
import sys
import types
from collections.abc import Callable
from typing import Any

from labline_runtime.values import containers
from labline_runtime.values.parts import ATOMS, is_closed
from labline_runtime.values.tensors import is_tensor, memory_of

_OF_PANDAS = frozenset({("pandas._libs.internals", "BlockPlacement")})  # where a frame's columns are: never altered

_LEAVES = (type, types.ModuleType, types.BuiltinFunctionType, types.CodeType, enum.Enum, property)

_BIG = 1000  # containers of more items are first asked whether there is anything but atoms in them


class Reach:
    """What one value reaches: the ids of objects that may be altered, and the NumPy arrays among them."""

    def __init__(self, value: Any) -> None:
        self.arrays: list[Any] = []
        self._seen: dict[int, Any] = {}
        self._immutable: set[int] = set()
        level = self._new([value])
        while level:
            special = [
                item
                for item in level
                if (kind := type(item)) in _special or (kind in (list, dict) and len(item) > _BIG)
            ]
            following = gc.get_referents(*level) if not special else []
            if special:
                apart = set(map(id, special))
                following = gc.get_referents(*[item for item in level if id(item) not in apart])
                for item in special:
                    following += self._inside(item)
            level = self._new(following)

    @functools.cached_property
    def ids(self) -> set[int]:
        """The ids of what may be altered."""
        return set(self._seen) - self._immutable

    def holds(self, item: Any) -> bool:
        """Whether *item* is among what the value reaches."""
        return id(item) in self._seen

    def _new(self, items: list[Any]) -> list[Any]:
        for kind in set(map(type, items)):
            if kind not in _known:
                _learn(kind)
        seen = self._seen
        found = {id(item): item for item in items if type(item) not in _leaves and id(item) not in seen}
        seen.update(found)
        return list(found.values())

    def _inside(self, item: Any) -> list[Any]:
        kind = type(item)
        if kind in (list, dict):
            items = item if kind is list else list(item.values())
            return list(items) if not set(map(type, items)) <= ATOMS else []
        return _special[kind](self, item)

    def _tuple(self, item: Any) -> list[Any]:
        self._immutable.add(id(item))
        items = containers.held(item)
        return list(items) if not set(map(type, items)) <= ATOMS else []

    def _zip_longest(self, item: Any) -> list[Any]:
        iterators, *others = gc.get_referents(item)
        return [*gc.get_referents(iterators), *others]  # the tuple has holes, on which Python crashes

    def _index(self, _: Any) -> list[Any]:
        return []

    def _frame(self, item: Any) -> list[Any]:
        return [*(block.values for block in item._mgr.blocks), *item._mgr.axes, item._attrs]

    def _window(self, item: Any) -> list[Any]:
        self._immutable.add(id(item))  # as an array below
        self.arrays += (memory for memory in [memory_of(item)] if memory is not None)
        return []

    def _function(self, item: Any) -> list[Any]:
        if not vars(item):
            self._immutable.add(id(item))
        return [*(item.__closure__ or ()), *vars(item).values(), item.__defaults__, item.__kwdefaults__]

    def _array(self, item: Any) -> list[Any]:
        self._immutable.add(id(item))  # its memory counts, not the object
        self.arrays.append(item)
        items = item.ravel().tolist() if item.dtype.hasobject else []
        return (items if not set(map(type, items)) <= ATOMS else []) + [getattr(item, "_mask", None)]


def _is_frame(kind: type) -> bool:
    """Whether objects of *kind* are pandas' own frames and series, of which it is known what they keep, and where."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and (kind is pandas.DataFrame or kind is pandas.Series)


_known: set[type] = set()
_leaves: set[type] = set()
_special: dict[type, Callable[[Reach, Any], list[Any]]] = {}  # how to look inside


def _learn(kind: type) -> None:
    _known.add(kind)
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if is_tensor(kind) or (numpy is not None and issubclass(kind, numpy.void)):
        _special[kind] = Reach._window
        return
    leaf = kind in ATOMS or issubclass(kind, _LEAVES) or is_closed(kind)
    leaf = leaf or (kind.__module__, kind.__name__) in _OF_PANDAS
    if numpy is not None:
        leaf = leaf or issubclass(kind, (numpy.generic, numpy.dtype, numpy.ufunc))
    if pandas is not None:
        leaf = leaf or issubclass(kind, pandas.api.extensions.ExtensionDtype)
    if leaf:
        _leaves.add(kind)
    elif issubclass(kind, (tuple, frozenset)):
        _special[kind] = Reach._tuple
    elif issubclass(kind, itertools.zip_longest):
        _special[kind] = Reach._zip_longest
    elif issubclass(kind, types.FunctionType):
        _special[kind] = Reach._function
    elif numpy is not None and issubclass(kind, numpy.ndarray):
        _special[kind] = Reach._array
    elif pandas is not None and issubclass(kind, pandas.Index):
        _special[kind] = Reach._index
    elif _is_frame(kind):
        _special[kind] = Reach._frame
