"""When a step that failed is tried again, and how long a run may take."""

from __future__ import annotations

import pytest

from labline_runtime.outcome import Observation, StepError
from labline_runtime.retrying import is_worth_another_try, pause
from labline_runtime.specification import Backoff
from tests.backend.engine.bench import Bench, is_gone, wait_until
from tests.backend.engine.pipelines import pipeline, step

COUNT = """
import pathlib
tries = pathlib.Path('tries')
tries.write_text(str(int(tries.read_text()) + 1) if tries.exists() else '1')
"""


@pytest.mark.parametrize(
    ("failures", "chance", "seconds"), [(1, 1.0, 2.0), (1, 0.0, 1.0), (2, 1.0, 6.0), (3, 1.0, 10.0), (9999, 0.5, 7.5)]
)
def test_each_wait_is_longer_up_to_the_longest(failures: int, chance: float, seconds: float) -> None:
    assert pause(Backoff(2.0, 3.0, 10.0), failures, chance) == seconds


def test_without_a_backoff_there_is_no_wait() -> None:
    assert pause(None, 1, 1.0) == 0


RESET = StepError("It broke.", ename="ConnectionResetError", bases=("ConnectionResetError", "ConnectionError"))


@pytest.mark.parametrize(
    ("names", "error", "expected"),
    [
        ((), RESET, True),
        (("ConnectionError",), RESET, True),
        (("TimeoutError", "ConnectionResetError"), RESET, True),
        (("Error",), RESET, False),
        (("Timeout",), StepError("", bases=("requests.exceptions.Timeout",)), True),
        (("requests.exceptions.Timeout",), StepError("", bases=("requests.exceptions.Timeout",)), True),
        (("LL402",), StepError("", code="LL402"), True),
        (("LL402",), StepError("", code="LL403"), False),
        ((), StepError("", observed=(Observation("a", "alters", ("x",)),)), False),
        ((), None, True),
        (("OSError",), None, False),
    ],
)
def test_which_errors_are_worth_another_try(names: tuple[str, ...], error: StepError | None, expected: bool) -> None:
    assert is_worth_another_try(names, error) is expected


def test_a_step_is_tried_again_for_the_chosen_exceptions_only(bench: Bench) -> None:
    fails = COUNT + "raise ConnectionResetError if tries.read_text() == '1' else ValueError('enough')"
    run = bench.run(pipeline(step("a", fails, retries=5, retry_on=("ConnectionError",), backoff=Backoff(0.01))))
    assert (bench.step(run, "a").attempt, bench.step(run, "a").error.ename) == (2, "ValueError")


@pytest.mark.parametrize(("mode", "told"), [("a", ["LL506"]), ("w", [])])
def test_what_a_failed_attempt_has_written_is_told_where_the_next_goes_on_with_it(
    bench: Bench, mode: str, told: list[str]
) -> None:
    log = f"with open('log', {mode!r}) as file: file.write('x')\n"
    run = bench.run(pipeline(step("a", log + COUNT + "1 / (int(tries.read_text()) - 1)", retries=1)))
    assert [found.code for found in run.findings if "log" in found.message] == told
    result = bench.step(run, "a").result
    assert str(bench.file("tries")) in result.remains and "as an attempt before it" in result.unrepeatable


def test_a_step_that_waits_to_be_tried_again_holds_no_core_and_is_cancelled_at_once(tmp_path) -> None:
    bench = Bench(tmp_path, workers=1)
    run = bench.start(pipeline(step("a", "1 / 0", retries=1, backoff=Backoff(3000.0)), step("b", "1")))
    wanted = {"a": "pending", "b": "succeeded"}
    wait_until(lambda: bench.states(run) == wanted and bench.step(run, "a").error, "a kept the core")
    bench.engine.cancel(run.id)
    assert bench.states(bench.end(run)) == {"a": "cancelled", "b": "succeeded"}
    bench.close()


def test_a_run_that_exceeds_its_timeout_fails(bench: Bench) -> None:
    slow = pipeline(step("a", "import time\ntime.sleep(600)"), step("b", "1", after=("a",)))
    run = bench.run(slow, control={"timeout": 1.0})
    assert run.state == "failed"
    assert run.error == "The run took longer than its timeout of 1 seconds and was stopped."
    assert bench.states(run)["b"] == "skipped"


LOKY = """
import joblib, os, pathlib, time
def work(number):
    pathlib.Path(f'worker{number}.part').write_text(str(os.getpid()))
    os.rename(f'worker{number}.part', f'worker{number}')
    time.sleep(600)
joblib.Parallel(n_jobs=2)(joblib.delayed(work)(number) for number in range(2))
"""


def test_workers_of_joblib_do_not_outlive_a_cancelled_step(bench: Bench) -> None:
    run = bench.start(pipeline(step("a", LOKY)))
    workers = [int(bench.await_file(f"worker{number}")) for number in range(2)]
    bench.engine.cancel(run.id)
    assert bench.end(run).state == "cancelled"
    assert [is_gone(pid) for pid in workers] == [True] * 2
