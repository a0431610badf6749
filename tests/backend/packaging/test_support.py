"""The code that goes with every packaged model: rows of a request made what the notebook's rows were, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from labline_backend.packaging import support


def rows(given: dict[str, Any], absent: tuple[str, ...] = (), **types: Any) -> Any:
    return support.input_rows(pd.DataFrame(given), {"columns": types, "absent": absent, "dtype": None})


def test_columns_come_in_the_notebooks_order_with_a_fresh_index() -> None:
    given = pd.DataFrame({"b": [1], "a": [2]}, index=[7])
    known = {"columns": {"a": np.dtype("int64"), "b": np.dtype("int64")}, "absent": [], "dtype": None}
    made = support.input_rows(given, known)
    assert list(made.columns) == ["a", "b"] and list(made.index) == [0]


def test_a_column_gets_the_notebooks_type() -> None:
    assert rows({"a": [1, 2]}, a=np.dtype("int16"))["a"].dtype == np.dtype("int16")


def test_a_value_that_would_change_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1, column 'a'"):
        rows({"a": [1, 70000]}, a=np.dtype("int16"))


def test_a_category_that_the_notebook_did_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1, column 'a': 'z'"):
        rows({"a": ["x", "z"]}, a=pd.CategoricalDtype(["x", "y"]))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="the column 'b' is missing"):
        rows({"a": [1]}, a=np.dtype("int64"), b=np.dtype("int64"))


def test_an_absent_column_is_missing_values() -> None:
    assert rows({"a": [1]}, ("b",), a=np.dtype("int64"), b=np.dtype("int64"))["b"].isna().all()


def test_the_rows_of_a_request_are_not_written_to() -> None:
    given = pd.DataFrame({"a": [1, 2]})
    made = support.input_rows(given, {"columns": {"a": np.dtype("int64")}, "absent": [], "dtype": None})
    made.loc[:, "a"] = 0
    assert list(given["a"]) == [1, 2]


def test_a_row_that_lacks_something_is_refused_where_the_notebook_leaves_it_out() -> None:
    with pytest.raises(ValueError, match=r"row 1, column 'a' is missing.*cell 4, line 2"):
        support._complete(pd.DataFrame({"a": [1.0, None]}), ["a"], "cell 4, line 2")


def test_turns_end_where_the_notebooks_did() -> None:
    turn = support.Turns({"k": [1, 2]})
    assert [turn("k"), turn("k")] == [1, 2]
    with pytest.raises(ValueError, match="more often"):
        turn("k")


def test_a_lost_row_is_an_error() -> None:
    with pytest.raises(ValueError, match="of 1 rows, the request is of 2"):
        support.counted(np.zeros((1, 3)), 2)
