"""The engine and a tracker: what is told, when a step waits for it, and that it can fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labline_backend.engine.launcher import Launcher
from labline_backend.engine.step_process import StepProcess
from labline_backend.engine.tracking import may_be_told
from labline_backend.kernels import Kernel
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import cell, pipeline, step


@dataclass(frozen=True)
class Tracked:
    """An MLflow run."""

    experiment_id: str
    run_id: str


class Notebook:
    """A tracker that writes down what it is told, and can be held up or made to fail."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.told: list[str] = []
        self.metrics: dict[str, float | None] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False

    async def start_run(self, run):
        while not self.gate.is_set():
            await asyncio.sleep(0.005)
        if self.broken:
            raise RuntimeError("no such server")
        self.told.append("start run")
        return Tracked("7", "root")

    async def start_step(self, run, step_name, started=None):
        self.told.append(f"start {step_name} below {run.mlflow_run_id}")
        return f"of-{step_name}"

    def environment(self, run, step_mlflow_run_id):
        return {"TRIAL_RUN": step_mlflow_run_id or "none"}

    async def finish_step(self, run, step, folder: Path):
        self.told.append(f"{step.name} {step.state}")

    async def finish_run(self, run, metrics):
        self.told.append(f"run {run.state}")
        self.metrics = dict(metrics)

    async def close(self):
        self.told.append("close")


@pytest.fixture
def tracker() -> Notebook:
    return Notebook()


@pytest.fixture
def bench(tmp_path: Path, tracker: Notebook) -> Iterator[Bench]:
    bench = Bench(tmp_path, tracker)
    yield bench
    bench.close()


def test_everything_is_told_before_the_run_has_ended(bench: Bench, tracker: Notebook) -> None:
    bench.run(pipeline(step("a", "1"), step("b", "1 / 0", after=("a",))))
    assert sorted(tracker.told) == [
        "a succeeded", "b failed", "run failed", "start a below root", "start b below root", "start run",
    ]  # fmt: skip
    assert tracker.told[-1] == "run failed"


def test_the_ids_of_the_tracker_are_kept(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "1")))
    assert (run.experiment_id, run.mlflow_run_id, bench.step(run, "a").mlflow_run_id) == ("7", "root", "of-a")
    assert bench.store.get(run.id).mlflow_run_id == "root"


@pytest.mark.parametrize("source", ["import mlflow_free as mlflow", "'x'.fit(1)", "train_model()"])
def test_a_step_that_needs_its_mlflow_run_waits_for_it(bench: Bench, source: str) -> None:
    run = bench.run(pipeline(step("a", f"import os\nprint(os.environ['TRIAL_RUN'])\nif 0:\n    {source}")))
    assert bench.log(run, "a") == "of-a\n"


@pytest.mark.long
def test_only_a_step_whose_training_is_logged_has_a_parent_that_knows_mlflow(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows: dict[str, bool] = {}
    launch = Launcher.launch

    def noting(
        self: Launcher, kernel: Kernel, path: Path, *rest: Any, autologging: bool = False, **more: Any
    ) -> StepProcess:
        knows[path.parent.name] = autologging
        return launch(self, kernel, path, *rest, autologging=autologging, **more)

    monkeypatch.setattr(Launcher, "launch", noting)
    learning = cell("from sklearn.linear_model import LinearRegression", "imports")
    trains = step("trains", "LinearRegression().fit([[1], [2]], [1, 2])")
    bench.run(pipeline(trains, step("profits", "def profit(x): return x\nprofit(1)"), preamble=(learning,)))
    assert knows == {"trains": True, "profits": False}


@pytest.mark.parametrize(
    "listing", ["dict(os.environ)", "print(os.environ)", "os.environ.items()", "os.environ . copy()"]
)
def test_where_all_variables_are_looked_at_there_are_none_of_mlflow(listing: str) -> None:
    looking = step("a", f"x = {listing}")
    assert not may_be_told(pipeline(looking), [looking])


@pytest.mark.parametrize("source", ["os.environ['A']", "os.environ.get('A')", "import mlflow\ndict(os.environ)"])
def test_where_one_is_looked_at_or_mlflow_is_used_they_are_there(source: str) -> None:
    using = step("a", source)
    assert may_be_told(pipeline(using), [using])


def test_a_step_that_does_not_need_it_does_not_wait(bench: Bench, tracker: Notebook) -> None:
    tracker.gate.clear()
    run = bench.start(pipeline(step("a", "open('done', 'w').close()")))
    bench.await_file("done")
    tracker.gate.set()
    assert bench.end(run).state == "succeeded"


def test_a_cached_step_is_told_as_cached(bench: Bench, tracker: Notebook) -> None:
    trial = pipeline(step("a", "1"))
    bench.run(trial)
    bench.run(trial)
    assert "a cached" in tracker.told


def test_metrics_of_one_name_are_told_apart(bench: Bench, tracker: Notebook) -> None:
    bench.run(
        pipeline(
            step("a", "m = 1\nn = 3", cell("m, n", "metrics")),
            step("b", "m = 2", cell("m", "metrics")),
        )
    )
    assert tracker.metrics == {"a.m": 1, "b.m": 2, "n": 3}


def test_each_attempt_is_told(bench: Bench, tracker: Notebook) -> None:
    bench.run(pipeline(step("a", "1 / 0", retries=1)))
    assert [line for line in tracker.told if line.startswith("a ")] == ["a failed", "a failed"]


def test_what_could_not_be_tracked_is_a_warning_on_the_run(bench: Bench, tracker: Notebook) -> None:
    tracker.problems.append("The server is away.")
    run = bench.run(pipeline(step("a", "1")))
    assert run.state == "succeeded"
    assert [(f.code, f.severity, f.message) for f in run.findings] == [
        ("LL502", "warning", "The run is not fully tracked: The server is away.")
    ]


def test_a_warning_of_one_run_is_not_one_of_the_next(bench: Bench, tracker: Notebook) -> None:
    tracker.problems.append("The server is away.")
    bench.run(pipeline(step("a", "1")))
    assert bench.run(pipeline(step("a", "1"))).findings == ()


def test_a_tracker_that_breaks_does_not_break_the_run(bench: Bench, tracker: Notebook) -> None:
    tracker.broken = True
    run = bench.run(pipeline(step("a", "'x'.fit if 0 else print('fit(')")))
    assert run.state == "succeeded"
    assert "no such server" in run.findings[0].message


def test_closing_the_engine_closes_the_tracker(bench: Bench, tracker: Notebook) -> None:
    bench.run(pipeline())
    bench.engine.close()
    assert tracker.told[-1] == "close"


def test_a_run_that_goes_on_tells_again_how_its_steps_ended(bench: Bench, tracker: Notebook) -> None:
    run = bench.run(pipeline(step("a", "1"), step("b", "2", after=("a",))))
    bench.store.set_step(run.id, "b", state="pending", attempt=0, result=None)
    bench.store.set_run(run.id, state="interrupted", owner=None)
    tracker.told.clear()
    bench.engine.resume(run.id)
    bench.end(run)
    assert sorted(tracker.told) == ["a succeeded", "b cached", "run succeeded", "start b below root", "start run"]
