"""When a version on trial is taken back. Time is a number here."""

from __future__ import annotations

import pytest

from labline_backend.serving.canary import Guard, Trial
from labline_backend.serving.tally import Counts, total

GUARD = Guard(errors=0.05, latency=3.0, requests=50, seconds=60.0)


def counts(requests: int, faults: int = 0, seconds: float = 0.01) -> Counts:
    made = Counts()
    for number in range(requests):
        made.add(500 if number < faults else 200, seconds)
    return made


def trial() -> Trial:
    return Trial("2", GUARD)


def test_more_errors_than_the_others_take_it_back() -> None:
    said = trial().observe(0, {"1": counts(500, 5), "2": counts(50, 5)})
    assert said == "10.0% of its 50 answers were errors, of the others' 1.0%"


def test_errors_that_all_versions_have_are_the_clients() -> None:
    assert trial().observe(0, {"1": counts(100, 40), "2": counts(100, 42)}) is None


def test_nothing_is_decided_on_a_few_answers() -> None:
    assert trial().observe(0, {"1": counts(500), "2": counts(49, 49)}) is None


def test_few_answers_at_a_time_add_up() -> None:
    judged = trial()
    said = [judged.observe(second, {"1": counts(20), "2": counts(20, 10)}) for second in range(3)]
    assert said[:2] == [None, None] and said[2] is not None


def test_what_was_long_ago_does_not_count() -> None:
    judged = trial()
    assert judged.observe(0, {"1": counts(10), "2": counts(49, 49)}) is None
    assert judged.observe(61, {"1": counts(10), "2": counts(49)}) is None


def test_a_version_that_is_much_slower_is_taken_back() -> None:
    said = trial().observe(0, {"1": counts(50, seconds=0.01), "2": counts(50, seconds=0.05)})
    assert said is not None and "nine tenths of its answers took up to" in said


def test_a_difference_that_nobody_notices_is_no_reason() -> None:
    assert trial().observe(0, {"1": counts(50, seconds=0.0004), "2": counts(50, seconds=0.002)}) is None


def test_a_slow_machine_slows_all_versions() -> None:
    assert trial().observe(0, {"1": counts(50, seconds=1.0), "2": counts(50, seconds=1.1)}) is None


@pytest.mark.parametrize("status", [401, 404, 413, 415, 429])
def test_what_is_no_versions_doing_is_no_fault(status: int) -> None:
    made = Counts()
    made.add(status, 0.01)
    assert (made.requests, made.faults) == (1, 0)


def test_counts_go_through_json_and_add_up() -> None:
    import json

    parts = [counts(3, 1), counts(4, 2, seconds=1.0)]
    sent = [Counts.of(json.loads(json.dumps(part.plain()))) for part in parts]
    together = total(sent)
    assert (together.requests, together.faults) == (7, 3)
    assert together.quantile(0.2) == pytest.approx(0.01, rel=0.25)
    assert together.quantile(1.0) == pytest.approx(1.0, rel=0.25)
