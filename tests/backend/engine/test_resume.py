"""Engines die and close; runs go on, and no finished step is repeated."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from labline_backend.engine.engine import RunStateError
from labline_backend.store.records import RunState, Verification
from tests.backend.engine import driver
from tests.backend.engine.bench import Bench, is_gone, wait_until
from tests.backend.engine.pipelines import step, waiting
from tests.backend.engine.test_processes import FAMILY, family

COUNT = "with open('ran', 'a') as f: f.write('{} ')\n"
"""Every execution of a step leaves a mark."""

LONG = waiting(
    step("first", COUNT.format("first") + "x = 1", gives="x", cache=False),
    step(
        "second",
        COUNT.format("second") + "tell('second')\nwait_for('go')\ny = x + 1",
        takes={"x": "first"},
        gives="y",
        cache=False,
    ),
    step("third", COUNT.format("third") + "print(y)", takes={"y": "second"}, cache=False),
)


def killed_in_the_middle(bench: Bench) -> str:
    """The id of a run whose engine was killed while its second step ran."""
    process, run_id = driver.start(bench, LONG)
    bench.await_file("second")
    driver.kill(process)
    log = bench.home.step_folder(run_id, "second") / "log.txt"
    wait_until(lambda: is_unlocked(log), "the step outlives its engine")
    return run_id


def is_unlocked(log: Path) -> bool:
    """Whether the last process of a step is gone: while one lives, the step's log is locked."""
    with log.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_killed_engine_takes_its_steps_with_it(bench: Bench) -> None:
    process, _ = driver.start(bench, waiting(step("a", FAMILY + "time.sleep(600)")))
    pids = family(bench)
    driver.kill(process)
    for pid in pids:
        wait_until(lambda pid=pid: is_gone(pid), "a process outlived the engine")


def test_a_run_whose_engine_was_killed_goes_on_where_it_was(bench: Bench) -> None:
    run_id = killed_in_the_middle(bench)
    bench.file("go").touch()
    assert [run.id for run in bench.engine.adopt()] == [run_id]
    run = bench.end(bench.store.get(run_id))
    assert run.state == "succeeded"
    assert bench.file("ran").read_text() == "first second second third "
    assert bench.log(run, "third") == "2\n"


def test_a_step_that_ended_while_its_engine_died_is_not_repeated(bench: Bench) -> None:
    process, run_id = driver.start(bench, LONG)
    bench.await_file("second")
    with closing(sqlite3.connect(bench.home.database, isolation_level=None)) as journal:
        journal.execute("BEGIN IMMEDIATE")  # from now on the engine cannot write down what happens
        bench.file("go").touch()
        wait_until((bench.home.step_folder(run_id, "second") / "result.json").exists, "the step did not end")
        driver.kill(process)
    bench.engine.adopt()
    assert bench.end(bench.store.get(run_id)).state == "succeeded"
    assert bench.file("ran").read_text() == "first second third "


def test_an_interrupted_attempt_counts_as_one(bench: Bench) -> None:
    run_id = killed_in_the_middle(bench)
    bench.file("go").touch()
    bench.engine.adopt()
    assert bench.step(bench.end(bench.store.get(run_id)), "second").attempt == 2


def test_closing_leaves_a_run_interrupted_and_its_steps_pending(bench: Bench, tmp_path: Path) -> None:
    run = bench.start(LONG)
    bench.await_file("second")
    bench.engine.close()
    assert bench.store.get(run.id).state == "interrupted"
    assert bench.states(run) == {"first": "succeeded", "second": "pending", "third": "pending"}


def test_an_interrupted_run_is_adopted(bench: Bench, tmp_path: Path) -> None:
    run = bench.start(LONG)
    bench.await_file("second")
    bench.engine.close()
    bench.file("go").touch()
    other = Bench(tmp_path)
    assert [found.id for found in other.engine.adopt()] == [run.id]
    assert other.end(run).state == "succeeded"
    other.close()
    assert bench.file("ran").read_text() == "first second second third "


def test_only_one_of_two_engines_adopts_a_run(bench: Bench, tmp_path: Path) -> None:
    killed_in_the_middle(bench)
    other = Bench(tmp_path)
    adopted = [*bench.engine.adopt(), *other.engine.adopt()]
    other.close()
    assert len(adopted) == 1


def test_a_run_that_somebody_drives_is_not_adopted(bench: Bench, tmp_path: Path) -> None:
    bench.start(LONG)
    bench.await_file("second")
    other = Bench(tmp_path)
    assert other.engine.adopt() == []
    other.close()


def test_a_run_that_somebody_drives_cannot_be_resumed(bench: Bench, tmp_path: Path) -> None:
    run = bench.start(LONG)
    other = Bench(tmp_path)
    with pytest.raises(RunStateError, match="is driven by another process"):
        other.engine.resume(run.id)
    other.close()


