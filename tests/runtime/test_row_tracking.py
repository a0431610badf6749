"""Which row of the input each row of a value is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from labline_runtime.row_tracking import places_of, see

FRAME = pd.DataFrame({"a": [10, 20, 30, 40], "b": list("wxyz")})


def places(value: Any, source: Any = FRAME, known: Any = None) -> Any:
    seen = see(source, np.arange(len(source)) if known is None else known)
    assert seen is not None
    found = places_of(value, [seen])
    return None if found is None else list(found)


def test_labels_tell_rows_that_were_left_out() -> None:
    assert places(FRAME[FRAME.a > 20]) == [2, 3]


def test_labels_tell_another_order() -> None:
    assert places(FRAME.sort_values("a", ascending=False)) == [3, 2, 1, 0]


def test_rows_that_were_given_new_labels_are_told_by_what_is_in_them() -> None:
    assert places(FRAME[FRAME.a > 20].reset_index(drop=True)) == [2, 3]


def test_rows_in_another_order_with_new_labels_are_told_by_what_is_in_them() -> None:
    assert places(FRAME.iloc[[2, 0, 3, 1]].reset_index(drop=True)) == [2, 0, 3, 1]


def test_an_array_of_as_many_rows_keeps_their_places() -> None:
    assert places(FRAME[["a"]].to_numpy() * 2) == [0, 1, 2, 3]


def test_rows_of_an_array_are_told_by_what_is_in_them() -> None:
    array = FRAME[["a"]].to_numpy()
    assert places(array[[3, 1]], array) == [3, 1]


def test_places_go_on_from_the_input() -> None:
    part = FRAME[FRAME.a > 20]
    assert places(part[["b"]], part, np.array([7, 9])) == [7, 9]


@pytest.mark.parametrize("value", [3.5, pd.Series([1.0, 2.0], index=["p", "q"]), np.zeros((2, 1))])
def test_what_is_not_of_these_rows_has_no_places(value: Any) -> None:
    assert places(value) is None
