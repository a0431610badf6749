"""What is foreseen is what then happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labline_backend.engine.cache import Cache
from labline_backend.engine.capacity import Share
from labline_backend.engine.forecast import Forecast, forecast
from labline_backend.engine.parameters import merge
from labline_backend.kernels import find_kernel
from labline_backend.store.records import RunRecord
from labline_compiler.pipeline import Pipeline
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import cell, pipeline, step
from tests.backend.engine.test_loop import looping


def foreseen(bench: Bench, trial: Pipeline, **parameters: str) -> Forecast:
    record = RunRecord("", trial, trial.notebook, str(bench.folder), "queued", 0.0, merge(trial, parameters))
    known = Cache(bench.home, bench.store, bench.artifacts)
    (newest,) = bench.store.list(1) or (None,)
    steps = bench.store.steps(newest.id) if newest is not None else []
    last = {step.name: step.result for step in steps if step.result is not None}
    return forecast(known, record, find_kernel("python3"), {"b": 2.0}, Share(2), last=last)


def chain(
    first: str = "x = n", below: str = "y = x", last: str = "print(y)", gives: str = "x", **more: str
) -> Pipeline:
    return pipeline(
        step("a", cell(first, index=0), gives=gives, parameters=("n",)),
        step("b", cell(below, index=1), takes=dict.fromkeys(gives.split(), "a"), gives="y"),
        step("c", cell(last, index=2), takes={"y": "b"}),
        step("d", cell("'on its own'", index=3)),
        n="1",
        **more,
    )


UNCHANGED = "runs unless the values of {} come out unchanged"
SAME = "same code, values, parameters and environment as in "
# What is edited -> what is foreseen of a, b and c, and what then becomes of them.
EDITS = {
    "nothing": (chain(), {}, [SAME, SAME, SAME], "cached cached cached"),
    "code, same value": (
        chain("x = n + 0"),
        {},
        ["changed: code of cell 1", UNCHANGED.format("a"), UNCHANGED.format("b")],
        "succeeded cached cached",
    ),
    "code, other value": (
        chain("x = n + 1"),
        {},
        ["changed: code of cell 1", UNCHANGED.format("a"), UNCHANGED.format("b")],
        "succeeded succeeded succeeded",
    ),
    "code in the middle": (
        chain(below="y = x * 1"),
        {},
        [SAME, "changed: code of cell 2", UNCHANGED.format("b")],
        "cached succeeded cached",
    ),
    "code at both ends": (
        chain("x = n + 0", last="print(y, y)"),
        {},
        ["changed: code of cell 1", UNCHANGED.format("a"), "changed: code of cell 3"],
        "succeeded cached succeeded",
    ),
    "a parameter": (
        chain(),
        {"n": "2"},
        ["changed: parameter n", UNCHANGED.format("a"), UNCHANGED.format("b")],
        "succeeded succeeded succeeded",
    ),
    "a value more": (
        chain("x = z = n", gives="x z"),
        {},
        ["changed: code of cell 1, names that later steps need", "changed: value z from a", UNCHANGED.format("b")],
        "succeeded succeeded cached",
    ),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, RunRecord]]:
    """An engine that has run the chain once; to look at only."""
    bench = Bench(tmp_path_factory.mktemp("ran"))
    yield bench, bench.run(chain())
    bench.close()


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_foreseen_happens(bench: Bench, edit: str) -> None:
    after, parameters, reasons, states = EDITS[edit]
    assert bench.run(chain()).state == "succeeded"
    found = foreseen(bench, after, **parameters).steps
    assert [each.reason[: len(reason)] for each, reason in zip(found, reasons, strict=False)] == reasons
    happened = bench.states(bench.run(after, **parameters))
    assert [happened[name] for name in "abc"] == states.split()
    assert found[3].outcome == happened["d"] == "cached"


def test_what_never_ran_is_foreseen_to_run(bench: Bench) -> None:
    assert {(each.outcome, each.reason) for each in foreseen(bench, chain()).steps} == {("runs", "not run before")}


def test_the_seconds_count_what_runs_and_what_may_run(ran: tuple[Bench, RunRecord]) -> None:
    found = foreseen(ran[0], chain("x = n + 0"))
    assert (found.surely.seconds, found.at_most.seconds) == (0.0, 2.0)


def test_a_cached_step_tells_the_run_that_it_is_of(ran: tuple[Bench, RunRecord]) -> None:
    bench, run = ran
    assert {each.cached_from for each in foreseen(bench, chain()).steps} == {run.id}


def test_a_step_that_reads_files_depends_on_whom_it_waits_for(bench: Bench) -> None:
    def files(text: str) -> Pipeline:
        return pipeline(
            step("write", f"open('f', 'w').write({text!r})"),
            step("read", "print(open('f').read())", after=("write",)),
            step("other", "1", after=("write",)),
        )

    bench.run(files("one"))
    found = {each.name: (each.outcome, each.on) for each in foreseen(bench, files("two")).steps}
    assert found == {"write": ("runs", ()), "read": ("depends", ("write",)), "other": ("cached", ())}


def test_nothing_is_written_by_looking_ahead(ran: tuple[Bench, RunRecord]) -> None:
    bench, _ = ran
    before = bench.store.version(), len(bench.store.list())
    foreseen(bench, chain("x = 5"))
    assert (bench.store.version(), len(bench.store.list())) == before


@pytest.mark.parametrize(("edited", "known"), [("x * 2", "3"), ("x * 3", "none")])
def test_how_many_items_of_a_loop_need_not_run_is_told(bench: Bench, edited: str, known: str) -> None:
    bench.run(looping("x * 2"))
    found = {step.name: step.reason for step in foreseen(bench, looping(edited, xs="[1, 5, 2, 3]")).steps}
    assert found["s"].endswith(f"; of the 3 items of its last run {known} can be used again")
