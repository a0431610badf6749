"""The first place where two values differ: ``df['age'].iloc[3]``, ``coef_[2]``, ``config['a'][0].x``.

The content digest decides what is equal, so that this says of two values exactly what their digests say: NaN equals
itself, ``-0.0`` is not ``0.0``, dtypes and the order of a dictionary's keys count. In sequences, arrays and columns the
first differing place is found by halving. NumPy's arrays and pandas' objects are in :mod:`.difference_arrays`.
"""

from __future__ import annotations

import functools
import io
import reprlib
import types
from collections.abc import Callable
from typing import Any

from labline_runtime.values import difference_arrays
from labline_runtime.values.digest import DigestError, digest
from labline_runtime.values.preview import type_name
from labline_runtime.verification import Difference

DEPTH = 60
TEXT_LIMIT = 200

AROUND = 40  # characters of a long text that are told on either side of where it first differs

_ATOMS = (type(None), bool, int, float, complex, str, bytes)
_TEXTS = (str, bytes, bytearray)
_MEMORY = (io.StringIO, io.BytesIO)
MISSING = "(missing)"


def first_difference(name: str, notebook: Any, pipeline: Any) -> Difference | None:
    """Where *pipeline* first differs from *notebook*, both called *name*; None where they are equal."""
    return Walk().compare(name, notebook, pipeline)


class Walk:
    """One comparison. *first* is always the notebook's side."""

    def __init__(self) -> None:
        self._open: set[tuple[int, int]] = set()

    def compare(self, path: str, first: Any, second: Any) -> Difference | None:
        """The first difference below *path*."""
        if first is second or same(first, second):
            return None
        key = (id(first), id(second))
        if key in self._open or len(self._open) >= DEPTH:
            return None
        self._open.add(key)
        try:
            return self._parts(path, first, second) or Difference(path, *_texts(first, second))
        finally:
            self._open.discard(key)

    def _parts(self, path: str, first: Any, second: Any) -> Difference | None:
        kind = type(first)
        if type_name(first) != type_name(second):
            return Difference(path, f"{type_name(first)}: {shown(first)}", f"{type_name(second)}: {shown(second)}")
        if kind in _TEXTS:
            return self.text(path, first, second)
        if kind in _ATOMS:
            return None
        special = difference_arrays.find(first)
        if special is not None:
            return special(self, path, first, second)
        found = None
        if isinstance(first, _MEMORY):
            found = self.memory(path, first, second)
        elif isinstance(first, dict):
            found = self.mapping(path, first, second)
        elif isinstance(first, (list, tuple)):
            fields = getattr(first, "_fields", None)
            found = self.sequence(path, list(first), list(second), fields if isinstance(fields, tuple) else None)
        elif isinstance(first, (set, frozenset)):
            found = self.members(path, first, second)
        elif isinstance(first, types.FunctionType):
            found = self.function(path, first, second)
        return found or self.attributes(path, first, second) or self._pickled(path, first, second)

    def text(self, path: str, first: Any, second: Any) -> Difference | None:
        """Of text and bytes too long to be told as a whole, the part around the first place that differs."""
        length = min(len(first), len(second))
        if max(len(first), len(second)) <= TEXT_LIMIT:
            return None
        place = first_place(length, lambda start, stop: first[start:stop] == second[start:stop])
        start = max(0, (length if place is None else place) - AROUND)
        stop = start + 2 * AROUND
        return Difference(f"{path}[{start}:{stop}]", shown(first[start:stop]), shown(second[start:stop]))

    def memory(self, path: str, first: Any, second: Any) -> Difference | None:
        """Of a file in memory: whether it is closed, its content, then where it is read and written next."""
        if first.closed or second.closed:
            parts = [("closed", first.closed, second.closed)]
        else:
            parts = [
                ("getvalue()", first.getvalue(), second.getvalue()),
                ("tell()", first.tell(), second.tell()),
            ]
        for part, ours, theirs in parts:
            if (found := self.compare(f"{path}.{part}", ours, theirs)) is not None:
                return found
        return None

    def mapping(self, path: str, first: dict[Any, Any], second: dict[Any, Any]) -> Difference | None:
        """The first key that one lacks, then the first that holds something else, then the order of the keys."""
        other = {_key(key): value for key, value in second.items()}
        for key, value in first.items():
            place = f"{path}[{shown(key)}]"
            if _key(key) not in other:
                return Difference(place, shown(value), MISSING)
            if (found := self.compare(place, value, other[_key(key)])) is not None:
                return found
        known = {_key(key) for key in first}
        for key, value in second.items():
            if _key(key) not in known:
                return Difference(f"{path}[{shown(key)}]", MISSING, shown(value))
        if list(map(_key, first)) != list(map(_key, second)):
            return Difference(f"list({path})", shown(list(first)), shown(list(second)))
        return None

    def sequence(
        self, path: str, first: list[Any], second: list[Any], fields: tuple[str, ...] | None = None
    ) -> Difference | None:
        """The first item that differs, then the length."""
        length = min(len(first), len(second))
        place = first_place(length, lambda start, stop: same(first[start:stop], second[start:stop]))
        if place is not None:
            step = f".{fields[place]}" if fields else f"[{place}]"
            return self.compare(path + step, first[place], second[place])
        if len(first) != len(second):
            return Difference(f"len({path})", str(len(first)), str(len(second)))
        return None

    def members(self, path: str, first: Any, second: Any) -> Difference | None:
        """A member that only one side has."""
        ours, theirs = ({_key(item): item for item in side} for side in (first, second))
        for key, item in ours.items():
            if key not in theirs:
                return Difference(f"{shown(item)} in {path}", "True", "False")
        for key, item in theirs.items():
            if key not in ours:
                return Difference(f"{shown(item)} in {path}", "False", "True")
        return None

    def function(self, path: str, first: types.FunctionType, second: types.FunctionType) -> Difference | None:
        """Defaults, then what the closure holds, then the code."""
        parts: list[tuple[str, Any, Any]] = [
            (f"{path}.__defaults__", first.__defaults__, second.__defaults__),
            (f"{path}.__kwdefaults__", first.__kwdefaults__, second.__kwdefaults__),
        ]
        if first.__code__.co_freevars == second.__code__.co_freevars:
            cells = zip(first.__code__.co_freevars, first.__closure__ or (), second.__closure__ or (), strict=True)
            parts += [(f"{path}.<{name}>", _content(ours), _content(theirs)) for name, ours, theirs in cells]
        for place, ours, theirs in parts:
            if (found := self.compare(place, ours, theirs)) is not None:
                return found
        if not same(first.__code__, second.__code__):
            return Difference(f"{path}.__code__", shown(first), shown(second))
        return None

    def attributes(self, path: str, first: Any, second: Any) -> Difference | None:
        """The first attribute, in the order of their names, that differs or that only one side has."""
        ours, theirs = _attributes(first), _attributes(second)
        for name in sorted({*ours, *theirs}):
            if name not in theirs:
                return Difference(f"{path}.{name}", shown(ours[name]), MISSING)
            if name not in ours:
                return Difference(f"{path}.{name}", MISSING, shown(theirs[name]))
            if (found := self.compare(f"{path}.{name}", ours[name], theirs[name])) is not None:
                return found
        return None

    def _pickled(self, path: str, first: Any, second: Any) -> Difference | None:
        """What else pickle is handed: the items of a deque, the state of a generator of random numbers."""
        if isinstance(first, type):
            return None
        ours, theirs = _reduction(first), _reduction(second)
        if ours is None or theirs is None:
            return None
        items, others = (None if side[3] is None else list(side[3]) for side in (ours, theirs))
        if items is not None and others is not None and (found := self.sequence(path, items, others)) is not None:
            return found
        pairs, others_pairs = ({} if side[4] is None else dict(side[4]) for side in (ours, theirs))
        if (found := self.mapping(path, pairs, others_pairs)) is not None:
            return found
        if isinstance(ours[2], dict) and isinstance(theirs[2], dict):
            for name in ours[2].keys() & theirs[2].keys():
                if (found := self.compare(f"{path}.{name}", ours[2][name], theirs[2][name])) is not None:
                    return found
        arguments = zip(ours[1], theirs[1], strict=False)
        for mine, other in arguments:
            if type(mine) not in _ATOMS and (found := self.compare(path, mine, other)) is not None:
                return found
        return None


