# What goes with every packaged model, as text: the notebook's statements run between these.
"""Rows of a request made what the notebook's rows were, or refused."""

import pickle
from typing import Any

import numpy as np
import pandas as pd

ABSENT: tuple[str, ...] = ()


def input_rows(given: Any, known: dict[str, Any]) -> Any:
    """The rows of a request as the notebook has its own: ``known`` tells columns, their types, and which are absent.

    A fresh index; columns in the notebook's order. Raises ``ValueError`` for values that would change.
    """
    if known["columns"] is None:
        return np.array(given, dtype=known["dtype"])
    columns = {}
    count = len(given)
    for name, dtype in known["columns"].items():
        if name in known["absent"]:
            columns[name] = missing(dtype, count)
        elif name not in given:
            raise ValueError(f"the column {name!r} is missing")
        else:
            columns[name] = as_type(given[name].reset_index(drop=True), dtype, name)
    return pd.DataFrame(columns, index=pd.RangeIndex(count))


def missing(dtype: Any, count: int) -> Any:
    """A column of missing values."""
    try:
        return pd.Series([None] * count, dtype=dtype)
    except (TypeError, ValueError):
        return pd.Series([np.nan] * count, dtype="float64")


def as_type(column: Any, dtype: Any, name: str) -> Any:
    """A column with the notebook's type, where no value changes by that."""
    if column.dtype == dtype:
        return column.copy()
    gone = column.isna()
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return column.astype(object).where(~gone, np.nan)
    if isinstance(dtype, pd.CategoricalDtype):
        for row in np.flatnonzero(~(gone | column.isin(dtype.categories)).to_numpy())[:1]:
            raise ValueError(f"row {row}, column {name!r}: {column.iloc[row]!r} is none of the notebook's categories")
    try:
        typed = column.astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"the column {name!r} cannot be {dtype}: {error}") from None
    if getattr(dtype, "kind", "") in ("b", "i", "u", "f"):
        with np.errstate(all="ignore"):
            changed = (typed.isna() != gone) | (~gone & (typed.astype(object) != column.astype(object)))
        for row in np.flatnonzero(changed.to_numpy())[:1]:
            raise ValueError(f"row {row}, column {name!r}: {column.iloc[row]!r} would change as {dtype}")
    return typed


def _complete(rows: Any, subset: Any, where: str) -> Any:
    """The rows, where the notebook leaves those out that lack something: refuse them."""
    if isinstance(rows, pd.Series):
        columns = {rows.name: rows}
    else:
        names = list(rows.columns) if subset is None else [subset] if isinstance(subset, str) else list(subset)
        columns = {name: rows[name] for name in names if name not in ABSENT and name in rows}
    for name, column in columns.items():
        for row in np.flatnonzero(column.isna().to_numpy())[:1]:
            raise ValueError(f"row {row}, column {name!r} is missing: the notebook leaves such rows out ({where})")
    return rows


class Turns:
    """What was kept of a statement that ran many times over, one after the other."""

    def __init__(self, fitted: dict[str, Any]) -> None:
        self.fitted = fitted
        self.next: dict[str, int] = {}

    def __call__(self, key: str) -> Any:
        """The next one."""
        place = self.next.get(key, 0)
        self.next[key] = place + 1
        if place >= len(self.fitted[key]):
            raise ValueError(f"{key} is asked for more often than in the notebook")
        return self.fitted[key][place]


def counted(features: Any, count: int) -> Any:
    """The features, if there is one row of them for each row of the request."""
    found = features.shape[0] if hasattr(features, "shape") else len(features)
    if found != count:
        raise ValueError(f"the features are of {found} rows, the request is of {count}: a row was lost or made twice")
    return features


def loads(kept: dict[str, Any]) -> dict[str, Any]:
    """What was kept, unpickled for one user of it."""
    return {
        key: [_load(each) for each in value] if isinstance(value, list) else _load(value) for key, value in kept.items()
    }


def _load(text: bytes) -> Any:
    return pickle.loads(text)  # noqa: S301 - of the model's own artifacts
