"""The kinds of values that notebooks hand on: they come back equal, and equal ones have equal digests."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KDTree, KNeighborsClassifier
from sklearn.utils import Bunch

from labline_runtime.values import digest, load, store

BERLIN = "Europe/Berlin"


def frame(**facts: Any) -> pd.DataFrame:
    made = pd.DataFrame({"k": list("aba"), "x": [1.0, 2.0, None]})
    made.attrs.update(facts)
    return made


def indexed(index: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": range(4)}, index=index)


def record(x: float) -> Any:
    return np.array([(1, x)], dtype=[("a", "i4"), ("b", "f8")])[0]


def sparse(kind: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    make = getattr(scipy.sparse, f"{kind}_array")
    return lambda: make(np.eye(3)), lambda: make(2 * np.eye(3))


def voting(c: float) -> Any:
    parts = [("a", LogisticRegression(C=c)), ("b", LogisticRegression())]
    return VotingClassifier(parts).fit([[0], [1], [2], [3]], [0, 1, 0, 1])


# What makes a value, and what makes another one that is nearly the same.
PAIRS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "scalar": (lambda: np.float32(1.5), lambda: np.float64(1.5)),
    "long double": (lambda: np.longdouble(1) / 3, lambda: np.longdouble(1 / 3)),
    "record": (lambda: record(2.0), lambda: record(3.0)),
    "objects": (lambda: np.array([1, "a", [1]], dtype=object), lambda: np.array([1, "a", [2]], dtype=object)),
    "strings": (lambda: np.array(["a"], np.dtypes.StringDType()), lambda: np.array(["b"], np.dtypes.StringDType())),
    "masked": (lambda: np.ma.masked_array([1, 2], [1, 0]), lambda: np.ma.masked_array([1, 2], [0, 0])),
    "hard mask": (lambda: np.ma.array([1], mask=[1], hard_mask=True), lambda: np.ma.array([1], mask=[1])),
    "generator": (lambda: np.random.default_rng(1), lambda: np.random.default_rng(2)),
    "legacy generator": (lambda: np.random.RandomState(1), lambda: np.random.RandomState(2)),
    "frame with attrs": (lambda: frame(a=[1]), lambda: frame(a=[2])),
    "frame with flags": (lambda: frame().set_flags(allows_duplicate_labels=False), frame),
    "hierarchical index": (
        lambda: indexed(pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["i", "j"])),
        lambda: indexed(pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["i", "k"])),
    ),
    "interval index": (lambda: indexed(pd.interval_range(0, 4)), lambda: indexed(pd.interval_range(1, 5))),
    "period index": (
        lambda: indexed(pd.period_range("2024", periods=4, freq="M")),
        lambda: indexed(pd.period_range("2024", periods=4, freq="Y")),
    ),
    "times with a zone": (
        lambda: indexed(pd.date_range("2024", periods=4, tz=BERLIN)),
        lambda: indexed(pd.date_range("2024", periods=4, tz="UTC")),
    ),
    "a time with a zone": (
        lambda: datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo(BERLIN)),
        lambda: datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
    ),
    "categories": (
        lambda: pd.Series(pd.Categorical(["a"], ["a", "b"])),
        lambda: pd.Series(pd.Categorical(["a"], ["a"])),
    ),
    "nullable": (lambda: pd.Series([1, None], dtype="Int64"), lambda: pd.Series([1, 0], dtype="Int64")),
    "groups": (lambda: frame().groupby("k"), lambda: frame().groupby("k", sort=False)),
    "window": (lambda: frame().x.rolling(2), lambda: frame().x.rolling(3)),
    "arrow table": (lambda: pa.table({"a": [1, None]}), lambda: pa.table({"a": [1, 0]})),
    "arrow struct": (lambda: pa.array([{"a": [1]}, None]), lambda: pa.array([{"a": [2]}, None])),
    "arrow column": (
        lambda: pd.Series([1, 2], dtype="timestamp[ns, UTC][pyarrow]"),
        lambda: pd.Series([1, 2], dtype="timestamp[ns][pyarrow]"),
    ),
    "data set": (lambda: Bunch(data=[1]), lambda: Bunch(data=[2])),
    "ensemble": (lambda: voting(1.0), lambda: voting(2.0)),
    **{f"sparse {kind}": sparse(kind) for kind in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")},
}


@pytest.mark.parametrize("case", PAIRS)
def test_a_value_comes_back_as_one_that_is_made_anew(case, tmp_path):
    make, _ = PAIRS[case]
    stored = store({"v": make()}, tmp_path)
    assert digest(load(stored.path, stored.digest)[0]["v"]) == digest(make())


@pytest.mark.parametrize("case", PAIRS)
def test_another_value_has_another_digest(case):
    make, make_other = PAIRS[case]
    assert digest(make()) != digest(make_other())


def test_a_hard_mask_stays_hard(tmp_path):
    stored = store({"v": np.ma.array([1, 2], mask=[1, 0], hard_mask=True)}, tmp_path)
    array = load(stored.path)[0]["v"]
    array[0] = 5
    assert array.mask[0]


USES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "groups": (PAIRS["groups"][0], lambda v: (v.x.sum(), v.groups, list(v))),
    "window": (PAIRS["window"][0], lambda v: v.mean()),
    "sparse": (PAIRS["sparse csr"][0], lambda v: (v @ np.ones(3), v.toarray(), v.has_canonical_format, repr(v))),
    "search tree": (lambda: KDTree([[0.0], [1.0]]), lambda v: v.query([[0.4]])),
    "nearest neighbours": (
        lambda: KNeighborsClassifier(1, algorithm="ball_tree").fit([[0.0], [1.0]], [0, 1]),
        lambda v: v.predict([[0.2]]),
    ),
}


@pytest.mark.parametrize("case", USES)
def test_using_a_value_leaves_its_digest(case):
    make, use = USES[case]
    value = make()
    before = digest(value)
    use(value)
    assert digest(value) == before
