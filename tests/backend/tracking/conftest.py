"""One MLflow store for all tests of a module: creating it takes seconds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.store.records import RunRecord, StepRecord
from labline_backend.tracking.tracker import Tracker
from labline_compiler.pipeline import Input, Parameter, Pipeline, Step
from labline_runtime.outcome import ArtifactRecord, Preview, StepResult, ValueRecord
from labline_runtime.specification import CellSource, StepOutput


def pipeline(code: str = "model = fit(rows)", *, name: str = "orders", experiment: str | None = None) -> Pipeline:
    """Two steps: ``load`` makes rows and touches the random generator, ``train`` takes both and runs *code*."""
    return Pipeline(
        name=name,
        notebook="orders.ipynb",
        steps=(
            Step(
                "load",
                (CellSource(1, "b", "rows = [1, 2, 3]"),),
                outputs=(StepOutput(("rows",)), StepOutput(("@random",))),
            ),
            Step(
                "train",
                (CellSource(2, "c", code),),
                parameters=("rate", "label"),
                inputs=(Input(("rows",), "load"), Input(("@random",), "load")),
            ),
        ),
        parameters=(Parameter("rate", "1e-3", "float", 0, 1), Parameter("label", "'x'", "str", 0, 2)),
        experiment=experiment,
    )


def result(*names: str, metrics: dict[str, float] | None = None) -> StepResult:
    """What a step left that made values of these names; the digest of a value says its name."""
    values = tuple(ValueRecord(name, "list", f"digest-of-{name}", 3, None, Preview("...")) for name in names)
    artifacts = (ArtifactRecord(names, "somewhere", "file", 3, values),) if names else ()
    return StepResult("succeeded", time.time(), 0.5, artifacts=artifacts, metrics=metrics or {})


@dataclass
class Engine:
    """The part of the engine: an asyncio loop of its own, a tracker on it, and records."""

    home: Home
    tracker: Tracker
    runner: asyncio.Runner
    count: int = 0

    def do(self, work: Any) -> Any:
        """Wait for a call to the tracker."""
        return self.runner.run(work)

    def run(self, pipeline: Pipeline, **changes: Any) -> RunRecord:
        """A run that has just started, with its notebook in its folder."""
        self.count += 1
        record = RunRecord(
            id=f"{pipeline.name}-{self.count}",
            pipeline=pipeline,
            notebook="work/orders.ipynb",
            folder=str(self.home.root),
            state="running",
            created=1_700_000_000.0,
            started=1_700_000_000.5,
            parameters={"rate": "1e-3", "label": "'x'"},
        )
        record = replace(record, **changes)
        folder = self.home.run_folder(record.id)
        folder.mkdir(parents=True)
        (folder / "notebook.ipynb").write_text('{"cells": []}')
        return record

    def step(self, run: RunRecord, name: str, **changes: Any) -> StepRecord:
        """A step that has succeeded."""
        made = ("rows", "@random") if name == "load" else ()
        record = StepRecord(
            run.id, name, "succeeded", 1, 1_700_000_001.0, 1_700_000_002.0, result=result(*made, metrics={"loss": 0.5})
        )
        return replace(record, **changes)

    def folder(self, run: RunRecord, step: str) -> Path:
        """A step's folder with its executed notebook."""
        folder = self.home.step_folder(run.id, step)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "executed.ipynb").write_text('{"cells": ["executed"]}')
        return folder

    def code(self, source: str, environment: dict[str, str], folder: Path) -> None:
        """Run code as a step does: in a process of its own, with what the tracker puts into its environment."""
        subprocess.run([sys.executable, "-W", "ignore", "-c", source], env=environment, cwd=folder, check=True)


@pytest.fixture(scope="module")
def new_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Engine]]:
    """Make engines, all on one loop; their recorders end with the module."""
    made: list[Engine] = []
    with asyncio.Runner() as runner:

        def make(home: Home | None = None, **options: Any) -> Engine:
            home = home or Home.open(tmp_path_factory.mktemp("home"))
            made.append(Engine(home, Tracker(home, **options), runner))
            return made[-1]

        yield make
        for engine in made:
            engine.do(engine.tracker.close())


@pytest.fixture(scope="module")
def engine(new_engine: Callable[..., Engine]) -> Engine:
    """The engine of this module."""
    return new_engine()


class Reader:
    """MLflow's own client, to look at what was recorded. Its libraries' warnings are theirs to mend."""

    def __init__(self, uri: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mlflow import MlflowClient

            self._client = MlflowClient(uri)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return getattr(self._client, name)(*arguments, **keywords)

        return call
