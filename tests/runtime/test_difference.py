"""The path to the first difference of two values."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import functools
import io
import math
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labline_runtime.values import digest
from labline_runtime.values.difference import MISSING, first_difference


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = 0


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b


def written(text: str, position: int) -> io.StringIO:
    made = io.StringIO(text)
    made.seek(position)
    return made


Named = collections.namedtuple("Named", "left right")
FRAME = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "name": list("abcd")})


def changed(frame: pd.DataFrame, row: int, column: str, value: Any) -> pd.DataFrame:
    other = frame.copy()
    other.loc[other.index[row], column] = value
    return other


def estimator(slope: float) -> LinearRegression:
    return LinearRegression().fit([[0.0], [1.0], [2.0]], [0.0, slope, 2 * slope])


def adder(number: int) -> Any:
    return lambda x: x + number


def generator(draws: int) -> random.Random:
    made = random.Random(1)
    for _ in range(draws):
        made.random()
    return made


CASES = {
    "number": (1, 2, "v", "1", "2"),
    "type": (1, 1.0, "v", "int: 1", "float: 1.0"),
    "bool for int": (1, True, "v", "int: 1", "bool: True"),
    "negative zero": (0.0, -0.0, "v", "0.0", "-0.0"),
    "nan for number": ([1.0, math.nan], [1.0, 2.0], "v[1]", "nan", "2.0"),
    "nested": ({"a": [Point(1)]}, {"a": [Point(2)]}, "v['a'][0].x", "1", "2"),
    "list item": ([1, 2, 3, 4], [1, 2, 9, 8], "v[2]", "3", "9"),
    "list length": ([1, 2], [1, 2, 3], "len(v)", "2", "3"),
    "tuple field": (Named(1, 2), Named(1, 3), "v.right", "2", "3"),
    "missing key": ({"a": 1, "b": 2}, {"a": 1}, "v['b']", "2", MISSING),
    "added key": ({"a": 1}, {"a": 1, "b": 2}, "v['b']", MISSING, "2"),
    "order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "list(v)", "['a', 'b']", "['b', 'a']"),
    "set member": ({1, 2}, {1}, "2 in v", "True", "False"),
    "long text": ("a" * 300 + "b", "a" * 300 + "c", "v[260:340]", repr("a" * 40 + "b"), repr("a" * 40 + "c")),
    "text in memory": (written("one", 3), written("two", 3), "v.getvalue()", "'one'", "'two'"),
    "place in memory": (written("one", 3), written("one", 1), "v.tell()", "3", "1"),
    "slots": (Slotted(1, [2]), Slotted(1, [3]), "v.b[0]", "2", "3"),
    "deque": (collections.deque([1, 2]), collections.deque([1, 5]), "v[1]", "2", "5"),
    "default of a function": (lambda x=1: x, lambda x=2: x, "v.__defaults__[0]", "1", "2"),
    "closure": (adder(1), adder(2), "v.<number>", "1", "2"),
    "partial": (functools.partial(int, base=2), functools.partial(int, base=8), "v.keywords['base']", "2", "8"),
    "date": (datetime.date(2020, 1, 1), datetime.date(2021, 1, 1), "v", "datetime.date(2020, 1, 1)", None),
    "random generator": (generator(0), generator(1), None, None, None),
    "array element": (np.arange(6).reshape(2, 3), np.array([[0, 1, 2], [3, 9, 5]]), "v[1, 1]", "np.int64(4)", None),
    "array of zeros": (np.zeros(3), np.array([0.0, 0.0, -0.0]), "v[2]", "np.float64(0.0)", "np.float64(-0.0)"),
    "array dtype": (np.zeros(2), np.zeros(2, "float32"), "v.dtype", "float64", "float32"),
    "array shape": (np.zeros((2, 3)), np.zeros((3, 2)), "v.shape", "(2, 3)", "(3, 2)"),
    "strided array": (np.arange(8)[::2], np.array([0, 2, 4, 7]), "v[3]", "np.int64(6)", "np.int64(7)"),
    "array of objects": (np.array([{"k": 1}], object), np.array([{"k": 2}], object), "v[0]['k']", "1", "2"),
    "mask": (np.ma.array([1, 2], mask=[0, 0]), np.ma.array([1, 2], mask=[0, 1]), "v.mask[1]", None, None),
    "frame cell": (FRAME, changed(FRAME, 3, "age", 5.0), "v['age'].iloc[3]", "np.float64(4.0)", "np.float64(5.0)"),
    "frame text": (FRAME, changed(FRAME, 1, "name", "z"), "v['name'].iloc[1]", "'b'", "'z'"),
    "frame nan": (FRAME, changed(FRAME, 0, "age", np.nan), "v['age'].iloc[0]", "np.float64(1.0)", "np.float64(nan)"),
    "frame dtype": (FRAME, FRAME.astype({"age": "float32"}), "v['age'].dtype", "float64", "float32"),
    "frame columns": (FRAME, FRAME.rename(columns={"name": "who"}), "v.columns[1]", "'name'", "'who'"),
    "frame column lost": (FRAME, FRAME[["age"]], "v.columns.shape", "(2,)", "(1,)"),
    "frame index": (FRAME, FRAME.set_axis([0, 1, 2, 7]), None, None, None),
    "frame index label": (FRAME.set_axis(list("wxyz")), FRAME.set_axis(list("wxYz")), "v.index[2]", "'y'", "'Y'"),
    "series name": (FRAME["age"], FRAME["age"].rename("years"), "v.name", "'age'", "'years'"),
    "categories": (
        pd.Series(["a", "b"], dtype="category"),
        pd.Series(["a", "a"], dtype=pd.CategoricalDtype(["a", "b"])),
        "v.iloc[1]",
        "'b'",
        "'a'",
    ),
    "multi-index": (
        FRAME.set_index(["age", "name"]),
        changed(FRAME, 2, "name", "q").set_index(["age", "name"]),
        "v.index.get_level_values(1)[2]",
        "'c'",
        "'q'",
    ),
    "estimator": (estimator(1.0), estimator(2.0), "v.coef_[0]", None, None),
    "pipeline of estimators": (
        make_pipeline(StandardScaler(), LinearRegression()).fit([[0.0], [2.0]], [0, 1]),
        make_pipeline(StandardScaler(), LinearRegression()).fit([[0.0], [4.0]], [0, 1]),
        "v.steps[0][1].mean_[0]",
        "np.float64(1.0)",
        "np.float64(2.0)",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_path_leads_to_the_first_difference(name: str) -> None:
    first, second, path, ours, theirs = CASES[name]
    found = first_difference("v", first, second)
    assert found is not None
    assert found.notebook != found.pipeline
    for told, expected in ((found.path, path), (found.notebook, ours), (found.pipeline, theirs)):
        assert expected is None or told == expected


def test_what_contains_itself_is_compared_all_the_same() -> None:
    first: list[Any] = [1]
    second: list[Any] = [2]
    first.append(first)
    second.append(second)
    assert first_difference("v", first, second).path == "v[0]"


def test_nan_equals_itself() -> None:
    assert first_difference("v", {"a": np.array([np.nan, 1])}, {"a": np.array([-np.nan, 1])}) is None


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers(), max_size=3)
        | st.builds(Point, inner, inner)
    ),
    max_leaves=12,
)


@given(plain, plain)
def test_there_is_a_difference_exactly_where_the_digests_differ(first: Any, second: Any) -> None:
    assert (first_difference("v", first, second) is None) == (digest(first) == digest(second))


@given(plain)
def test_a_copy_does_not_differ(value: Any) -> None:
    assert first_difference("v", value, copy.deepcopy(value)) is None
