"""The last minutes of an endpoint, as charts are drawn from them. Time is a number here."""

from __future__ import annotations

import itertools
from typing import Any

from labline_backend.serving.tally import Counts
from labline_backend.serving.traffic import KEPT, STRETCH_SECONDS, Traffic


def counts(requests: int, faults: int = 0, seconds: float = 0.01) -> Counts:
    made = Counts()
    for number in range(requests):
        made.add(500 if number < faults else 200, seconds)
    return made


def points(traffic: Traffic) -> list[Any]:
    return traffic.plain()["points"]  # type: ignore[return-value]


def test_what_was_counted_within_a_stretch_is_told_together_once_it_is_over() -> None:
    traffic = Traffic()
    traffic.observe(100.0, {})
    traffic.observe(101.0, {"1": counts(3, 1)})
    traffic.observe(102.0, {"1": counts(2), "2": counts(4)})
    assert points(traffic) == []
    traffic.observe(103.0, {"1": counts(9)})
    (point,) = points(traffic)
    assert (point["time"], point["seconds"]) == (102.0, STRETCH_SECONDS)
    assert {v: (told["requests"], told["errors"]) for v, told in point["versions"].items()} == {
        "1": (5, 1),
        "2": (4, 0),
    }


def test_stretches_follow_each_other_without_a_gap() -> None:
    traffic = Traffic()
    for second in range(20):
        traffic.observe(float(second), {"1": counts(1)})
    told = points(traffic)
    assert all(before["time"] == after["time"] - after["seconds"] for before, after in itertools.pairwise(told))


def test_a_latency_is_told_to_a_fifth() -> None:
    traffic = Traffic()
    traffic.observe(0.0, {})
    traffic.observe(5.0, {"1": counts(100, seconds=0.1)})
    traffic.observe(10.0, {})
    told = points(traffic)[-1]["versions"]["1"]
    assert 0.1 <= told["median"] <= told["slow"] <= 0.12


def test_a_version_that_answered_nothing_is_left_out() -> None:
    traffic = Traffic()
    for second in range(10):
        traffic.observe(float(second), {"1": Counts()})
    assert all(point["versions"] == {} for point in points(traffic))


def test_what_is_long_ago_is_forgotten() -> None:
    traffic = Traffic()
    for second in range(int(KEPT * STRETCH_SECONDS * 3)):
        traffic.observe(float(second), {"1": counts(1)})
    assert len(points(traffic)) == KEPT - 1


def test_a_clock_that_was_set_back_makes_no_stretch_of_negative_length() -> None:
    traffic = Traffic()
    for now in (100.0, 101.0, 40.0, 41.0, 42.0, 43.0, 44.0):
        traffic.observe(now, {"1": counts(1)})
    assert all(point["seconds"] >= 0 for point in points(traffic))


def test_looks_that_come_a_little_late_keep_as_many_minutes() -> None:
    traffic = Traffic()
    for look in range(int(KEPT * STRETCH_SECONDS) + 10):
        traffic.observe(look * 1.004, {"1": counts(1)})
    told = points(traffic)
    assert told[-1]["time"] - told[0]["time"] > 0.95 * KEPT * STRETCH_SECONDS
