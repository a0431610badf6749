"""Whether two answers are the same, and where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np

DEFAULT_TOLERANCE = 1e-9
"""One row goes through other routines of a linear algebra library than many do, which differ in the last bits."""


def columns_of(value: Any) -> dict[str, Any]:
    """*value* as arrays by column, one value a row; ``""`` where it has no columns."""
    if hasattr(value, "toarray"):
        value = value.toarray()
    if hasattr(value, "columns"):
        return {str(name): np.asarray(value[name]) for name in value.columns}
    array = np.asarray(value)
    if array.ndim == 2:
        return {str(position): array[:, position] for position in range(array.shape[1])}
    return {"": array}


def first_difference(expected: Any, found: Any, tolerance: float) -> tuple[str, int, Any, Any] | None:
    """The first column and row where they differ, with both values; None where they agree.

    Numbers agree where they are within *tolerance* times the larger of 1 and the expected one; all else where it is
    equal. Missing values agree with each other.
    """
    ours, theirs = columns_of(expected), columns_of(found)
    if list(ours) != list(theirs):
        missing = [name for name in ours if name not in theirs] or [name for name in theirs if name not in ours]
        return (missing or list(ours))[0], 0, f"columns {list(ours)[:8]}", f"columns {list(theirs)[:8]}"
    for name, values in ours.items():
        others = theirs[name]
        if len(values) != len(others):
            return name, min(len(values), len(others)), f"{len(values)} rows", f"{len(others)} rows"
        wrong = np.flatnonzero(~_agree(values, others, tolerance))
        if len(wrong):
            row = int(wrong[0])
            return name, row, values[row], others[row]
    return None


def largest_difference(expected: Any, found: Any) -> float:
    """By how much numbers differ at most."""
    largest = 0.0
    for name, values in columns_of(expected).items():
        others = columns_of(found).get(name)
        if others is not None and values.dtype.kind == "f" and values.shape == others.shape and len(values):
            with np.errstate(all="ignore"):
                largest = max(largest, float(np.nanmax(np.abs(values - others), initial=0.0)))
    return largest


def _agree(one: Any, other: Any, tolerance: float) -> Any:
    numeric = one.dtype.kind in "iufcb" and other.dtype.kind in "iufcb"
    if numeric:
        with np.errstate(all="ignore"):
            near = np.abs(one.astype(complex) - other.astype(complex)) <= tolerance * np.maximum(1, np.abs(one))
            same = (one == other) | near | (np.isnan(one.astype(complex)) & np.isnan(other.astype(complex)))
        return same.reshape(len(one), -1).all(axis=1)
    return np.array([_equal(a, b) for a, b in zip(one, other, strict=True)], dtype=bool)


def _equal(one: Any, other: Any) -> bool:
    try:
        if bool(np.all(one == other)):
            return True
        return bool(one != one and other != other) or (_is_missing(one) and _is_missing(other))
    except (TypeError, ValueError):
        return _is_missing(one) and _is_missing(other)


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))
