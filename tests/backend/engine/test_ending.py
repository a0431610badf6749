"""The step that ends every run, however it went."""

from __future__ import annotations

import pytest

from labline_compiler.pipeline import Pipeline
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import pipeline, step, waiting


def ended(first: str, *others: str) -> Pipeline:
    return pipeline(
        step("a", first, gives="x"),
        step("b", "y = x", takes={"x": "a"}, gives="y"),
        step(
            "bye",
            "print(outcome, '|', error, '|', 'y' in globals())",
            takes={"y": "b"},
            after=("a",),
            parameters=("outcome", "error"),
            exit=("outcome", "error"),
        ),
        outcome="'succeeded'",
        error="None",
    )


@pytest.mark.parametrize(
    ("first", "state", "said"),
    [
        ("x = 1", "succeeded", "succeeded | None | True\n"),
        (
            "1 / 0",
            "failed",
            "failed | Step a failed: Cell {}, line 1 raised ZeroDivisionError: division by zero | False\n",
        ),
    ],
)
def test_it_runs_with_the_outcome_in_hand(bench: Bench, first: str, state: str, said: str) -> None:
    trial = ended(first)
    run = bench.run(trial)
    assert (run.state, bench.step(run, "bye").state) == (state, "succeeded")
    assert bench.log(run, "bye") == said.format(trial.step("a").cells[0].index + 1)


@pytest.mark.parametrize(("fails", "said"), [("1 / 0", "first"), ("1 / 1", "second")])
def test_hidden_state_is_as_the_last_step_that_succeeded_has_left_it(bench: Bench, fails: str, said: str) -> None:
    run = bench.run(
        pipeline(
            step("a", "import os\nos.environ['STAGE'] = 'first'", gives="@environ"),
            step("b", f"import os\nos.environ['STAGE'] = 'second'\n{fails}", takes={"@environ": "a"}, gives="@environ"),
            step("bye", "import os\nprint(os.environ['STAGE'])", takes={"@environ": "b"}, exit=("outcome",)),
            outcome="'succeeded'",
        )
    )
    assert bench.log(run, "bye") == f"{said}\n"


def test_it_runs_again_in_every_run(bench: Bench) -> None:
    states = [bench.states(bench.run(ended("x = 1"))) for _ in range(2)]
    assert [found["bye"] for found in states] == ["succeeded", "succeeded"]


def test_it_runs_where_the_run_has_taken_too_long(bench: Bench) -> None:
    run = bench.run(ended("import time\ntime.sleep(600)"), control={"timeout": 1.0})
    assert bench.log(run, "bye").startswith("failed | The run took longer than its timeout of 1 seconds")
    assert (run.state, bench.step(run, "bye").state) == ("failed", "succeeded")


def test_a_run_that_is_cancelled_ends_at_once(bench: Bench) -> None:
    going_on = waiting(
        step("a", "tell('a'); wait_for('never')"), step("bye", "1", exit=("outcome",)), outcome="'succeeded'"
    )
    run = bench.start(going_on)
    bench.await_file("a")
    bench.engine.cancel(run.id)
    assert bench.states(bench.end(run)) == {"a": "cancelled", "bye": "skipped"}
