"""A model is checked on rows that it was fitted with, where a sample of them lies beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labline_backend.serving.examples import as_rows, sampled, together
from labline_backend.serving.rows import Rows, Tensors, first_missing
from labline_backend.serving.signature import Column, Signature, Tensor
from labline_runtime import sampling

from .models import COLUMNS, frame, mixed_frame

NUMBERS = Signature(tuple(Column(name, "double") for name in COLUMNS))
MIXED = Signature((Column("city", "string"), Column("rooms", "long"), Column("size", "double")))
PIXELS = Signature(tensors=(Tensor(None, np.dtype("float32"), (-1, 4)),))


def kept(folder: Path, rows: Any, signature: Signature) -> Rows | None:
    (folder / "extra_files").mkdir()
    (folder / "extra_files" / sampling.FILE).write_text(sampling.document(rows) or "")
    return sampled(folder, signature)


def test_few_rows_are_kept_to_the_bit(tmp_path: Path) -> None:
    rows, expected = kept(tmp_path, frame(50), NUMBERS), as_rows(frame(50), NUMBERS)
    assert rows is not None and expected is not None
    for (_, found), (_, column) in zip(rows.named(), expected.named(), strict=True):
        assert found.tobytes() == column.tobytes()


def test_of_many_rows_some_are_kept_from_all_over_and_some_that_lack_values(tmp_path: Path) -> None:
    table = mixed_frame(5000)
    table["size"] = np.where(np.arange(5000) == 4321, np.nan, np.arange(5000.0))
    rows = kept(tmp_path, table, MIXED)
    assert rows is not None and rows.count == sampling.ROWS + 1
    assert first_missing(rows) is not None
    sizes = dict(rows.named())["size"]
    assert np.nanmin(sizes) == 0 and np.nanmax(sizes) >= 4900


def test_of_wide_rows_fewer_are_kept() -> None:
    found = json.loads(sampling.document(np.ones((300, 10_000))) or "")
    assert len(found["array"]) == sampling.VALUES // 10_000


def test_of_rows_with_long_texts_fewer_are_kept() -> None:
    table = mixed_frame(300)
    table["city"] = "x" * 100_000
    text = sampling.document(table)
    assert text is not None and 0 < len(json.loads(text)["columns"]["city"]) < 50 and len(text) <= sampling.LARGEST


@pytest.mark.parametrize("cell", [{(1, 2): 3}, "x" * (sampling.LARGEST + 1)], ids=["no JSON", "too long"])
def test_rows_that_cannot_be_kept_are_left_out(cell: object) -> None:
    table = mixed_frame(2)
    table["city"] = [cell, cell]
    assert sampling.document(table) is None


def test_rows_of_an_array_are_kept_as_such(tmp_path: Path) -> None:
    values = frame(30).to_numpy(dtype="float32").copy()
    values[3, 1] = np.nan
    rows = kept(tmp_path, values, PIXELS)
    assert isinstance(rows, Tensors) and rows.arrays[0][1].tobytes() == values.tobytes()


def test_without_a_sample_or_with_a_wrong_one_there_is_the_example(tmp_path: Path) -> None:
    assert sampled(tmp_path, NUMBERS) is None
    example = as_rows(frame(5), NUMBERS)
    assert together(example, None) == (example, "5 of its input example")
    assert together(example, kept(tmp_path, mixed_frame(9), NUMBERS))[0] == example


def test_it_is_told_which_rows_a_model_was_checked_on(tmp_path: Path) -> None:
    rows, words = together(as_rows(frame(5), NUMBERS), kept(tmp_path, frame(40), NUMBERS))
    assert rows is not None and rows.count == 45
    assert words == "5 of its input example and 40 that it was fitted with"
