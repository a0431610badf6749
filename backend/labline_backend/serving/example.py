"""What a version takes, for a person who wants to try it: its columns or tensors, and a body that it answers."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from labline_backend.serving.rows import Rows, Tensors, is_missing
from labline_backend.serving.signature import Column, Signature

ROWS = 3
"""Of an input example that are shown."""

VALUES = 10_000
"""A tensor that has more in its first row is not written out."""

_MADE_UP: dict[str, Any] = {
    "boolean": False,
    "string": "",
    "binary": "",
    "datetime": "2000-01-01T00:00:00",
    "any": None,
}


def described(signature: Signature, example: Rows | None) -> dict[str, Any]:
    """The signature, and a body for ``/invocations``; ``made_up`` where the model was logged without an example.

    The body is None where nothing is known of what the model takes.
    """
    body = _of_example(example) if example is not None else _made_up(signature)
    return {
        "columns": [
            {"name": column.name, "kind": column.kind, "required": column.required} for column in signature.columns
        ],
        "tensors": [
            {"name": tensor.name, "dtype": str(tensor.dtype), "shape": list(tensor.shape)}
            for tensor in signature.tensors
        ],
        "body": body,
        "made_up": example is None,
    }


def _of_example(rows: Rows) -> dict[str, Any] | None:
    if isinstance(rows, Tensors):
        arrays = {name or "": array[:1] if array.ndim else array for name, array in rows.arrays}
        if sum(array.size for array in arrays.values()) > VALUES:
            return None
        given = {name: array.tolist() for name, array in arrays.items()}
        return {"inputs": given[""] if list(given) == [""] else given}
    columns = {name: _plain(array) for name, array in rows.part(0, ROWS).named()}
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"dataframe_records": records}


def _plain(array: Any) -> list[Any]:
    """A column as JSON has it."""
    missing = is_missing(array)
    values = np.datetime_as_string(array, unit="us").tolist() if array.dtype.kind == "M" else array.tolist()
    return [None if gone else _value(value) for value, gone in zip(values, missing, strict=True)]


def _value(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _made_up(signature: Signature) -> dict[str, Any] | None:
    if signature.columns:
        return {"dataframe_records": [{column.name: _zero(column) for column in signature.columns if column.required}]}
    if not signature.tensors:
        return None
    shapes = {tensor.name or "": [1 if side < 0 else side for side in tensor.shape] for tensor in signature.tensors}
    if sum(int(np.prod(shape)) for shape in shapes.values()) > VALUES:
        return None
    kinds = {tensor.name or "": tensor.dtype for tensor in signature.tensors}
    given = {
        name: np.zeros(shape, kinds[name]).tolist() if kinds[name].kind in "fiub" else np.full(shape, "").tolist()
        for name, shape in shapes.items()
    }
    return {"inputs": given[""] if list(given) == [""] else given}


def _zero(column: Column) -> Any:
    return _MADE_UP.get(column.kind, 0)
