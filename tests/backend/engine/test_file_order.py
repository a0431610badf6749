"""Files that steps use, though their code shows neither that nor an order."""

from __future__ import annotations

import pytest

from labline_runtime.outcome import Observation
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import pipeline, step, waiting

WRITES = Observation("a", "writes", ("data.csv",))
READS = Observation("b", "reads", ("data.csv",))
WRITE = "with open('data.csv', 'w') as file: file.write('new')"
READ = "try:\n    with open('data.csv') as file: print(file.read())\nexcept FileNotFoundError: pass"


def test_a_file_read_before_the_step_above_has_written_it_fails_the_run(bench: Bench) -> None:
    run = bench.run(waiting(step("a", f"wait_for('read')\n{WRITE}"), step("b", f"{READ}\ntell('read')")))
    error = bench.step(run, "a").error or bench.step(run, "b").error
    assert run.state == "failed"
    assert (error.code, error.variable, error.observed) == ("LL223", "data.csv", (WRITES, READS))


def test_a_file_overwritten_before_the_step_above_has_read_it_fails_the_run(bench: Bench) -> None:
    run = bench.run(waiting(step("b", f"wait_for('written')\n{READ}"), step("a", f"{WRITE}\ntell('written')")))
    error = bench.step(run, "b").error or bench.step(run, "a").error
    assert (error.code, error.observed) == ("LL223", (READS, WRITES))


def test_a_file_that_happened_to_be_read_after_it_was_written_is_a_fact_and_no_error(bench: Bench) -> None:
    run = bench.run(waiting(step("a", f"{WRITE}\ntell('written')"), step("b", f"wait_for('written')\n{READ}")))
    assert run.state == "succeeded"
    assert {*bench.step(run, "a").result.observed, *bench.step(run, "b").result.observed} == {WRITES, READS}


@pytest.mark.parametrize("after", [("a",), ("between",)])
def test_a_file_of_a_step_that_one_waits_for_is_no_fact(bench: Bench, after: tuple[str, ...]) -> None:
    steps = (step("a", WRITE), step("between", "1", after=("a",)), step("b", READ, after=after))
    run = bench.run(pipeline(*steps))
    assert bench.step(run, "b").result.observed == ()


def test_a_file_that_both_steps_write_before_they_read_it_is_no_fact(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", f"{WRITE}\n{READ}"), step("b", f"{WRITE}\n{READ}")))
    assert (run.state, bench.step(run, "a").result.observed, bench.step(run, "b").result.observed) == (
        "succeeded",
        (),
        (),
    )
