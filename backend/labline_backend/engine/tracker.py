"""What the engine asks of experiment tracking. It runs without, and a run never fails because of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from labline_backend.store.records import RunRecord, StepRecord


class TrackedRun(Protocol):
    """Where a run is tracked."""

    @property
    def experiment_id(self) -> str:
        """The MLflow experiment's id."""

    @property
    def run_id(self) -> str:
        """The MLflow run's id."""


class Tracker(Protocol):
    """Tells an experiment tracker about runs. Nothing here raises; what went wrong is in ``problems``."""

    problems: list[str]

    async def start_run(self, run: RunRecord) -> TrackedRun | None:
        """Open the run at the tracker."""

    async def start_step(self, run: RunRecord, step_name: str, started: float | None = None) -> str | None:
        """Open a nested run for the step, which has begun now or when it *started*; its id."""

    def environment(self, run: RunRecord, step_mlflow_run_id: str | None) -> dict[str, str]:
        """What the step's process needs so that the user's own calls land in its run."""

    async def finish_step(self, run: RunRecord, step: StepRecord, folder: Path) -> object:
        """Record how the step ended, and its executed notebook."""

    async def finish_run(self, run: RunRecord, metrics: Mapping[str, float | None]) -> None:
        """Record how the run ended; returns when all of it is kept."""

    async def attach_certificate(self, run: RunRecord, certificate: Mapping[str, Any]) -> None:
        """Keep a certificate with a run that has ended, and mark the models that the run registered with it."""

    async def close(self) -> None:
        """Let go of what the tracker holds."""
