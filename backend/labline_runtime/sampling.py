"""Rows that a model was fitted with, kept beside it: what serves it checks on them that its ways of asking agree."""

from __future__ import annotations

import json
from typing import Any

FILE = "labline_sample.json"
ROWS = 200
MISSING = 20
"""Rows that lack a value, taken besides."""

VALUES = 100_000


def document(rows: Any) -> str:
    """A sample of *rows*, a DataFrame or a two-dimensional array, as JSON: spread over all, and some that lack values.

    ``{"columns": {NAME: [VALUE, ...]}}``, or ``{"array": [[VALUE, ...], ...]}``; what is missing is null.
    """
    table = hasattr(rows, "columns")
    count, width = rows.shape
    most = max(1, min(ROWS, VALUES // max(width, 1)))
    places = {index * count // most for index in range(most)} if count > most else set(range(count))
    lacking = rows.isna().to_numpy() if table else rows != rows
    places.update(lacking.any(axis=1).nonzero()[0].tolist()[:MISSING])
    picked = sorted(places)
    if not table:
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
