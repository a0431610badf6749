"""When two answers are the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labline_backend.packaging.agreement import first_difference, largest_difference


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (np.array([1.0, math.nan]), np.array([1.0, math.nan])),
        (np.array(["a", "b"]), np.array(["a", "b"], dtype=object)),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1.0, 2.0]})),
        ([1, 2], np.array([1, 2])),
        (pd.DataFrame({"a": ["x", None]}), pd.DataFrame({"a": ["x", np.nan]})),
    ],
)
def test_these_agree_in_every_bit(expected: Any, found: Any) -> None:
    assert first_difference(expected, found, 0.0) is None


@pytest.mark.parametrize(
    ("expected", "found", "where"),
    [
        (np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-6]), ("", 1)),
        (np.array([1.0, math.nan]), np.array([1.0, 0.0]), ("", 1)),
        (np.array(["a", "b"]), np.array(["a", "B"]), ("", 1)),
        (np.ones((2, 2)), np.array([[1, 1], [1, 0]]), ("1", 1)),
        (pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"a": [1], "b": [3]}), ("b", 0)),
        (pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"a": [1]}), ("b", 0)),
        (np.ones(3), np.ones(2), ("", 2)),
    ],
)
def test_these_differ_first_there(expected: Any, found: Any, where: tuple[str, int]) -> None:
    difference = first_difference(expected, found, 1e-9)
    assert difference is not None and difference[:2] == where


def test_numbers_may_differ_by_the_tolerance_times_their_size() -> None:
    assert first_difference(np.array([1e6]), np.array([1e6 + 1e-4]), 1e-9) is None
    assert first_difference(np.array([1e6]), np.array([1e6 + 1e-2]), 1e-9) is not None


def test_the_largest_difference_is_told() -> None:
    assert largest_difference(np.array([1.0, 2.0]), np.array([1.5, 2.0])) == 0.5
