"""Finds the part of a value that cannot be pickled."""

from __future__ import annotations

import itertools
import sys
import types
from collections import deque
from collections.abc import Iterator, Mapping
from time import monotonic  # before a cell can put others in their places
from typing import Any

from labline_runtime.dataclass import dataclass
from labline_runtime.values import reduce_logging
from labline_runtime.values.packages import package_of
from labline_runtime.values.parts import attributes, short
from labline_runtime.values.pickling import NOTEBOOK
from labline_runtime.values.preview import type_name
from labline_runtime.values.writing import dump

BUDGET_SECONDS = 20.0
MAX_CHILDREN = 20_000

_WHOLE = frozenset(
    (
        *("asyncio", "bz2", "concurrent", "gzip", "h5py", "multiprocessing", "queue", "selectors", "socket"),
        *("sqlite3", "ssl", "subprocess", "tarfile", "tempfile", "threading", "zipfile"),
    )
)
"""Packages whose objects are the culprit as a whole: that a thread holds a lock tells nobody anything."""


@dataclass(frozen=True)
class Culprit:
    """The innermost part that cannot be pickled, and the way to it from its variable."""

    variable: str
    path: str
    type: str


class _Nowhere:
    def write(self, data: Any) -> int:
        return len(data)


def find_culprit(values: Mapping[str, Any]) -> Culprit | None:
    """The first culprit in *values*, or None where each of them pickles alone."""
    for name, value in values.items():
        error = _refusal(value)
        if error is None:
            continue
        path, part = name, value
        if "recursion" not in str(error):  # else no single part is to blame
            path, part = _descend(name, value, monotonic() + BUDGET_SECONDS)
        return Culprit(name, path, type_name(part))
    return None


def _refusal(value: Any) -> BaseException | None:
    """What pickling *value* raises, if it does."""
    try:
        dump(value, _Nowhere(), lambda buffer: None)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return error
    return None


def _descend(path: str, value: Any, deadline: float) -> tuple[str, Any]:
    seen = {id(value)}
    while monotonic() < deadline and package_of(type(value)) not in _WHOLE:
        for step, part in _parts(value):
            if id(part) in seen or _refusal(part) is None:
                continue
            seen.add(id(part))
            path, value = path + step, part
            break
        else:
            return path, value
    return path, value


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What *value* is made of, each with the expression that reaches it."""
    try:
        yield from _known_parts(value)
    except Exception:  # a type whose attributes cannot even be looked at: it is the culprit itself
        return


def _known_parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for count, (key, item) in enumerate(value.items()):
            if count >= MAX_CHILDREN:
                break
            yield f"[{short(key)}]", item
            yield f"[{short(key)}] (the key)", key
    elif isinstance(value, (list, tuple, deque)):
        names = getattr(value, "_fields", None)
        for place, item in enumerate(itertools.islice(value, MAX_CHILDREN)):
            yield (f".{names[place]}" if names else f"[{place}]"), item
    elif (items := _elements(value)) is not None:
        yield from itertools.islice(items, MAX_CHILDREN)
    elif isinstance(value, (set, frozenset)):
        for item in list(value)[:MAX_CHILDREN]:
            yield f"{{{short(item)}}}", item
    if isinstance(value, types.FunctionType):
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            try:
                yield f".<{name}>", cell.cell_contents
            except ValueError:
                continue
        for place, item in enumerate(value.__defaults__ or ()):
            yield f".__defaults__[{place}]", item
    if isinstance(value, (types.MethodType, types.BuiltinMethodType)):
        yield ".__self__", value.__self__
        yield ".__func__", getattr(value, "__func__", None)
    if isinstance(value, types.ModuleType):
        return
    held = reduce_logging.state_of(value) if reduce_logging.is_handler(value) else attributes(value)
    for name, item in held.items():
        if not (isinstance(value, type) and name.startswith("__") and name not in ("__init__", "__call__")):
            yield f".{name}", item
    if type(value).__module__ == NOTEBOOK:
        yield ".__class__", type(value)


def _elements(value: Any) -> Iterator[tuple[str, Any]] | None:
    """What a frame, a series or an array of objects holds; None for anything else."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return ((f"[{short(name)}]", column) for name, column in value.items())
    if pandas is not None and isinstance(value, pandas.Series):
        return ((f".iloc[{place}]", item) for place, item in enumerate(value))
    if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype.hasobject:
        return ((str(list(place)), item) for place, item in numpy.ndenumerate(value))
    return None
