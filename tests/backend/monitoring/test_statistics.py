"""The formulas: against values computed by hand, and the laws that they keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labline_backend.monitoring import statistics

samples = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60).map(np.array)
categories = st.lists(st.sampled_from("abcde"), min_size=1, max_size=40)


def test_psi_by_hand() -> None:
    # Reference: a quarter in each bin of four. Current: 1/2, 1/4, 1/8, 1/8.
    reference = np.array([1.0, 2.0, 3.0, 4.0])
    current = np.array([1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0])
    expected = (1 / 2 - 1 / 4) * math.log(2) + 0 + 2 * (1 / 8 - 1 / 4) * math.log(1 / 2)
    assert statistics.psi(reference, current, bins=4).value == pytest.approx(expected, rel=1e-12)


def test_psi_by_hand_where_a_bin_is_empty() -> None:
    # All of the current sample is in the upper of two bins; the empty one counts as half a value.
    found = statistics.psi(np.array([1.0, 2.0]), np.array([2.0, 2.0]), bins=2).value
    expected = (1 / 4 - 1 / 2) * math.log(1 / 2) + (1 - 1 / 2) * math.log(2)
    assert found == pytest.approx(expected, rel=1e-12)


def test_psi_of_categories_by_hand() -> None:
    found = statistics.psi_of_categories(["x", "x", "y", "y"], ["x", "y", "y", "y"]).value
    assert found == pytest.approx(-0.25 * math.log(0.5) + 0.25 * math.log(1.5), rel=1e-12)


def test_the_p_value_of_psi_by_hand() -> None:
    # chi-squared with one degree of freedom: P(X > x) = erfc(sqrt(x / 2)).
    reference, current = ["x"] * 50 + ["y"] * 50, ["x"] * 30 + ["y"] * 70
    psi = -0.2 * math.log(0.6) + 0.2 * math.log(1.4)
    expected = math.erfc(math.sqrt(psi / (1 / 100 + 1 / 100) / 2))
    assert statistics.psi_of_categories(reference, current).p_value == pytest.approx(expected, rel=1e-9)


def test_the_p_value_of_psi_is_that_of_chance() -> None:
    # Of samples of one population about one in twenty has a p-value below 0.05, and not many more.
    random = np.random.default_rng(0)
    below = [statistics.psi(random.normal(size=400), random.normal(size=300)).p_value < 0.05 for _ in range(200)]
    assert 0.01 < np.mean(below) < 0.12


def test_kolmogorov_smirnov_by_hand() -> None:
    # F steps at 1, 2, 3, 4 and G at 3, 4, 5, 6: they differ most between 2 and 3, by 1/2 - 0.
    found = statistics.kolmogorov_smirnov(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))
    assert found.value == pytest.approx(0.5, rel=1e-12)


def test_a_share_by_hand() -> None:
    # Fisher's tea: 3 of 4 against 1 of 4, two-sided: (16 + 16 + 1 + 1) / 70.
    found = statistics.share_difference((1, 4), (3, 4))
    assert found.value == 0.5
    assert found.p_value == pytest.approx(34 / 70, rel=1e-12)


def test_unseen_categories_by_hand() -> None:
    share, values = statistics.unseen_share(["a", "b"], ["a", "c", "d", "c"])
    assert (share, values) == (0.75, ["c", "d"])


@settings(max_examples=40)
@given(samples)
def test_a_sample_is_at_no_distance_from_itself(sample: np.ndarray) -> None:
    assert statistics.psi(sample, sample).value == 0
    assert statistics.kolmogorov_smirnov(sample, sample).value == 0


@given(samples, st.randoms(use_true_random=False))
def test_the_order_of_values_says_nothing(sample: np.ndarray, random: object) -> None:
    shuffled = sample.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert statistics.psi(sample, shuffled).value == 0


@given(samples, samples)
def test_psi_is_never_negative(reference: np.ndarray, current: np.ndarray) -> None:
    assert statistics.psi(reference, current).value >= 0


@given(categories, categories)
def test_psi_of_categories_is_symmetric(one: list[str], other: list[str]) -> None:
    forth, back = statistics.psi_of_categories(one, other), statistics.psi_of_categories(other, one)
    assert forth.value == pytest.approx(back.value, rel=1e-9, abs=1e-12)


def test_kolmogorov_smirnov_is_scipys() -> None:
    from scipy.stats import ks_2samp

    random = np.random.default_rng(3)
    one, other = random.normal(size=900), random.normal(0.1, size=700).round(1)
    theirs = ks_2samp(one, other, method="asymp")
    found = statistics.kolmogorov_smirnov(one, other)
    assert found.value == pytest.approx(theirs.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=0.1)


@settings(max_examples=50)
@given(samples, st.lists(st.floats(0, 1e5), min_size=2, max_size=4).map(sorted))
def test_kolmogorov_smirnov_grows_with_a_shift(sample: np.ndarray, shifts: list[float]) -> None:
    found = [statistics.kolmogorov_smirnov(sample, sample + shift).value for shift in shifts]
    assert found == sorted(found)


def test_psi_grows_with_a_shift() -> None:
    # Uniform values, shifted by whole bins: each leaves one bin more empty.
    reference = np.arange(1000.0)
    found = [statistics.psi(reference, reference + 100.0 * bins).value for bins in range(10)]
    assert found == sorted(found)
    assert found[0] == 0


def test_infinite_values_are_values() -> None:
    sample = np.array([-np.inf, 0.0, 1.0, np.inf])
    assert statistics.psi(sample, sample).value == 0
    assert math.isfinite(statistics.psi(sample, np.array([np.inf])).value)
