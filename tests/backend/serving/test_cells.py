"""JSON values become typed arrays, or are refused with their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labline_backend.serving import cells
from labline_backend.serving.refusal import Refusal


def place(index: int) -> str:
    return f"at {index}"


def refusal(values: list[Any], kind: str) -> str:
    with pytest.raises(Refusal) as refused:
        cells.from_json(values, kind, place)
    return refused.value.message


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.integers(-(2**53), 2**53)))
def test_doubles_are_what_was_sent_and_null_is_nan(values: list[Any]) -> None:
    array = cells.from_json(values, "double", place)
    expected = [float("nan") if value is None else float(value) for value in values]
    assert array.tobytes() == np.array(expected, dtype="float64").tobytes()


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_longs_are_what_was_sent(values: list[int]) -> None:
    assert cells.from_json(values, "long", place).tolist() == values


@given(
    st.lists(st.floats(width=32) | st.integers(-(2**64), 2**64).map(float) | st.floats(), min_size=1),
    st.sampled_from(["integer", "long", "float", "double"]),
)
def test_a_conversion_changes_no_value_or_is_refused(values: list[float], kind: str) -> None:
    array = np.array(values, dtype="float64")
    try:
        converted = cells.converted(array, kind, place)
    except Refusal:
        return
    back = converted.astype("float64")
    assert np.array_equal(back, array, equal_nan=True)


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ([1.0, "2"], "double", "at 1: the string '2' is not a number."),
        ([True, 1.0], "double", "at 0: true is not a number."),
        ([[1.0], 1.0], "double", "at 0: a list is not a number."),
        ([1, 1.5], "long", "at 1: 1.5 is not a whole number."),
        ([1, None], "long", "at 1: a value is missing, and a int64 cannot be."),
        ([1, 2**31], "integer", "at 1: 2147483648 does not fit into int32."),
        ([1.0, 1e300], "float", "at 1: 1e+300 does not fit into float32."),
        ([10**400], "double", "at 0: the number is too large."),
        ([True, 1], "boolean", "at 1: 1 is not true or false."),
        (["x", 3], "string", "at 1: 3 is not a string."),
        (["2026-02-30"], "datetime", "at 0: the string '2026-02-30' is not a time (2026-01-31T12:00:00)."),
        (["now"], "datetime", "at 0: the string 'now' is not a time (2026-01-31T12:00:00)."),
        ([None, "2500-01-01"], "datetime", "at 1: the string '2500-01-01' is not in the years 1678 to 2261."),
        (["1600-01-01"], "datetime", "at 0: the string '1600-01-01' is not in the years 1678 to 2261."),
        (["!"], "binary", "at 0: the string '!' is not base64."),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(values: list[Any], kind: str, said: str) -> None:
    assert refusal(values, kind) == said


def test_a_whole_float_is_an_integer() -> None:
    assert cells.from_json([1.0, 2], "long", place).tolist() == [1, 2]


def test_text_keeps_missing_values() -> None:
    assert cells.from_json(["x", None], "string", place).tolist() == ["x", None]


def test_times_are_what_was_sent_to_the_nanosecond_and_null_is_nat() -> None:
    array = cells.from_json(["2026-01-31T12:00:00.123456789", None], "datetime", place)
    assert array.astype(str).tolist() == ["2026-01-31T12:00:00.123456789", "NaT"]


def test_text_of_a_csv_is_parsed_as_python_does_and_not_nearly() -> None:
    text = "0.1000000000000000055511151231257827021181583404541015625"
    assert cells.from_text([text], "double", place)[0] == 0.1


@pytest.mark.parametrize("kind", cells.DTYPES)
@pytest.mark.parametrize("dtype", ["float64", "uint8", "bool", "object"])
def test_no_values_are_no_values_of_any_type(kind: str, dtype: str) -> None:
    assert cells.converted(np.empty(0, dtype), kind, place).shape == (0,)
