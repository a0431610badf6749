"""The rows that a model was logged with, as rows of a request."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from labline_backend.serving.cells import converted
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.rows import Rows, Tensors
from labline_backend.serving.signature import Signature


def as_rows(example: Any, signature: Signature) -> Rows | None:
    """An input example as rows; None for one that is no DataFrame of the model's columns, nor its one tensor."""
    if len(signature.tensors) == 1 and isinstance(example, np.ndarray) and example.dtype == signature.tensors[0].dtype:
        return Tensors(((signature.tensors[0].name, example),))
    if not signature.columns or not hasattr(example, "columns"):
        return None
    with contextlib.suppress(Refusal, ValueError, TypeError):
        columns = {}
        for column in signature.columns:
            series = example[column.name if signature.labelled else example.columns[int(column.name)]]
            array = series.to_numpy()
            if column.kind in ("string", "binary"):
                array = series.astype(object).where(series.notna(), None).to_numpy()
            columns[column.name] = array
        return signature.from_columns(columns, converted)
    return None