def same(first: Any, second: Any) -> bool:
    """Whether the two have one content. What cannot be digested is taken for different."""
    try:
        return digest(first) == digest(second)
    except DigestError:
        return False


def first_place(length: int, is_same: Callable[[int, int], bool]) -> int | None:
    """The first of *length* places that differs, where *is_same* compares the places from start to stop."""
    if length == 0 or is_same(0, length):
        return None
    start, stop = 0, length
    while stop - start > 1:
        middle = (start + stop) // 2
        if is_same(start, middle):
            start = middle
        else:
            stop = middle
    return start


class _Bounded(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = TEXT_LIMIT


def shown(value: Any) -> str:
    """*value* on one bounded line."""
    try:
        text = _Bounded().repr(value) if type(value) in (list, tuple, dict, set, frozenset, str) else repr(value)
    except Exception as error:
        text = f"<{type_name(value)} whose repr raises {type(error).__name__}>"
    text = " ".join(str(text).encode("utf-8", "backslashreplace").decode().split())
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def _texts(first: Any, second: Any) -> tuple[str, str]:
    """Both sides as text; where that does not tell them apart, their digests do."""
    texts = shown(first), shown(second)
    if texts[0] != texts[1]:
        return texts
    return f"{texts[0]} (digest {_short(first)})", f"{texts[1]} (digest {_short(second)})"


def _short(value: Any) -> str:
    try:
        return digest(value)[:12]
    except DigestError:
        return "none"


def _key(value: Any) -> Any:
    """A key or member as its content: equal for what the digest holds equal."""
    try:
        return digest(value)
    except DigestError:
        return id(value)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _attributes(value: Any) -> dict[str, Any]:
    found = dict(getattr(value, "__dict__", None) or {})
    if isinstance(value, type):
        return {name: item for name, item in found.items() if name not in ("__dict__", "__weakref__", "__doc__")}
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found.setdefault(name, getattr(value, name))
    if isinstance(value, functools.partial):
        found |= {"func": value.func, "args": value.args, "keywords": value.keywords}
    return found


def _reduction(value: Any) -> tuple[Any, Any, Any, Any, Any] | None:
    try:
        reduction = value.__reduce_ex__(5)
    except Exception:
        return None
    if not isinstance(reduction, tuple):
        return None
    make, arguments, state, listed, mapped = (*reduction, None, None, None)[:5]
    return make, arguments, state, listed, mapped
