"""What a value is made of: its mutable parts, each with the expression that reaches it.

Only parts that a program may alter are told of, and only those through which the alteration could show elsewhere: the
containers, arrays, frames, generators of random numbers, estimators, instances of the notebook's classes and the
variables of closures. What a library keeps for itself (figures, loggers, locks) is not looked into.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import itertools
import random
import sys
import types
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from labline_runtime.dataclass import dataclass
from labline_runtime.library import is_library
from labline_runtime.values import containers, own, reduce_soup
from labline_runtime.values.blocks import copies_on_write
from labline_runtime.values.packages import package_of
from labline_runtime.values.tensors import memory_of

NOTEBOOK = "__main__"
LIMIT = 50_000  # parts of one value that are looked at

ATOMS = frozenset((type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented), range, slice))

_CLOSED = frozenset(
    (
        *("matplotlib", "mpl_toolkits", "seaborn", "plotly", "pyarrow", "polars", "torch", "IPython"),
        *("asyncio", "concurrent", "datetime", "decimal", "io", "logging", "multiprocessing", "re", "socket"),
        *("sqlite3", "threading", "weakref", "zoneinfo", "sympy.core.assumptions", "sympy.core.facts"),
    )
)
"""Packages, and modules, whose objects are not looked into: what they share among each other is their own affair."""

Steps = tuple[Any, ...]  # from the part outwards: (what it is part of, how the part is reached from there)


@dataclass(frozen=True)
class Part:
    """A mutable part of a value. ``memory`` is set for the memory that an array looks at.

    ``private`` memory belongs to a frame that copies on write: no other frame sees a change of it.
    """

    value: Any
    trail: Steps
    memory: bool = False
    private: bool = False

    @property
    def path(self) -> str:
        """The expression that reaches it, as in ``model.history[2]``."""
        steps: list[str] = []
        trail: Any = self.trail
        while trail is not None:
            trail, step = trail
            steps.append(step if isinstance(step, str) else f"[{short(step[0])}]")
        return "".join(reversed(steps))


def parts(name: str, value: Any) -> Iterator[Part]:
    """The mutable parts of *value*, itself included, from the outside inwards; each object once."""
    seen: set[int] = set()
    stack: list[tuple[Any, Steps]] = [(value, (None, name))]
    while stack:
        item, trail = stack.pop()
        kind = type(item)
        if kind in ATOMS or id(item) in seen:
            continue
        if len(seen) >= LIMIT:
            return
        seen.add(id(item))
        with contextlib.suppress(Exception):  # a type whose parts cannot even be looked at
            found = _Look(item, kind, trail)
            stack.extend(reversed(found.inside))
            yield from found.parts


class _Look:
    """One object: whether it is a part that counts, and what is inside it."""

    def __init__(self, item: Any, kind: type, trail: Steps) -> None:
        self._item = item
        self._trail = trail
        self.parts: list[Part] = []
        self.inside: list[tuple[Any, Steps]] = []
        if reduce_soup.is_element(item):  # a page counts as a whole: its elements all hold each other
            if (page := reduce_soup.outermost(item)) is item:
                self._note()
            else:
                self.inside.append((page, trail))
            return
        if issubclass(kind, dict):
            self._note()
            self._items(containers.held(item), containers.keys(item))
        elif issubclass(kind, (list, deque)):
            self._note()
            self._items(containers.held(item))
        elif issubclass(kind, tuple):
            self._items(containers.held(item), getattr(item, "_fields", None))
        elif issubclass(kind, (set, frozenset)):
            if issubclass(kind, set):
                self._note()
            items = containers.held(item)
            self._items(items, items)
        elif kind in (bytearray, array):
            self._note()
        elif issubclass(kind, (types.FunctionType, types.MethodType, types.CellType)):
            self._function(kind)
            return
        elif issubclass(kind, (type, types.ModuleType, types.BuiltinFunctionType, enum.Enum)):
            return
        else:
            self._instance(kind)
            return
        if kind.__module__ != "builtins":
            self._attributes(attributes(item))

    def _note(self, value: Any = None, trail: Steps | None = None, **facts: bool) -> None:
        self.parts.append(Part(self._item if value is None else value, trail or self._trail, **facts))

    def _items(self, items: Iterable[Any], keys: Iterable[Any] | None = None, trail: Steps | None = None) -> None:
        if set(map(type, items)) <= ATOMS:
            return
        keys = itertools.count() if keys is None else keys
        outer = trail or self._trail
        self.inside += [
            (item, (outer, (key,))) for key, item in zip(keys, items, strict=False) if type(item) not in ATOMS
        ]

    def _attributes(self, attributes: dict[str, Any]) -> None:
        self.inside += [
            (item, (self._trail, f".{name}")) for name, item in list(attributes.items()) if type(item) not in ATOMS
        ]

    def _function(self, kind: type) -> None:
        item = self._item
        if kind is types.CellType:
            self._note()
            if item != types.CellType():
                self.inside.append((item.cell_contents, self._trail))
        elif kind is types.MethodType:
            self.inside += [(item.__self__, (self._trail, ".__self__")), (item.__func__, (self._trail, ".__func__"))]
        elif item.__module__ == NOTEBOOK or "<locals>" in item.__qualname__:
            if vars(item):
                self._note()
            self._attributes(vars(item))
            for name, cell in zip(item.__code__.co_freevars, item.__closure__ or (), strict=True):
                self.inside.append((cell, (self._trail, f".<{name}>")))
            self._attributes({"__defaults__": item.__defaults__, "__kwdefaults__": item.__kwdefaults__})

    def _instance(self, kind: type) -> None:
        if (memory := memory_of(self._item)) is not None:
            self._note(memory, memory=True)
        if own.place_of(self._item) is not None:
            return
        nature = _nature(kind)
        if nature == "array":
            self._array(sys.modules["numpy"])
        elif nature == "frame":
            self._frame(sys.modules["pandas"])
        elif nature == "index":
            self._note()
        elif nature != "closed" and (nature != "pandas" or hasattr(self._item, "obj")):
            if nature in ("own", "generator"):
                self._note()
            self._attributes(attributes(self._item))

    def _array(self, numpy: Any) -> None:
        self._note(memory=True)
        if isinstance(self._item, numpy.ma.MaskedArray):
            self.inside.append((self._item._mask, (self._trail, ".mask")))
        if self._item.dtype.hasobject:
            self._items(self._item.ravel().tolist())

    def _frame(self, pandas: Any) -> None:
        self._note()
        frame = isinstance(self._item, pandas.DataFrame)
        private = copies_on_write()
        for name in ("index", "columns") if frame else ("index",):
            self.inside.append((getattr(self._item, name), (self._trail, f".{name}")))
        for block in self._item._mgr.blocks:
            trail = self._trail
            if frame:
                trail = (trail, (self._item.columns[block.mgr_locs.as_array[0]],))
            for memory in _arrays_of(block.values):
                if not (private and block.refs.has_reference()):  # else altering it makes a copy
                    self._note(memory, trail, memory=True, private=private)
                if memory.dtype.hasobject and frame and memory.ndim == 2:
                    for place, row in zip(block.mgr_locs.as_array, memory, strict=True):
                        self._items(row.tolist(), trail=(self._trail, (self._item.columns[place],)))
                elif memory.dtype.hasobject:
                    self._items(memory.ravel().tolist(), trail=trail)
        if self._item.attrs:
            self.inside.append((self._item.attrs, (self._trail, ".attrs")))


@functools.cache
def _nature(kind: type) -> str:
    """What objects of *kind* are here: a big model has thousands of a few types."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    root = package_of(kind)
    if is_closed(kind):
        return "closed"
    if numpy is not None and issubclass(kind, numpy.ndarray):
        return "array"
    if root == "pandas" and pandas is not None and issubclass(kind, (pandas.DataFrame, pandas.Series)):
        return "frame"
    if pandas is not None and issubclass(kind, pandas.Index):
        return "index"
    if root == "pandas":
        return "pandas"  # scalars and the rest are never altered; groupby objects hold a frame
    if numpy is not None and root == "numpy" and issubclass(kind, (numpy.generic, numpy.dtype)):
        return "closed"
    if is_own(kind) or _is_estimator(kind):
        return "own"
    return "generator" if _is_generator(kind) else "plain"


