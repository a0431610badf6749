"""Handing on a big value takes no second copy of it, neither when it is stored nor when it is loaded."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labline_runtime.transfer import identified, shown
from labline_runtime.values import digest, load, store

ROWS = 400_000
ROOM = 1 << 20  # bytes for all but the values: a leaf at a time is looked at
DRAW = np.random.default_rng(0)


def columns() -> pd.DataFrame:
    frame = pd.DataFrame({name: DRAW.random(ROWS) for name in "abcd"})
    frame.loc[::7, "a"] = np.nan
    return frame


BIG: dict[str, Callable[[], Any]] = {
    "array": lambda: DRAW.random((ROWS, 4)),
    "frame of an array": lambda: pd.DataFrame(DRAW.random((ROWS, 4)), columns=list("abcd")),
    "frame of columns": columns,
    "rows of a frame": lambda: (lambda frame: frame[frame.b > 0])(columns()),
    "dates": lambda: pd.DataFrame({"when": pd.date_range("2020", periods=4 * ROWS, freq="s")}),
    "durations": lambda: np.arange(4 * ROWS).astype("m8[s]"),
}


@pytest.fixture(params=sorted(BIG))
def value(request: pytest.FixtureRequest) -> Any:
    return BIG[request.param]()


def taken(what: Callable[[], Any]) -> tuple[int, Any]:
    """The most bytes that *what* takes at a time beside those that were taken before."""
    tracemalloc.start()
    try:
        done = what()
        return tracemalloc.get_traced_memory()[1], done
    finally:
        tracemalloc.stop()


def test_a_big_value_is_described_where_it_lies(value):
    shown(identified("value", value), value)  # what is imported for it
    assert taken(lambda: shown(identified("value", value), value))[0] < 2 * ROOM


def test_a_big_value_is_stored_from_where_it_lies(value, tmp_path):
    assert taken(lambda: store({"value": value}, tmp_path))[0] < ROOM


def test_a_big_value_is_loaded_to_where_the_file_lies(value, tmp_path):
    stored = store({"value": value}, tmp_path)
    used, (values, _) = taken(lambda: load(stored.path, stored.digest))
    assert used < ROOM
    assert digest(values["value"]) == digest(value)


def test_dates_that_come_in_can_be_written_to(tmp_path):
    dates = np.arange(ROWS).astype("M8[s]")
    loaded = load(store({"dates": dates}, tmp_path).path)[0]["dates"]
    loaded[0] = "2020-01-01"
    assert (str(loaded[0]), loaded[1]) == ("2020-01-01T00:00:00", dates[1])


def test_two_arrays_of_the_same_dates_stay_the_same_memory(tmp_path):
    dates = np.arange(ROWS).astype("M8[s]")
    values = {"dates": dates, "first": dates[: ROWS // 2]}
    loaded = load(store(values, tmp_path).path)[0]
    loaded["first"][0] = "2020-01-01"
    assert loaded["dates"][0] == loaded["first"][0]
