"""Values of a request to typed arrays. Nothing is converted that would change: it is refused, with its place."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labline_backend.serving.refusal import Refusal, quoted, shorten
from labline_backend.serving.rows import Array

DTYPES: dict[str, Any] = {
    "boolean": np.dtype(bool),
    "integer": np.dtype(np.int32),
    "long": np.dtype(np.int64),
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
    "datetime": np.dtype("datetime64[ns]"),
    "string": np.dtype(object),
    "binary": np.dtype(object),
    "any": np.dtype(object),
}
"""MLflow's column types."""

Place = Callable[[int], str]
"""From the position of a value to words for it, such as ``row 2, column 'age'``."""

_FLOATS = frozenset({float, int})
_FLOATS_OR_MISSING = frozenset({float, int, type(None)})
_DATED = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]|$)")  # pandas also takes "now", and a time of day for one of today


def from_json(values: Sequence[Any], kind: str, place: Place) -> Array:
    """JSON values as an array of a column type; null is NaN, NaT or None where the type has such a thing."""
    if kind == "any":
        return _objects(values)
    if kind in ("string", "binary", "datetime"):
        return _CONVERTERS[kind](values, place)
    return numbers(values, DTYPES[kind], place)


def numbers(values: Sequence[Any], dtype: np.dtype[Any], place: Place) -> Array:
    """JSON values as an array of numbers or booleans."""
    types = set(map(type, values))
    if dtype.kind == "f":
        if types <= _FLOATS_OR_MISSING:
            return _floats(values, dtype, place, missing=not types <= _FLOATS)
    elif dtype.kind == "b":
        if types <= {bool}:
            return np.array(values, dtype=dtype)
    elif types <= {int}:
        try:
            return np.array(values, dtype=dtype)
        except OverflowError:
            limits = np.iinfo(dtype)
            index = next(i for i, value in enumerate(values) if not limits.min <= value <= limits.max)
            raise Refusal(f"{place(index)}: {values[index]} does not fit into {dtype.name}.") from None
    elif types <= {int, float} and all(value == int(value) for value in values):
        return numbers([int(value) for value in values], dtype, place)
    raise _misfit(values, dtype, place)


def _floats(values: Sequence[Any], dtype: np.dtype[Any], place: Place, *, missing: bool) -> Array:
    try:
        wide = np.array(values, dtype=np.float64)
    except OverflowError:
        index = next(i for i, value in enumerate(values) if isinstance(value, int) and abs(value) > 10**300)
        raise Refusal(f"{place(index)}: the number is too large.") from None
    if dtype == np.float64:
        return wide
    with np.errstate(over="ignore"):
        narrow = wide.astype(dtype)
    if np.isinf(narrow).any():
        index = int(np.argmax(np.isinf(narrow)))
        raise Refusal(f"{place(index)}: {wide[index]} does not fit into {dtype.name}.")
    return narrow


def _misfit(values: Sequence[Any], dtype: np.dtype[Any], place: Place) -> Refusal:
    for index, value in enumerate(values):
        if value is None:
            if dtype.kind != "f":
                return Refusal(f"{place(index)}: a value is missing, and a {dtype.name} cannot be.")
        elif dtype.kind == "b":
            if not isinstance(value, bool):
                return Refusal(f"{place(index)}: {said(value)} is not true or false.")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            return Refusal(f"{place(index)}: {said(value)} is not a number.")
        elif dtype.kind in "iu" and value != int(value):
            return Refusal(f"{place(index)}: {value} is not a whole number.")
    raise AssertionError("every value fits")


def said(value: Any) -> str:
    """A JSON value in words."""
    if isinstance(value, str):
        return f"the string {quoted(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else shorten(str(value))


def _strings(values: Sequence[Any], place: Place) -> Array:
    for index, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            raise Refusal(f"{place(index)}: {said(value)} is not a string.")
    return _objects(values)