def is_index(value: Any) -> bool:
    """Whether *value* is an index of pandas: what it holds is never altered, what it is called may be."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.Index)


def is_closed(kind: type) -> bool:
    """Whether objects of *kind* are not looked into."""
    return package_of(kind) in _CLOSED or kind.__module__ in _CLOSED


def _arrays_of(values: Any) -> list[Any]:
    """The NumPy arrays in which a block of a frame lies."""
    numpy = sys.modules["numpy"]
    if isinstance(values, numpy.ndarray):
        return [values]
    found = [getattr(values, name, None) for name in ("_ndarray", "_data", "_mask")]
    return [item for item in found if isinstance(item, numpy.ndarray)]


@functools.cache
def _slots(kind: type) -> tuple[str, ...]:
    all_slots = (base.__dict__.get("__slots__", ()) for base in kind.__mro__)
    names = (name for slots in all_slots for name in ((slots,) if isinstance(slots, str) else slots))
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def attributes(value: Any) -> dict[str, Any]:
    """What an object's ``__dict__`` and ``__slots__`` hold."""
    found = dict(getattr(value, "__dict__", None) or {})
    for name in _slots(type(value)):  # type: ignore[arg-type]
        if hasattr(value, name):
            found.setdefault(name, getattr(value, name))
    for name in ("func", "args", "keywords") if type(value).__name__ == "partial" else ():
        found[name] = getattr(value, name)
    return found


def is_generator(value: Any) -> bool:
    """Whether *value* is a generator of random numbers of its own, not the one that a library shares out."""
    return _is_generator(type(value)) and own.place_of(value) is None


def _is_generator(kind: type) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or "numpy.random" not in sys.modules:
        return kind is random.Random
    return kind is random.Random or issubclass(kind, (numpy.random.RandomState, numpy.random.Generator))


@functools.cache
def is_own(kind: type) -> bool:
    """Whether *kind* is a class of the notebook, or of a module beside it."""
    module = kind.__module__
    if module == NOTEBOOK or not isinstance(module, str):
        return module == NOTEBOOK
    return getattr(sys.modules.get(module), "__file__", None) is not None and not is_library(module)


def is_estimator(value: Any) -> bool:
    """Whether *value* is one of scikit-learn's estimators, or made like one."""
    return _is_estimator(type(value))


def _is_estimator(kind: type) -> bool:
    base = sys.modules.get("sklearn.base")
    return base is not None and issubclass(kind, base.BaseEstimator)


def short(key: Any) -> str:
    """*key* in at most 60 characters, for a path."""
    try:
        text = repr(key)
    except Exception:
        text = f"<{type(key).__name__}>"
    return text if len(text) <= 60 else text[:59] + "…"
