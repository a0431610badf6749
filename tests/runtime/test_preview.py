"""What people are told of a value: its type, shape and size, and how it looks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labline_runtime.values.preview import describe, preview


def test_a_value_that_raises_what_it_likes_for_missing_attributes_is_described():
    class Dotted(dict):
        __getattr__ = dict.__getitem__  # type: ignore[assignment]

    assert describe("v", Dotted(x=1)).shape == (1,)


def test_describing_a_value_asks_its_getattr_for_nothing():
    asked = []

    class Any:
        def __getattr__(self, name):
            asked.append(name)
            return name

    describe("v", Any())
    assert asked == []


def test_a_frame_is_previewed_as_a_bounded_table():
    shown = preview(pd.DataFrame(np.zeros((50, 30))))
    assert (len(shown.columns), len(shown.rows), len(shown.rows[0]), shown.truncated) == (21, 20, 21, True)


def test_a_small_frame_is_shown_whole():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=["p", "q"])
    shown = preview(frame)
    assert shown.columns == ("", "a", "b")
    assert shown.rows == (("p", "1", "x"), ("q", "2", str(frame.loc["q", "b"])))  # None or NaN, as pandas has it
    assert not shown.truncated


def test_series_and_arrays_are_tables_too():
    assert preview(pd.Series([1.5], name="age")).columns == ("", "age")
    assert preview(np.eye(2)).rows == (("1.0", "0.0"), ("0.0", "1.0"))
    assert preview(np.zeros((2, 2, 2))).rows is None


def test_a_repr_that_raises_is_said():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    assert "whose repr raises RuntimeError" in preview(Broken()).text


def test_a_huge_text_is_cut():
    shown = preview("x" * 10_000_000)
    assert len(shown.text) < 2100
    assert shown.truncated


def test_a_value_is_described_by_type_shape_and_size():
    record = describe("a", np.zeros((3, 4), dtype=np.int16))
    assert (record.type, record.shape, record.size) == ("numpy.ndarray", (3, 4), 24)
    assert describe("n", 1, 17).size == 17


def test_a_value_that_has_no_content_has_no_digest():
    assert describe("g", (n for n in ())).digest == ""
