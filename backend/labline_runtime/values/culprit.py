"""Finds the part of a value that cannot be pickled."""

from __future__ import annotations

import time
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from labline_runtime.values.parts import attributes, short
from labline_runtime.values.pickling import NOTEBOOK, dump
from labline_runtime.values.preview import type_name

BUDGET_SECONDS = 20.0
MAX_CHILDREN = 20_000


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
        if not _pickles(value):
            path, part = _descend(name, value, time.monotonic() + BUDGET_SECONDS)
            return Culprit(name, path, type_name(part))
    return None


def _pickles(value: Any) -> bool:
    try:
        dump(value, _Nowhere(), lambda buffer: None)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        raise
    except BaseException:
        return False
    return True


def _descend(path: str, value: Any, deadline: float) -> tuple[str, Any]:
    seen = {id(value)}
    while time.monotonic() < deadline:
        for step, part in _parts(value):
            if id(part) in seen or _pickles(part):
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
    elif isinstance(value, (list, tuple)):
        names = getattr(value, "_fields", None)
        for place, item in enumerate(value[:MAX_CHILDREN]):
            yield (f".{names[place]}" if names else f"[{place}]"), item
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
    if isinstance(value, types.MethodType):
        yield ".__self__", value.__self__
        yield ".__func__", value.__func__
    if isinstance(value, types.ModuleType):
        return
    for name, item in attributes(value).items():
        if not (isinstance(value, type) and name.startswith("__") and name not in ("__init__", "__call__")):
            yield f".{name}", item
    if type(value).__module__ == NOTEBOOK:
        yield ".__class__", type(value)