def _binary(values: Sequence[Any], place: Place) -> Array:
    decoded: list[bytes | None] = []
    for index, value in enumerate(values):
        try:
            decoded.append(None if value is None else base64.b64decode(value, validate=True))
        except (binascii.Error, TypeError, ValueError):
            raise Refusal(f"{place(index)}: {said(value)} is not base64.") from None
    return _objects(decoded)


def _moments(values: Sequence[Any], place: Place) -> Array:
    """ISO 8601 text without a time zone, as MLflow's datetime columns are, of the years that nanoseconds reach."""
    import pandas as pd

    moments: Array = np.full(len(values), "NaT", dtype="datetime64[ns]")
    for index, value in enumerate(values):
        if value is None:
            continue
        try:
            moment = pd.Timestamp(value) if isinstance(value, str) and _DATED.match(value) else None
        except (ValueError, TypeError, OverflowError):
            moment = None
        if moment is None:
            raise Refusal(f"{place(index)}: {said(value)} is not a time (2026-01-31T12:00:00).")
        if moment.tzinfo is not None:
            raise Refusal(f"{place(index)}: {said(value)} has a time zone, and the model takes times without one.")
        try:
            moments[index] = moment.as_unit("ns", round_ok=False).to_datetime64()
        except pd.errors.OutOfBoundsDatetime:
            raise Refusal(f"{place(index)}: {said(value)} is not in the years 1678 to 2261.") from None
    return moments


def _objects(values: Sequence[Any]) -> Array:
    return np.fromiter(values, dtype=object, count=len(values))


_CONVERTERS: dict[str, Callable[[Sequence[Any], Place], Array]] = {
    "string": _strings,
    "binary": _binary,
    "datetime": _moments,
}


def from_text(values: Sequence[Any], kind: str, place: Place) -> Array:
    """Text of a CSV file as an array of a column type. What is not a string is a missing value."""
    if kind in ("string", "binary", "datetime"):
        return from_json([value if isinstance(value, str) else None for value in values], kind, place)
    return from_json([_parsed(value, kind) for value in values], kind, place)


def _parsed(text: Any, kind: str) -> Any:
    if not isinstance(text, str):
        return None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    try:
        if "_" in text:  # Python's own notation
            return text
        return float(text) if kind in ("float", "double") else int(text)
    except ValueError:
        return text


def converted(array: Array, kind: str, place: Place) -> Array:
    """*array* as a column type, where no value changes by that."""
    if kind == "any":
        return array
    if not array.size:
        return np.empty(array.shape, DTYPES[kind])
    if array.dtype == object:
        if kind == "binary":
            return _objects([value.encode() if isinstance(value, str) else value for value in array])
        if kind == "datetime" or kind == "string":
            return from_json([_decoded(v, place, i) for i, v in enumerate(array)], kind, place)
        raise Refusal(f"{place(0)}: {said(_decoded(array[0], place, 0))} is not a number.")
    if kind in ("string", "binary", "datetime"):
        raise Refusal(f"{place(0)}: {array[0]} is a number, and the model takes {kind} there.")
    return exactly(array, DTYPES[kind], place)


def exactly(array: Array, dtype: np.dtype[Any], place: Place) -> Array:
    """*array* with another dtype, where no value changes by that."""
    if array.dtype == dtype:
        return array
    if "O" in (dtype.kind, array.dtype.kind) or (dtype.kind == "b") != (array.dtype.kind == "b"):
        raise Refusal(f"{place(0)}: the model takes {dtype.name} there, not {array.dtype.name}.")
    with np.errstate(all="ignore"):
        result = array.astype(dtype)
        back: Array = result.astype(array.dtype)
    same = (back == array) | ((array != array) & (result != result))
    if array.dtype.kind == "u" and dtype.kind == "i":
        same &= result >= 0
    if array.dtype.kind == "i" and dtype.kind == "u":
        same &= array >= 0
    if not same.all():
        index = int(np.argmin(same.ravel()))
        value = array.ravel()[index]
        raise Refusal(f"{place(index)}: {value} would change as {dtype.name}, which is what the model takes.")
    return result


def _decoded(value: Any, place: Place, index: int) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Refusal(f"{place(index)}: the text is not UTF-8.") from None
