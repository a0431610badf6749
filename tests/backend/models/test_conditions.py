"""What a condition says, and what comes of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labline_backend.models.conditions import Condition, ConditionError, judge
from labline_backend.models.records import Approval, Version


def version(number: str = "2", *people: str, verdict: str | None = None, **metrics: float) -> Version:
    approvals = tuple(Approval(who, 0.0) for who in people)
    named = {name.replace("__", "/"): value for name, value in metrics.items()}
    return Version("m", number, 0.0, (), named, approvals, verdict)


CHAMPION = version("1", auc=0.9, rmse=2.0, auc__AA=0.7, auc__UA=0.8)

metrics = st.text(st.characters(exclude_characters="<>=", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
numbers = st.floats(0, 1e9).map(lambda value: float(f"{value:g}"))


@given(
    metrics.filter(lambda name: name not in ("verified", "approvals")),
    st.sampled_from([">=", "<=", ">", "<"]),
    numbers,
    st.booleans(),
)
def test_what_is_written_down_is_read_as_it_was(metric: str, op: str, bound: float, relative: bool) -> None:
    condition = Condition(metric, op, bound, relative)
    assert Condition.parse(str(condition)) == condition


@pytest.mark.parametrize(
    "text",
    ["", "auc", ">= 1", "auc >=", "auc = 1", "auc >= best", "auc >= champion * 2", "auc >= 1 <= 2", "verified >= 1"],
)
def test_what_is_no_condition_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ConditionError, match="write"):
        Condition.parse(text)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("auc >= 0.85", True),
        ("auc > 0.85", False),
        ("rmse <= 2", True),
        ("auc >= champion", False),
        ("auc >= champion - 0.05", True),
        ("rmse <= champion", True),
        ("rmse < champion", False),
        ("rmse <= champion + 1e-3", True),
        ("f1 >= 0", False),
        ("auc/* >= 0.7", True),
        ("auc/* >= champion", False),
        ("auc/* >= champion - 0.06", True),
    ],
)
def test_a_metric_is_held_against_its_bound(text: str, passed: bool) -> None:
    candidate = version(auc=0.85, rmse=2.0, auc__AA=0.75, auc__UA=0.75)
    assert all(each.passed for each in judge([Condition.parse(text)], candidate, CHAMPION)) == passed


def test_each_slice_is_judged_apart() -> None:
    judged = judge([Condition.parse("auc/* >= champion")], version(auc__AA=0.75, auc__UA=0.75), CHAMPION)
    assert [(each.metric, each.passed) for each in judged] == [("auc/AA", True), ("auc/UA", False)]


def test_a_slice_that_only_the_champion_has_fails() -> None:
    judged = judge([Condition.parse("auc/* >= champion")], version(auc__AA=0.75), CHAMPION)
    assert [(each.metric, each.passed) for each in judged] == [("auc/AA", True), ("auc/UA", False)]


def test_a_slice_that_the_champion_has_not_does_no_harm() -> None:
    judged = judge([Condition.parse("auc/* >= champion")], version(auc__AA=0.7, auc__UA=0.8, auc__B6=0.1), CHAMPION)
    assert all(each.passed for each in judged)


def test_a_metric_asked_for_by_name_that_the_champion_has_not_fails() -> None:
    (judged,) = judge([Condition.parse("f1 >= champion")], version(f1=1.0), CHAMPION)
    assert not judged.passed


def test_without_a_champion_what_is_relative_to_it_holds() -> None:
    (judged,) = judge([Condition.parse("auc >= champion")], version(auc=0.1), None)
    assert judged.passed


def test_what_is_not_a_number_passes_nothing() -> None:
    for text in ("auc >= 0", "auc <= 0", "auc <= champion"):
        (judged,) = judge([Condition.parse(text)], version(auc=math.nan), CHAMPION)
        assert not judged.passed


def test_two_approvals_of_one_person_are_one() -> None:
    (judged,) = judge([Condition.parse("approvals >= 2")], version("2", "ada", "ada"), None)
    assert (judged.value, judged.passed) == (1.0, False)


@pytest.mark.parametrize(("verdict", "passed"), [("verified", True), ("partly verified", False), (None, False)])
def test_verified_asks_for_a_certificate_without_a_rest(verdict: str | None, passed: bool) -> None:
    (judged,) = judge([Condition.parse("verified")], version(verdict=verdict), None)
    assert judged.passed == passed
