"""What running a notebook would do, said before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labline_backend.compiling import literals
from labline_backend.engine_errors import engine_errors
from labline_backend.service import Service

if TYPE_CHECKING:
    from labline_backend.engine.forecast import Forecast
    from labline_backend.store.records import StepRecord
    from labline_backend.store.runs import RunStore
    from labline_compiler.pipeline import Pipeline, Step
    from labline_compiler.selection import Selection

LOCAL = "local"
LOOKED_AT = 10  # runs of the notebook


def forecast(
    service: Service,
    path: Path,
    *,
    notebook: str,
    content: dict[str, Any] | None = None,
    parameters: Mapping[str, str] | None = None,
    cache: bool = True,
    target: str = "local",
    observed: bool = True,
    selection: Selection | None = None,
) -> Forecast:
    """What :meth:`Service.run` would do, step by step; nothing is started. Raises ``InputError``, ``NotFoundError``.

    Of a cluster it is only known what its steps took in earlier runs there.
    """
    from labline_backend.engine import forecast as engine
    from labline_backend.engine.cache import Cache
    from labline_backend.engine.capacity import Share
    from labline_backend.engine.earlier import plan
    from labline_backend.engine.parameters import merge
    from labline_backend.kernels import find_kernel
    from labline_backend.store.artifacts import ArtifactStore
    from labline_backend.store.records import RunRecord
    from labline_runtime.cores import usable_cores, usable_memory

    compilation, pipeline, _ = service.compile_to_run(path, notebook, content, observed=observed)
    given = literals(pipeline, parameters or {})
    folder = str(path.absolute().parent)
    last = _last(service.store, notebook, folder, target)
    seconds = _seconds(last, target)
    if target != LOCAL:
        service.targets.to_run(target, selection)
        with engine_errors():
            merge(pipeline, given)
        return _elsewhere(pipeline, target, seconds, cache=cache)
    with engine_errors():
        values = merge(pipeline, given)
        kernel = find_kernel(pipeline.kernel)
        known = Cache(service.home, service.store, ArtifactStore.find(service.home))
        run = RunRecord("", pipeline, notebook, folder, "queued", 0.0, values, cache, findings=compilation.findings)
        part = plan(known, service.store, run, kernel, selection, given) if selection else None
        run = replace(run, parameters=part.parameters) if part else run
        results = {name: step.result for name, step in last.items() if step.result is not None}
        return engine.forecast(known, run, kernel, seconds, Share(usable_cores(), usable_memory()), part, results)


def _elsewhere(pipeline: Pipeline, target: str, seconds: Mapping[str, float], *, cache: bool) -> Forecast:
    """The forecast of a cluster, whose cache cannot be asked, and which has as many nodes as it has."""
    from labline_backend.engine.forecast import StepForecast, timed

    def foresee(step: Step) -> StepForecast:
        took = seconds.get(step.name)
        if not cache or step.options.cache is False:
            reason = "caching is switched off for this step" if cache else "this run uses no cache"
            return StepForecast(step.name, "runs", reason, seconds=took)
        return StepForecast(step.name, "depends", f"runs unless {target} has its result", seconds=took)

    return timed(pipeline, tuple(foresee(step) for step in pipeline.steps), None)


def _last(store: RunStore, notebook: str, folder: str, target: str) -> dict[str, StepRecord]:
    """How steps last succeeded on *target*, by name, each in the newest of the notebook's last runs where it did."""
    records = [record for record in store.list(LOOKED_AT, notebook=notebook, folder=folder) if record.target == target]
    steps = store.steps_of([record.id for record in records])
    found: dict[str, StepRecord] = {}
    for step in (step for record in records for step in steps.get(record.id, [])):
        if step.result.state == "succeeded" if target == LOCAL and step.result else step.state == "succeeded":
            found.setdefault(step.name, step)
    return found


def _seconds(last: Mapping[str, StepRecord], target: str) -> dict[str, float]:
    """How long the steps took. On a cluster that includes what it took to start their pods."""
    found = {}
    for name, step in last.items():
        if target == LOCAL and step.result is not None:
            found[name] = step.result.seconds
        elif target != LOCAL and step.started is not None and step.ended is not None:
            found[name] = step.ended - step.started
    return found
