"""Rows of arrays of records are windows on memory: they cross as such, and at the cost of their values."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labline_runtime.values import load, store, writing
from labline_runtime.values.digest import digest

FLAT = np.dtype([("n", int), ("x", float)])
NESTED = np.dtype([("s", FLAT), ("v", float, (2,))])


def crossed(tmp_path: Any, *values: Any) -> Any:
    stored = store({"values": values}, tmp_path)
    return load(stored.path, stored.digest)[0]["values"]


def buffers(value: Any) -> tuple[int, int]:
    """How many bytes *value* takes in the stream, and how many buffers beside it."""
    file, beside = io.BytesIO(), []
    if (seen := writing.dump(value, file, beside.append)).asks_again:
        file, beside = io.BytesIO(), []
        writing.dump(value, file, beside.append, seen)
    return len(file.getvalue()), len(beside)


@pytest.mark.parametrize("kind", [np.ndarray, np.recarray])
def test_a_write_through_a_row_is_seen_in_its_array(tmp_path, kind):
    base = np.array([(1, 2.0), (3, 4.0)], dtype=FLAT).view(kind)
    array, row = crossed(tmp_path, base, base[1])
    assert type(row) is type(base[1])
    row["n"] = 7
    array["x"] = 9
    assert array.tolist() == [(1, 9.0), (7, 9.0)]
    assert row.item() == (7, 9.0)


def test_a_write_through_a_part_of_a_row_is_seen_in_the_row(tmp_path):
    (row,) = crossed(tmp_path, np.zeros(2, NESTED)[1])
    row["s"]["n"] = 7
    row["v"][1] = 8
    np.asarray(row)["s"]["x"] = 9
    assert row["s"].item() == (7, 9.0)
    assert row["v"].tolist() == [0, 8]


@pytest.mark.parametrize("kind", [np.ndarray, np.recarray])
@pytest.mark.parametrize("writeable", [True, False])
def test_many_rows_take_little_more_than_their_values(kind, writeable):
    base = np.zeros(1000, FLAT).view(kind)
    base.flags.writeable = writeable
    size, beside = buffers(list(base))
    assert size < 1.1 * len(pickle.dumps(list(base), 5))
    assert beside == 0


@pytest.mark.parametrize("kind", [np.ndarray, np.recarray])
def test_many_rows_and_their_array_take_the_array_and_a_few_bytes_each(kind):
    base = np.zeros(5000, FLAT).view(kind)
    size, beside = buffers([list(base), base])
    assert size < 30 * len(base)
    assert beside == 1


@pytest.mark.parametrize(
    "looks",
    [
        lambda big: [big[5]],
        lambda big: [big[5].copy()],
        lambda big: [big[5], big[5]],
        lambda big: [big[5]["s"], big[5], big[7], big[7]["s"]],
        lambda big: [big[5]["v"], row := big[5], row["s"]],
        lambda big: [big[5], big[7:9]],
    ],
    ids=["one", "a copy", "the same twice", "parts of rows", "an array in a row", "beside a view"],
)
def test_rows_leave_behind_the_array_that_does_not_cross(tmp_path, looks):
    assert store({"rows": looks(np.zeros(100_000, NESTED))}, tmp_path).size < 10_000


def test_the_same_row_taken_twice_is_one_memory_in_every_step(tmp_path):
    big = np.zeros(9, FLAT)
    first, second, other = crossed(tmp_path, *crossed(tmp_path, big[5], big[5], big[6]))
    first["n"] = 7
    assert second["n"] == 7
    assert other["n"] == 0


@pytest.mark.parametrize("order", [1, -1])
def test_a_part_of_a_row_shares_its_memory(tmp_path, order):
    big = np.arange(36.0).view(NESTED)
    row, part = crossed(tmp_path, *[big[5], big[5]["s"]][::order])[::order]
    assert row == big[5]
    row["s"]["n"] = 7
    part["x"] = 9
    assert row["s"].item() == part.item() == (7, 9.0)


def test_an_array_in_a_row_shares_its_memory(tmp_path):
    row = np.zeros(9, NESTED)[5]
    array, row, frame = crossed(tmp_path, row["v"], row, pd.Series(row["v"], copy=False))
    row["v"][1] = 7
    assert array.tolist() == frame.tolist() == [0, 7]
    array, row = crossed(tmp_path, array, row)
    array[0] = 6
    assert row["v"].tolist() == [6, 7]


def test_rows_that_overlap_in_part_share_what_they_do(tmp_path):
    memory = np.zeros(6, "i8")
    first, second = (np.ndarray((), FLAT, memory, 8 * place)[()] for place in (1, 2))
    first, second = crossed(tmp_path, first, second)
    first["x"] = 1.5
    assert second["n"] == np.float64(1.5).view("i8")


def test_a_row_shares_the_memory_of_a_view(tmp_path):
    big = np.zeros(9, FLAT)
    view, row, same = crossed(tmp_path, big[4:7], big[5], big[5])
    view["n"] = 7
    assert row["n"] == same["n"] == 7


def test_a_row_of_what_is_read_only_is_read_only_and_sees_what_others_write(tmp_path):
    base = np.zeros(3, NESTED)
    sealed = base.view()
    sealed.flags.writeable = False
    alone, *_ = crossed(tmp_path, sealed[1])
    seen, same, written = crossed(tmp_path, sealed[1], sealed[1], base[1])
    around, part = crossed(tmp_path, sealed[1], base[1]["s"])
    written["s"] = part["n"] = 7
    assert seen["s"]["n"] == same["s"]["n"] == around["s"]["n"] == 7
    for row in (alone, seen, same, around):
        with pytest.raises(ValueError, match="read-only"):
            row["v"] = 1


def test_a_row_of_a_bytearray_shares_its_memory(tmp_path):
    memory = bytearray(32)
    row, there = crossed(tmp_path, np.frombuffer(memory, FLAT)[1], memory)
    there[16] = 5
    assert row["n"] == 5


def test_a_window_a_copy_and_a_row_that_crossed_have_one_digest(tmp_path):
    base = np.arange(12.0).view(NESTED)
    alone, *_ = crossed(tmp_path, base[1])
    first, second = crossed(tmp_path, base[1], base[1])
    within, _ = crossed(tmp_path, base[1], base)
    rows = [base[1], base[1].copy(), copy.deepcopy(base[1]), alone, first, second, within]
    assert len({digest(row) for row in rows}) == 1


OBJECTS = [("n", int), ("o", object), ("t", "M8[ns]"), ("s", "f4", (2,))]


def records_of_objects():
    return np.array([(1, [1], 5, (1, 2)), (2, [2], 6, (3, 4)), (3, [3], 7, (5, 6))], OBJECTS)


def test_rows_and_views_of_records_that_hold_objects_see_what_is_written_to_their_array(tmp_path):
    x = records_of_objects()
    array, row, part, field, objects = crossed(tmp_path, x, x[0], x[1:], x["n"], x["o"][::2])
    assert array.dtype == x.dtype
    array["n"][:] = 7
    array["o"][0] = "new"
    assert (row["n"], row["o"]) == (7, "new")
    assert part["n"].tolist() == [7, 7]
    assert field.tolist() == [7, 7, 7]
    assert objects.tolist() == ["new", [3]]
    row["o"] = "mine"
    part["s"][1] = 0
    assert array["o"][0] == "mine"
    assert array["s"][2].tolist() == [0, 0]


def test_a_row_of_records_that_hold_objects_leaves_their_array_behind(tmp_path):
    many = np.empty(100_000, OBJECTS)
    (row,) = crossed(tmp_path, many[1])
    assert row["o"] is None
    assert store({"row": many[1]}, tmp_path).size < 10_000


def test_records_that_hold_objects_cross_with_what_their_fields_hold(tmp_path):
    row, array = crossed(tmp_path, records_of_objects()[1], records_of_objects())
    assert (row["n"], row["o"], row["s"].tolist()) == (2, [2], [3, 4])
    assert array["t"].astype(int).tolist() == [5, 6, 7]


@pytest.mark.parametrize("name", ["_view", "_row", "_row_at", "_as_kind", "_masked"])
def test_what_stored_values_name_is_where_they_look_for_it(name):
    from labline_runtime.values import views

    assert callable(getattr(views, name))
