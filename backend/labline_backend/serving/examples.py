"""The rows that a model was logged with, as rows of a request: its input example, and a sample of those it was fitted
with where a step of Labline's has registered it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from labline_backend.serving.cells import converted
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.rows import Rows, Tensors, join
from labline_backend.serving.signature import Signature
from labline_runtime.sampling import FILE


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


def sampled(folder: Path, signature: Signature) -> Rows | None:
    """The sample that lies in the model's *folder*; None where there is none that the model takes."""
    import pandas as pd

    try:
        kept = json.loads((folder / "extra_files" / FILE).read_bytes())
        if "array" in kept and signature.tensors:
            return as_rows(np.array(kept["array"], dtype=signature.tensors[0].dtype), signature)
        return as_rows(pd.DataFrame(kept["columns"]), signature)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def together(example: Rows | None, sample: Rows | None) -> tuple[Rows | None, str]:
    """All rows that a model is checked on, and in words which these are."""
    if example is None or sample is None or sample.kind != example.kind:
        return example, "" if example is None else f"{example.count} of its input example"
    words = f"{example.count} of its input example and {sample.count} that it was fitted with"
    return join([example, sample]), words
