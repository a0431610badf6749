"""One run's dealings with the tracker: on the side wherever a step does not need it, and never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from labline_backend.engine.tracker import Tracker
from labline_backend.home import HomeError
from labline_backend.store.records import RunRecord, StepRecord, run_metrics
from labline_backend.store.runs import RunStore
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step

PATIENCE = 120.0
"""Seconds that the tracker may take to open what a step needs, and to keep everything at the end."""

LEAVING = 5.0
"""Seconds that the tracker gets when the engine closes."""

_USES_MLFLOW = re.compile(r"\bmlflow\b")
# All variables are looked at, not one by its name: ``dict(os.environ)``, ``os.environ.items()``.
_LISTS_ENVIRONMENT = re.compile(r"\benvironb?\b(?!\s*(?:\[|\.\s*(?:get|pop|setdefault|update)\b))")
_LOGGED = frozenset(("lightgbm", "sklearn", "xgboost"))  # which also are imported ahead
_TRAINS = re.compile(r"\b\w*(fit|train)\w*\s*\(")


def trains(step: Step) -> bool:
    """Whether the step seems to train something, so that autologging has something to log."""
    return any(_TRAINS.search(cell.source) for cell in step.cells)


def needs_tracking(pipeline: Pipeline, step: Step) -> bool:
    """Whether the step itself talks to MLflow, so that its MLflow run must be open before it starts."""
    return (
        step.options.register is not None
        or trains(step)
        or any(_USES_MLFLOW.search(cell.source) for cell in (*pipeline.preamble, *step.cells))
    )


def autologs(pipeline: Pipeline, imports: Iterable[str]) -> bool:
    """Whether a step is to have a training logged of what the statements *imports* import."""
    names = {statement.split()[1].partition(".")[0] for statement in imports}
    return not names.isdisjoint(_LOGGED) and any(map(trains, pipeline.steps))


def may_be_told(pipeline: Pipeline, steps: Iterable[Step]) -> bool:
    """Whether processes that run *steps* may have variables that say where MLflow records.

    Not where the notebook looks at all variables there are, and has nothing to record: it would show what a kernel has
    not.
    """
    steps = tuple(steps)
    cells = [cell for step in steps for cell in step.cells]
    lists = any(_LISTS_ENVIRONMENT.search(cell.source) for cell in (*pipeline.preamble, *cells))
    return not lists or any(needs_tracking(pipeline, step) for step in steps)


class RunTracking:
    """Tells *tracker* about one run; does nothing without one."""

    def __init__(self, tracker: Tracker | None, store: RunStore, run: RunRecord) -> None:
        self._tracker = tracker
        self._store = store
        self.run = run
        self._opening: asyncio.Task[None] | None = None
        self._starting: dict[str, asyncio.Task[str | None]] = {}
        self._aside: set[asyncio.Task[Any]] = set()
        self._problems: list[str] = []

    @property
    def active(self) -> bool:
        """Whether there is a tracker."""
        return self._tracker is not None

    def open(self) -> None:
        """Begin to open the run at the tracker."""
        if self._tracker is not None:
            self._opening = self._spawn(self._open(self._tracker))

    async def begin_step(self, step: Step) -> dict[str, str]:
        """Open the step's run at the tracker, waiting only where its code needs that; its environment variables."""
        if self._tracker is None:
            return {}
        task = self._start(self._tracker, step.name)
        tracked = None
        if needs_tracking(self.run.pipeline, step):
            await asyncio.wait({task}, timeout=PATIENCE)
            tracked = task.result() if task.done() else None
        elif not may_be_told(self.run.pipeline, (step,)):
            return {}
        try:
            return self._tracker.environment(self.run, tracked)
        except Exception as error:  # tracking must not fail a run, whatever goes wrong in it
            self._problem(error)
            return {}

    def start_step(self, record: StepRecord) -> None:
        """Open, on the side, the run of a step that has started where nothing waits for that."""
        if self._tracker is not None:
            self._start(self._tracker, record.name, record.started)

    def is_open(self, name: str) -> bool:
        """Whether this has opened a run for the step that has not ended."""
        return name in self._starting

    def end_step(self, record: StepRecord, folder: Path) -> None:
        """Record on the side how a step, or one attempt at it, ended."""
        if self._tracker is not None:
            if record.name not in self._starting:
                self._start(self._tracker, record.name)
            self._spawn(self._end(self._tracker, self._starting.pop(record.name), record, folder))

    def recall_step(self, record: StepRecord, folder: Path) -> None:
        """Record once more how a step ended, on the side: the engine that was told may have died before it was kept."""
        if self._tracker is not None:
            self._spawn(self._recall(self._tracker, record, folder))

    async def finish(self, run: RunRecord, steps: list[StepRecord], patience: float = PATIENCE) -> tuple[Finding, ...]:
        """Have everything recorded; what could not be, as a warning."""
        if self._tracker is None:
            return ()
        try:
            async with asyncio.timeout(patience):
                await self._all_told()
                ended = replace(run, experiment_id=self.run.experiment_id, mlflow_run_id=self.run.mlflow_run_id)
                await self._tracker.finish_run(ended, run_metrics(steps))
        except TimeoutError:
            self._problems.append(f"MLflow did not keep everything within {patience:.0f} seconds.")
        except Exception as error:
            self._problem(error)
        for task in self._aside:
            task.cancel()
        told = dict.fromkeys([*self._problems, *self._tracker.problems])
        self._tracker.problems.clear()
        if not told:
            return ()
        return (
            Finding(
                code="LL502",
                severity="warning",
                message=f"The run is not fully tracked: {' '.join(told)}",
                fix="See that the MLflow server is there; the run itself is complete.",
            ),
        )

    async def leave(self, patience: float) -> None:
        """Leave a run that goes on without us: what was told so far is recorded, and no end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._all_told()
        for task in self._aside:
            task.cancel()

    async def _all_told(self) -> None:
        while self._aside:
            await asyncio.wait(set(self._aside))

    def _start(self, tracker: Tracker, name: str, started: float | None = None) -> asyncio.Task[str | None]:
        task = self._starting[name] = self._spawn(self._start_step(tracker, name, started))
        return task

    async def _open(self, tracker: Tracker) -> None:
        try:
            tracked = await tracker.start_run(self.run)
        except Exception as error:
            self._problem(error)
            return
        if tracked is not None:
            self.run = replace(self.run, experiment_id=tracked.experiment_id, mlflow_run_id=tracked.run_id)
            self._write(
                lambda: self._store.set_run(
                    self.run.id, experiment_id=tracked.experiment_id, mlflow_run_id=tracked.run_id
                )
            )

    async def _start_step(self, tracker: Tracker, name: str, started: float | None) -> str | None:
        if self._opening is not None:
            await self._opening
        try:
            tracked = await tracker.start_step(self.run, name, started)
        except Exception as error:
            self._problem(error)
            return None
        if tracked is not None:
            self._write(lambda: self._store.set_step(self.run.id, name, mlflow_run_id=tracked))
        return tracked

    async def _end(
        self, tracker: Tracker, starting: asyncio.Task[str | None], record: StepRecord, folder: Path
    ) -> None:
        tracked = await starting
        try:
            await tracker.finish_step(self.run, replace(record, mlflow_run_id=tracked), folder)
        except Exception as error:
            self._problem(error)

    async def _recall(self, tracker: Tracker, record: StepRecord, folder: Path) -> None:
        if self._opening is not None:
            await self._opening
        try:
            await tracker.finish_step(self.run, record, folder)
        except Exception as error:
            self._problem(error)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return task

    def _write(self, change: Any) -> None:
        try:
            change()
        except HomeError as error:
            self._problem(error)

    def _problem(self, error: Exception) -> None:
        self._problems.append(f"{type(error).__name__}: {error}")
