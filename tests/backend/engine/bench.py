"""An engine on a data folder of its own, with a folder for the notebook."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from labline_backend.engine.engine import Engine
from labline_backend.engine.tracker import Tracker
from labline_backend.home import Home
from labline_backend.store.artifacts import ArtifactStore
from labline_backend.store.records import RunRecord, StepRecord
from labline_backend.store.runs import RunStore
from labline_compiler.pipeline import Pipeline

PATIENCE = 60.0  # seconds before a test gives up; none should take a tenth of it
Found = TypeVar("Found")

CONTENT = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Bench:
    """Runs pipelines and looks at what they leave."""

    def __init__(self, folder: Path, tracker: Tracker | None = None, workers: int = 2) -> None:
        self.folder = folder / "notebooks"
        self.folder.mkdir(exist_ok=True)
        self.home = Home.open(folder / "home")
        self.store = RunStore(self.home)
        self.artifacts = ArtifactStore.find(self.home)
        self.engine = Engine(self.home, self.store, tracker, workers, self.artifacts)

    def start(
        self, pipeline: Pipeline, *, cache: bool = True, control: Mapping[str, Any] | None = None, **parameters: str
    ) -> RunRecord:
        """Start a run; *control* is what else ``submit`` takes."""
        return self.engine.submit(
            pipeline,
            notebook=pipeline.notebook,
            folder=self.folder,
            content=CONTENT,
            parameters=parameters,
            cache=cache,
            **(control or {}),
        )

    def end(self, run: RunRecord) -> RunRecord:
        """Wait for a run's end."""
        record = self.engine.wait(run.id, PATIENCE)
        assert record.state in ("succeeded", "failed", "cancelled", "interrupted"), record.state
        return record

    def run(self, pipeline: Pipeline, **asked: Any) -> RunRecord:
        """Start a run and wait for its end."""
        return self.end(self.start(pipeline, **asked))

    def step(self, run: RunRecord, name: str) -> StepRecord:
        """One step of a run."""
        return self.store.step(run.id, name)

    def states(self, run: RunRecord) -> dict[str, str]:
        """The states of a run's steps."""
        return {step.name: step.state for step in self.store.steps(run.id)}

    def log(self, run: RunRecord, step: str) -> str:
        """A step's log."""
        return (self.home.step_folder(run.id, step) / "log.txt").read_text()

    def file(self, name: str) -> Path:
        """A file beside the notebook."""
        return self.folder / name

    def await_file(self, name: str) -> str:
        """Wait until a step has written a file beside the notebook; its content."""

        def written() -> bool:
            if self.file(name).exists():
                return True
            failed = [run.error for run in self.store.list() if run.state == "failed"]
            assert not failed, failed
            return False

        wait_until(written, f"{name} was never written")
        return self.file(name).read_text()

    def close(self) -> None:
        """Close engine and store."""
        self.engine.close()
        self.store.close()


def wait_until(true: Callable[[], Found], problem: str) -> Found:
    """Look until *true* is, which is given back; fail with *problem* after a long while."""
    until = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < until, problem
        time.sleep(0.005)
    return found


def is_gone(pid: int) -> bool:
    """Whether a process has ended, collected or not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(b")")[2].split()[0] in (b"Z", b"X")
