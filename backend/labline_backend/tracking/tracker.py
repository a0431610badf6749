"""Tells MLflow about runs, on the engine's own asyncio loop. Nothing raises: a run never fails because of tracking."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labline_backend.home import Home
from labline_backend.store.records import RunRecord, StepRecord
from labline_backend.tracking import facts
from labline_backend.tracking.channel import Channel, ChannelError
from labline_backend.tracking.location import Location
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class TrackedRun:
    """Where a run is tracked."""

    experiment_id: str
    run_id: str


@dataclass(frozen=True)
class ModelVersion:
    """A version in the model registry."""

    name: str
    version: str


@dataclass(frozen=True)
class Logged:
    """What the user's own code, or autologging, left in a step's MLflow run."""

    metrics: dict[str, float]
    models: tuple[ModelVersion, ...]


class Tracker:
    """Records runs at MLflow.

    The calls of one run may be made in any order and at the same time: a step waits for its run, the end of a step for
    its start, the end of a run for its steps. What could not be recorded is told in ``problems``, one sentence each.
    Once the MLflow server was away, only the end of the run is tried again, so that this costs its seconds once.
    """

    def __init__(self, home: Home, *, patience: float | None = None) -> None:
        self.problems: list[str] = []
        self.location = Location.find(home)
        self._home = home
        self._channel = Channel(self.location, home.mlflow / "recorder.log", patience)
        self._runs: dict[str, asyncio.Task[TrackedRun | None]] = {}
        self._steps: dict[tuple[str, str], asyncio.Task[str | None]] = {}
        self._ending: dict[str, set[asyncio.Task[Logged | None]]] = {}
        self._digests: dict[str, dict[str, dict[str, str]]] = {}
        self._given_up: set[str] = set()

    @property
    def recorder(self) -> int | None:
        """The process id of the recorder while there is one."""
        return self._channel.pid

    async def start_run(self, run: RunRecord) -> TrackedRun | None:
        """Open the run at MLflow, or reopen the one that the record names."""
        if run.id not in self._runs:
            self._given_up.discard(run.id)
            self._runs[run.id] = asyncio.create_task(self._start_run(run))
        return await asyncio.shield(self._runs[run.id])

    async def start_step(self, run: RunRecord, step_name: str, started: float | None = None) -> str | None:
        """Open a nested run for a new attempt at the step, which has begun now or when it *started*; its id."""
        opening = self._start_step(run, step_name, started or time.time())
        task = self._steps[run.id, step_name] = asyncio.create_task(opening)
        return await asyncio.shield(task)

    def environment(self, run: RunRecord, step_mlflow_run_id: str | None) -> dict[str, str]:
        """What the step's process needs so that the user's own ``mlflow`` calls land in the step's run."""
        variables = self.location.environment()
        tracked = self._tracked(run)
        if tracked is None or run.id in self._given_up:
            return variables
        variables["MLFLOW_EXPERIMENT_ID"] = tracked.experiment_id
        if "MLFLOW_EXPERIMENT_NAME" in os.environ:  # MLflow demands that the two agree
            variables["MLFLOW_EXPERIMENT_NAME"] = facts.experiments(run.pipeline, os.environ)[0]
        # Further runs that the step's code starts hang below its own.
        context = {"labline.run": run.id, "mlflow.parentRunId": step_mlflow_run_id or tracked.run_id}
        variables["MLFLOW_RUN_CONTEXT"] = json.dumps(context)
        if step_mlflow_run_id:
            variables["MLFLOW_RUN_ID"] = step_mlflow_run_id
        return variables

    async def finish_step(self, run: RunRecord, step: StepRecord, folder: Path) -> Logged | None:
        """Record how an attempt at a step ended, and its executed notebook. ``start_step`` may have been left out.

        Returns what the step's code has logged by itself, and the model versions it registered; for a cached step the
        versions that the run registered whose result was used.
        """
        self._digests.setdefault(run.id, {})[step.name] = facts.outputs(step)
        if step.state == "skipped":
            return None
        started = self._steps.pop((run.id, step.name), None)
        task = asyncio.create_task(self._finish_step(run, step, folder, started))
        self._ending.setdefault(run.id, set()).add(task)
        return await asyncio.shield(task)

    async def finish_run(self, run: RunRecord, metrics: Mapping[str, float | None]) -> None:
        """Record how the run ended; returns when all of it is kept."""
        if run.id in self._runs:
            await asyncio.shield(self._runs[run.id])
        started = [task for (run_id, _), task in self._steps.items() if run_id == run.id]
        if tasks := [*started, *self._ending.pop(run.id, ())]:
            await asyncio.wait(tasks)
        tracked = self._tracked(run)
        if tracked:
            await self._try(
                run,
                "The end of the run",
                "finish_run",
                experiment_id=tracked.experiment_id,
                run_id=tracked.run_id,
                name=run.id,
                status=facts.RUN_STATUS[run.state],
                end_time=_milliseconds(run.ended),
                tags=facts.run_end_tags(run),
                metrics=_numbers(metrics),
            )
        self._forget(run.id)

    async def attach_certificate(self, run: RunRecord, certificate: Mapping[str, Any]) -> None:
        """Keep a certificate with a run that has ended, and mark the models that the run registered with it."""
        await self._try(
            run,
            "The certificate",
            "attach_certificate",
            experiment_id=run.experiment_id,
            run_id=run.mlflow_run_id,
            name=run.id,
            text=json.dumps(certificate, indent=1),
            tags=facts.certificate_tags(certificate),
        )

    async def close(self) -> None:
        """End the recorder once it has done what it was given."""
        ending = (task for tasks in self._ending.values() for task in tasks)
        if tasks := [*self._runs.values(), *self._steps.values(), *ending]:
            await asyncio.wait(tasks)
        await self._channel.close()

    async def _start_run(self, run: RunRecord) -> TrackedRun | None:
        pipeline = run.pipeline
        texts = {"pipeline.json": pipeline.to_json()}
        if facts.cut_parameters(run):
            texts["parameters.json"] = json.dumps(run.parameters, ensure_ascii=False, indent=1)
        if notebook := await _text(self._home.run_folder(run.id) / "notebook.ipynb"):
            texts[facts.notebook_name(run)] = notebook
        answer = await self._try(
            run,
            "The run",
            "start_run",
            experiments=facts.experiments(pipeline, os.environ),
            name=run.id,
            existing=run.mlflow_run_id,
            start_time=_milliseconds(run.started or run.created),
            tags=facts.run_tags(run),
            parameters=facts.parameters(run),
            texts=texts,
        )
        return TrackedRun(**answer) if isinstance(answer, dict) else None

    async def _start_step(self, run: RunRecord, step: str, started: float) -> str | None:
        tracked = await self.start_run(run)
        if tracked is None or run.id in self._given_up:
            return None
        answer = await self._try(
            run,
            f"The start of step {step}",
            "start_step",
            experiment_id=tracked.experiment_id,
            parent=tracked.run_id,
            name=step,
            start_time=_milliseconds(started),
            tags=facts.step_tags(run, step),
        )
        return answer if isinstance(answer, str) else None

    async def _finish_step(
        self, run: RunRecord, step: StepRecord, folder: Path, started: asyncio.Task[str | None] | None
    ) -> Logged | None:
        executed = await _text(folder / "executed.ipynb")  # now: another attempt would write over it
        run_id = (await started if started else None) or step.mlflow_run_id
        if run_id is None and run.id not in self._given_up:
            run_id = await self._start_step(run, step.name, step.started or step.ended or time.time())
        if run_id is None or run.id in self._given_up:
            return None
        taken, made = self._taken(run, step.name), facts.outputs(step)
        texts = {"lineage.json": json.dumps({"inputs": taken, "outputs": made}, indent=1)}
        if executed:
            texts["executed.ipynb"] = executed
        answer = await self._try(
            run,
            f"The end of step {step.name}",
            "finish_step",
            run_id=run_id,
            status=facts.STEP_STATUS[step.state],
            end_time=_milliseconds(step.ended),
            tags=facts.step_end_tags(step) | facts.lineage_tags("input", taken) | facts.lineage_tags("output", made),
            parameters=facts.parameters(run, run.pipeline.step(step.name).parameters),
            metrics=_numbers(step.result.metrics if step.result else {}),
            texts=texts,
            model_tags=facts.model_tags(run, step.name) | facts.lineage_tags("input", taken),
            cached_from=step.cached_from,
            elsewhere=facts.registered_elsewhere(run, step),
        )
        if not isinstance(answer, dict):
            return None
        if answer["missing"]:
            self._tell(answer["missing"])
        return Logged(answer["metrics"], tuple(ModelVersion(**model) for model in answer["models"]))

    def _taken(self, run: RunRecord, step: str) -> dict[str, str]:
        """The digest of each value that the step was given, as far as the steps before it have told."""
        made = self._digests.get(run.id, {})
        return {
            name: made[taken.source][name]
            for taken in run.pipeline.step(step).inputs
            for name in taken.names
            if name in made.get(taken.source, {})
        }

    def _tracked(self, run: RunRecord) -> TrackedRun | None:
        task = self._runs.get(run.id)
        if task and task.done():
            return task.result()
        return TrackedRun(run.experiment_id, run.mlflow_run_id) if run.experiment_id and run.mlflow_run_id else None

    async def _try(self, run: RunRecord, what: str, call: str, **arguments: object) -> object:
        try:
            return await self._channel.call(call, **arguments)
        except ChannelError as error:
            if error.away:
                self._given_up.add(run.id)
            self._tell(f"{what} is not recorded in MLflow: {str(error).rstrip('.')}.")
        except OSError as error:
            self._given_up.add(run.id)
            self._tell(f"{what} is not recorded in MLflow: its helper process cannot be started ({error}).")
        return None

    def _tell(self, problem: str) -> None:
        self.problems.append(problem)

    def _forget(self, run_id: str) -> None:
        self._runs.pop(run_id, None)
        self._digests.pop(run_id, None)
        self._given_up.discard(run_id)
        for each in [each for each in self._steps if each[0] == run_id]:
            del self._steps[each]


async def _text(path: Path) -> str | None:
    """What is in a file that may not be there."""
    try:
        return await asyncio.to_thread(path.read_text, encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _milliseconds(seconds: float | None) -> int:
    return int((time.time() if seconds is None else seconds) * 1000)


def _numbers(metrics: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if value is not None}
