"""Rows that a model was fitted with, kept beside it: what serves it checks on them that its ways of asking agree."""

from __future__ import annotations

import json
from typing import Any

FILE = "labline_sample.json"
ROWS = 200
MISSING = 20
"""Rows that lack a value, taken besides."""

VALUES = 100_000

LARGEST = 4 << 20
"""Characters of the file; fewer rows are taken where it would be larger."""


def document(rows: Any) -> str | None:
    """A sample of *rows*, a DataFrame or a two-dimensional array, as JSON: spread over all, and some that lack values.

    ``{"columns": {NAME: [VALUE, ...]}}``, or ``{"array": [[VALUE, ...], ...]}``; what is missing is null. None where
    JSON cannot tell the values, or one row is too large by itself.
    """
    count, width = rows.shape
    most = max(1, min(ROWS, VALUES // max(width, 1)))
    lacking = _lacking(rows).nonzero()[0].tolist()
    while most:
        places = {index * count // most for index in range(most)} if count > most else set(range(count))
        places.update(lacking[: min(MISSING, most)])
        try:
            text = _told(rows, sorted(places))
        except (TypeError, ValueError, RecursionError):
            return None
        if len(text) <= LARGEST:
            return text
        most //= 4
    return None


def _lacking(rows: Any) -> Any:
    """Which of the rows lack a value, a column at a time: a large table takes no second one."""
    if not hasattr(rows, "columns"):
        return (rows != rows).any(axis=1)
    found = rows.iloc[:, 0].isna().to_numpy().copy()
    for place in range(1, rows.shape[1]):
        found |= rows.iloc[:, place].isna().to_numpy()
    return found


def _told(rows: Any, picked: list[int]) -> str:
    if not hasattr(rows, "columns"):
        values = rows[picked].tolist()
        return json.dumps({"array": [[None if value != value else value for value in row] for row in values]})
    found = rows.iloc[picked]
    columns = {}
    for place, name in enumerate(found.columns):
        column = found.iloc[:, place]
        values = column.astype(object).tolist()
        gone = column.isna().tolist()
        columns[str(name)] = [None if lacks else value for value, lacks in zip(values, gone, strict=True)]
    return json.dumps({"columns": columns}, default=str)
