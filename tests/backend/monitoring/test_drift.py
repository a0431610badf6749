"""When a column counts as drifted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labline_backend.monitoring.drift import ColumnReport, Thresholds, compare
from labline_backend.monitoring.samples import Sample, SampleError


def sample(**columns: Any) -> Sample:
    return Sample("a sample", {name: pd.Series(values) for name, values in columns.items()})


def column(reference: Any, current: Any, thresholds: Thresholds | None = None) -> ColumnReport:
    (found,) = compare(sample(x=reference), sample(x=current), thresholds).columns
    return found


random = np.random.default_rng(7)
NORMAL = random.normal(size=2000)


def test_two_samples_of_one_population_have_not_drifted() -> None:
    assert column(NORMAL, random.normal(size=500)).reasons == ()


def test_a_shifted_column_has_drifted_by_both_statistics() -> None:
    assert column(NORMAL, random.normal(1, size=500)).reasons == ("psi", "ks")


def test_a_handful_of_values_proves_nothing_however_far_the_statistic() -> None:
    found = column(NORMAL, np.array([0.1, -0.2, 0.3]))
    assert found.psi is not None and found.psi.value > Thresholds().psi
    assert found.reasons == ()


def test_a_tiny_shift_is_no_drift_however_sure() -> None:
    many = random.normal(size=200_000)
    found = column(many, many + 0.05)
    assert found.ks is not None and found.ks.p_value < 1e-9
    assert found.reasons == ()


def test_missing_values_that_were_not_missing_are_drift() -> None:
    current = NORMAL.copy()
    current[::5] = np.nan
    assert column(NORMAL, current).reasons == ("missing",)


def test_an_unseen_category_is_drift_and_is_named() -> None:
    found = column(["a", "b"] * 50, ["a", "b"] * 49 + ["c", "c"])
    assert found.reasons == ("unseen",)
    assert found.unseen_values == ("c",)


def test_categories_in_other_shares_are_drift() -> None:
    assert column(["a", "b"] * 100, ["a"] * 180 + ["b"] * 20).reasons == ("psi",)


def test_numbers_that_became_text_are_unseen_categories() -> None:
    found = column(NORMAL, ["x"] * 50)
    assert found.kind == "category"
    assert "unseen" in found.reasons


def test_a_column_without_values_is_judged_by_that_alone() -> None:
    assert column(NORMAL, [None] * 50).reasons == ("missing",)


def test_many_columns_do_not_cry_wolf_more_often() -> None:
    reference = {f"c{i}": random.normal(size=300) for i in range(40)}
    current = {name: random.normal(size=60) for name in reference}
    loose = Thresholds(psi=0, ks=0)
    assert not compare(sample(**reference), sample(**current), loose).drifted


def test_columns_of_one_side_only_are_named() -> None:
    report = compare(sample(x=[1.0], target=[1]), sample(x=[1.0], new=[1]))
    assert report.uncompared == ("new", "target")


def test_nothing_in_common_is_told() -> None:
    with pytest.raises(SampleError, match="The reference has none of the columns y"):
        compare(sample(x=[1.0]), sample(y=[1.0]))


def test_a_report_is_json() -> None:
    document = json.loads(json.dumps(compare(sample(x=NORMAL), sample(x=NORMAL + 1)).document(), allow_nan=False))
    assert document["drifted"] is True
    assert document["columns"][0]["reasons"] == ["psi", "ks"]
    assert document["columns"][0]["psi"].keys() == {"value", "p_value"}