def test_a_run_that_has_ended_cannot_be_resumed(bench: Bench) -> None:
    run = bench.run(waiting(step("a", "1")))
    with pytest.raises(RunStateError, match="has succeeded: there is nothing to resume"):
        bench.engine.resume(run.id)


def test_a_run_that_nobody_drives_can_be_cancelled(bench: Bench) -> None:
    run_id = killed_in_the_middle(bench)
    bench.engine.cancel(run_id)
    run = bench.store.get(run_id)
    assert (run.state, bench.states(run)) == (
        "cancelled",
        {"first": "succeeded", "second": "cancelled", "third": "skipped"},
    )


def test_a_run_cancelled_while_nobody_drove_it_is_not_adopted(bench: Bench) -> None:
    run_id = killed_in_the_middle(bench)
    bench.store.request_cancel(run_id)
    assert bench.engine.adopt() == []
    assert bench.store.get(run_id).state == "cancelled"


def test_runs_of_dead_engines_can_be_marked_as_interrupted(bench: Bench) -> None:
    run_id = killed_in_the_middle(bench)
    assert [run.id for run in bench.engine.settle()] == [run_id]
    assert bench.store.get(run_id).state == "interrupted"


def test_waiting_for_a_run_whose_engine_died_ends(bench: Bench) -> None:
    run_id = killed_in_the_middle(bench)
    assert bench.engine.wait(run_id).ended is None


def test_two_processes_run_on_one_data_folder(bench: Bench) -> None:
    process, run_id = driver.start(bench, waiting(step("a", "tell('theirs'); wait_for('ours')")))
    ours = bench.run(waiting(step("a", "tell('ours'); wait_for('theirs')")))
    assert driver.end(process) == "succeeded"
    assert {run.id for run in bench.store.list()} == {ours.id, run_id}


def test_a_cancel_reaches_a_run_of_another_process(bench: Bench) -> None:
    process, run_id = driver.start(bench, waiting(step("a", "tell('theirs'); wait_for('never')")))
    bench.await_file("theirs")
    bench.engine.cancel(run_id)
    assert driver.end(process) == "cancelled"
    assert bench.engine.wait(run_id).state == "cancelled"


def test_a_result_of_another_process_is_used(bench: Bench) -> None:
    trial = waiting(step("a", "print('once')"))
    process, run_id = driver.start(bench, trial)
    assert driver.end(process) == "succeeded"
    assert bench.step(bench.run(trial), "a").cached_from == run_id


def test_closing_twice_is_no_trouble(bench: Bench) -> None:
    bench.engine.close()
    bench.engine.close()


def test_a_run_of_a_version_that_knew_more_can_be_looked_at_and_is_not_gone_on_with(bench: Bench) -> None:
    run = bench.run(waiting(step("only", "x = 1")))
    bench.store.set_run(run.id, state="interrupted", owner=None)
    with closing(sqlite3.connect(bench.home.database, isolation_level=None)) as database:
        database.execute("UPDATE runs SET pipeline = json_set(pipeline, '$.mode', 'new', '$.steps[0].mode', 'new')")
    assert [each.id for each in bench.store.list()] == [run.id]
    assert bench.engine.adopt() == []
    with pytest.raises(RunStateError, match="was begun by another version of Labline: resume it with that one"):
        bench.engine.resume(run.id)


@pytest.mark.parametrize("state", ["succeeded", "running"])
def test_a_verification_whose_process_has_died_is_told_as_interrupted(bench: Bench, state: RunState) -> None:
    run = bench.run(waiting(step("only", "x = 1")))
    bench.store.set_run(run.id, state=state, owner="gone", verification=Verification("running", "the pipeline"))
    bench.engine.settle()
    ended = bench.store.get(run.id)
    assert ended.verification is not None
    assert (ended.state, ended.verification.state) == (
        "succeeded" if state == "succeeded" else "cancelled",
        "interrupted",
    )


def test_a_run_made_to_be_verified_is_not_resumed(bench: Bench) -> None:
    run = bench.run(waiting(step("only", "x = 1")))
    bench.store.set_run(run.id, state="interrupted", owner=None, verification=Verification("interrupted"))
    with pytest.raises(RunStateError, match="verify again"):
        bench.engine.resume(run.id)


def test_a_verification_is_cancelled_after_its_run_has_ended(bench: Bench) -> None:
    run = bench.run(waiting(step("only", "x = 1")))
    bench.store.set_run(run.id, verification=Verification("running"))
    bench.engine.cancel(run.id)
    assert bench.store.cancels_requested([run.id]) == {run.id}
