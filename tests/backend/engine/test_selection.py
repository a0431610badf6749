"""Runs of a part of a pipeline: what runs, what is taken from where, and what is refused."""

from __future__ import annotations

import pytest

from labline_backend.store.records import RunRecord
from labline_compiler.pipeline import Pipeline
from labline_compiler.selection import Part, Selection, SelectionError, part
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import cell, pipeline, step


def trial(load: str = "x = n", prepare: str = "y = x + 1", train: str = "print('trained on', y, n)") -> Pipeline:
    return pipeline(
        step("load", cell(load, index=0), gives="x", parameters=("n",)),
        step("prepare", cell(prepare, index=1), takes={"x": "load"}, gives="y"),
        step("train", cell(train, index=2), takes={"y": "prepare"}, parameters=("n",)),
        step("aside", cell("1", index=3)),
        n="1",
    )


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(stop="prepare"), Part(("load", "prepare"), (), ("train", "aside"))),
        (Selection(start="prepare"), Part(("prepare", "train"), ("load",), ("aside",))),
        (Selection(only="prepare"), Part(("prepare",), ("load",), ("train", "aside"))),
        (Selection(start="prepare", stop="prepare"), Part(("prepare",), ("load",), ("train", "aside"))),
        (Selection(start="aside"), Part(("aside",), (), ("load", "prepare", "train"))),
    ],
)
def test_the_part_that_is_meant(selection: Selection, expected: Part) -> None:
    assert part(trial(), selection) == expected


def test_a_step_that_ends_every_run_needs_of_the_others_only_values() -> None:
    last = step("bye", "print(y)", takes={"y": "prepare"}, after=("load", "train", "aside"), exit=("outcome",))
    whole = pipeline(*trial().steps, last, n="1", outcome="'succeeded'")
    assert part(whole, Selection(start="train")) == Part(("train", "bye"), ("prepare",), ("load", "aside"))


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(stop="trian"), "The pipeline has no step trian; did you mean train?"),
        (Selection(only="xyz"), "The pipeline has no step xyz; its steps are load, prepare, train, aside."),
        (Selection(start="load", only="train"), "neither from nor to another"),
        (Selection(start="aside", stop="train"), "Step train takes nothing of what step aside makes"),
    ],
)
def test_what_is_no_part_is_refused(selection: Selection, message: str) -> None:
    with pytest.raises(SelectionError, match=message.replace("?", r"\?")):
        part(trial(), selection)


def run(bench: Bench, pipeline: Pipeline, selection: Selection, **parameters: str) -> RunRecord:
    return bench.run(pipeline, control={"selection": selection}, **parameters)


def test_a_run_to_a_step_leaves_out_what_it_does_not_need(bench: Bench) -> None:
    done = run(bench, trial(), Selection(stop="prepare"))
    assert done.state == "succeeded"
    assert bench.states(done) == {
        "load": "succeeded",
        "prepare": "succeeded",
        "train": "skipped",
        "aside": "skipped",
    }
    assert bench.step(done, "train").cache_note == "left out: the run is to prepare"


def test_a_run_from_a_step_takes_the_values_of_the_newest_run_that_has_them(bench: Bench) -> None:
    first = bench.run(trial(), n="5")
    run(bench, trial(), Selection(stop="load"))  # newer, but has no y
    done = run(bench, trial(train="print('again', y, n)"), Selection(start="train"))
    assert bench.log(done, "train") == "again 6 5\n"  # what was given for that run holds
    assert (done.control.source, done.parameters) == (first.id, {"n": "5"})
    assert bench.step(done, "prepare").cache_note == f"taken from the run {first.id}"


def test_a_step_that_was_taken_can_be_taken_again(bench: Bench) -> None:
    bench.run(trial())
    second = run(bench, trial(), Selection(start="train"))
    third = run(bench, trial(load="x = n * 1"), Selection(only="train"))
    assert third.control.source == second.id
    assert bench.step(third, "prepare").cache_note.endswith("; load above it has changed")


def test_what_has_changed_since_is_told(bench: Bench) -> None:
    bench.run(trial())
    done = run(bench, trial(prepare="y = x + 2"), Selection(only="train"))
    note = bench.step(done, "prepare").cache_note
    assert note == f"taken from the run {done.control.source}; changed since: code of cell 2"


def test_the_log_of_a_step_that_was_taken_is_there(bench: Bench) -> None:
    bench.run(trial(load="x = n\nprint('loaded')"))
    done = run(bench, trial(load="x = n\nprint('loaded')"), Selection(start="prepare"))
    assert bench.log(done, "load") == "loaded\n"


def test_without_a_run_that_has_the_values_it_is_refused_and_nothing_is_kept(bench: Bench) -> None:
    with pytest.raises(SelectionError) as refusal:
        run(bench, trial(), Selection(only="train"))
    assert str(refusal.value) == (
        "No run of trial.ipynb has what this one starts from (step train needs y of step prepare): "
        "run the notebook to step prepare first."
    )
    assert bench.store.list() == [] and list(bench.home.runs.iterdir()) == []


def test_a_value_that_is_gone_is_named(bench: Bench) -> None:
    done = bench.run(trial())
    (artifact,) = bench.step(done, "prepare").result.artifacts
    bench.artifacts.path(artifact.digest).unlink()
    with pytest.raises(SelectionError, match=rf"The newest, {done.id}: the stored value of y is gone\.$"):
        run(bench, trial(), Selection(only="train"))


def test_a_parameter_that_steps_above_read_with_another_value_is_refused(bench: Bench) -> None:
    done = bench.run(trial())
    with pytest.raises(SelectionError, match=rf"{done.id}: it had n = 1, which step load reads"):
        run(bench, trial(), Selection(start="train"), n="2")
    older = bench.run(trial(), n="2")
    bench.run(trial())
    assert run(bench, trial(), Selection(start="train"), n="2").control.source == older.id


def test_a_part_of_a_run_that_was_interrupted_goes_on_as_a_part(bench: Bench, tmp_path) -> None:
    started = bench.start(trial(load="import time\ntime.sleep(600)"), control={"selection": Selection(stop="load")})
    bench.engine.close()
    other = Bench(tmp_path)
    assert other.states(started)["train"] == "skipped"
    other.engine.resume(started.id)
    other.engine.cancel(started.id)
    assert other.states(other.end(started))["aside"] == "skipped"
    other.close()
