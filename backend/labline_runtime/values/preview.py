"""What is shown of a value: a bounded piece of text and of a table. A broken ``repr`` is said, not raised."""

from __future__ import annotations

import dataclasses
import reprlib
import sys
from typing import Any

from labline_runtime.outcome import Preview, ValueRecord
from labline_runtime.values.digest import DigestError, digest
from labline_runtime.values.hashed import Written

TEXT_LIMIT = 2000
CELL_LIMIT = 200
ROWS = 20
COLUMNS = 20


def describe(name: str, value: Any, pickled_size: int = 0, written: Written | None = None) -> ValueRecord:
    """Everything a run records of one value. *pickled_size* is taken where the value does not know its size.

    The digest is empty where the value has no content to digest. What was *written* into a file is digested there.
    """
    return shown(identify(name, value, pickled_size, written), value)


def identify(name: str, value: Any, pickled_size: int = 0, written: Written | None = None) -> ValueRecord:
    """As :func:`describe`, but for what the value looks like."""
    try:
        content = digest(value, written=written)
    except DigestError:
        content = ""
    return ValueRecord(name, type_name(value), content, _size(value, pickled_size), None, Preview(""))


def shown(record: ValueRecord, value: Any) -> ValueRecord:
    """*record* with what *value* looks like. That may run code of the notebook, its ``__repr__`` and properties."""
    return dataclasses.replace(record, shape=_shape(value), preview=preview(value))


def type_name(value: Any) -> str:
    """The qualified name of a value's type; builtin ones by their bare name."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def preview(value: Any) -> Preview:
    """A bounded look at *value*."""
    text, truncated = _text(value)
    try:
        table = _table(value)
    except Exception:  # a foreign type that is almost a table: its text is enough
        table = None
    if table is None:
        return Preview(text=text, truncated=truncated)
    columns, rows, whole = table
    return Preview(text=text, columns=columns, rows=rows, truncated=not whole)


def _module(name: str) -> Any:
    return sys.modules.get(name)


def _is_frame(value: Any) -> bool:
    pandas = _module("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _is_series(value: Any) -> bool:
    pandas = _module("pandas")
    return pandas is not None and isinstance(value, (pandas.Series, pandas.Index))


def _is_array(value: Any) -> bool:
    numpy = _module("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


class _Bounded(reprlib.Repr):
    """Short for builtin containers however big; ``repr`` for the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxdict = 30
        self.maxarray = 30
        self.maxstring = self.maxlong = self.maxother = 400


def _text(value: Any) -> tuple[str, bool]:
    try:
        if isinstance(value, str):
            text = repr(value[: TEXT_LIMIT + 1])
        elif isinstance(value, (bytes, bytearray)):
            text = repr(bytes(value[: TEXT_LIMIT + 1]))
        elif type(value) in (list, tuple, set, frozenset, dict, int):
            text = _Bounded().repr(value)
        elif _is_frame(value):
            text = repr(value.iloc[:ROWS, :COLUMNS])
        elif _is_series(value):
            text = repr(value[:ROWS])
        else:
            text = repr(value)
    except Exception as error:
        text = f"<{type_name(value)} whose repr raises {type(error).__name__}>"
    text = str(text).encode("utf-8", "backslashreplace").decode()
    return (text[:TEXT_LIMIT] + "…", True) if len(text) > TEXT_LIMIT else (text, _is_longer(value))


def _is_longer(value: Any) -> bool:
    return type(value) in (list, tuple, set, frozenset, dict) and len(value) > 30


def _cell(value: Any) -> str:
    try:
        text = str(value)
    except Exception as error:
        text = f"<str raises {type(error).__name__}>"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= CELL_LIMIT else text[:CELL_LIMIT] + "…"


def _table(value: Any) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], bool] | None:
    if _is_frame(value):
        part = value.iloc[:ROWS, :COLUMNS]
        columns = ("", *(_cell(name) for name in part.columns))
        rows = tuple((_cell(label), *map(_cell, row)) for label, row in zip(part.index, _rows(part), strict=True))
        return columns, rows, value.shape[0] <= ROWS and value.shape[1] <= COLUMNS
    if _is_series(value):
        part = value[:ROWS]
        labels = part.index if hasattr(part, "index") and hasattr(part, "iloc") else range(len(part))
        rows = tuple((_cell(label), _cell(item)) for label, item in zip(labels, part, strict=True))
        return ("", _cell(value.name) if value.name is not None else ""), rows, len(value) <= ROWS
    if _is_array(value) and value.ndim in (1, 2) and value.dtype.names is None:
        part = value[:ROWS] if value.ndim == 1 else value[:ROWS, :COLUMNS]
        rows = tuple((_cell(item),) if value.ndim == 1 else tuple(map(_cell, item)) for item in part)
        columns = tuple(str(place) for place in range(1 if value.ndim == 1 else part.shape[1]))
        return columns, rows, value.shape[0] <= ROWS and (value.ndim == 1 or value.shape[1] <= COLUMNS)
    return None


def _rows(part: Any) -> Any:
    columns = [list(part.iloc[:, place]) for place in range(part.shape[1])]
    return zip(*columns, strict=True) if columns else [()] * len(part)


def _shape(value: Any) -> tuple[int, ...] | None:
    try:
        shape = value.shape if hasattr(type(value), "shape") else None  # else a __getattr__ would answer
    except Exception:  # a __getattr__ of the notebook's may raise anything
        shape = None
    try:
        if shape is not None:
            return tuple(int(length) for length in shape)
        if isinstance(value, (list, tuple, dict, set, frozenset)):
            return (len(value),)
    except Exception:
        return None
    return None


def _size(value: Any, pickled_size: int) -> int:
    try:
        if _is_frame(value):
            return int(value.memory_usage(index=True).sum())
        if _is_series(value) or _is_array(value):
            return int(value.nbytes)
    except Exception:
        return pickled_size
    return pickled_size
