"""Which version a request goes to."""

from __future__ import annotations

from collections import Counter

import pytest

from labline_backend.serving.plan import Arm, Plan
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.routing import Routing

IDS = [f"request-{number}" for number in range(4000)]


def routing(*arms: Arm, model: str = "flights") -> Routing[str]:
    return Routing(model, arms, {arm.version: f"v{arm.version}" for arm in arms})


def test_shares_are_kept_to() -> None:
    split = routing(Arm("champion", "1", 90), Arm("challenger", "2", 10))
    counts = Counter(split.choose(each) for each in IDS)
    assert counts["v2"] == pytest.approx(len(IDS) / 10, rel=0.15)
    assert counts["v1"] + counts["v2"] == len(IDS)


def test_a_larger_share_keeps_the_requests_that_it_had() -> None:
    few, many = (routing(Arm("new", "2", new), Arm("old", "1", 100 - new)) for new in (10, 40))
    assert {each for each in IDS if few.choose(each) == "v2"} < {each for each in IDS if many.choose(each) == "v2"}


def test_two_models_do_not_split_alike() -> None:
    arms = (Arm("a", "1", 1), Arm("b", "2", 1))
    one, other = routing(*arms), routing(*arms, model="weather")
    same = sum(one.choose(each) == other.choose(each) for each in IDS)
    assert same == pytest.approx(len(IDS) / 2, rel=0.15)


def test_a_version_without_a_share_is_asked_by_its_name_alone() -> None:
    split = routing(Arm("champion", "1", 1), Arm("challenger", "2", 0))
    assert {split.choose(each) for each in IDS[:200]} == {"v1"}
    assert [split.named(name) for name in ("champion", "1", "challenger", "2")] == ["v1", "v1", "v2", "v2"]


def test_a_name_that_is_not_served_is_refused_with_those_that_are() -> None:
    with pytest.raises(Refusal, match="No version 'x' of flights is served here: '1', 'champion'") as refused:
        routing(Arm("champion", "1", 1)).named("x")
    assert refused.value.status == 404


def test_the_main_version_has_the_largest_share() -> None:
    assert routing(Arm("a", "1", 10), Arm("b", "2", 90)).main == "v2"


def test_a_plan_loads_each_version_once() -> None:
    plan = Plan("m", (Arm("champion", "3", 1), Arm("challenger", "3", 1), Arm("2", "2", 1)), "2")
    assert [str(version) for version in plan.versions] == ["m/3", "m/2"]
