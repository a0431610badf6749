"""What running a notebook would do, said before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labline_backend.compiling import literals
from labline_backend.service import Service, engine_errors

if TYPE_CHECKING:
    from labline_backend.engine.forecast import Forecast
    from labline_backend.store.runs import RunStore
    from labline_compiler.selection import Selection


def forecast(
    service: Service,
    path: Path,
    *,
    notebook: str,
    content: dict[str, Any] | None = None,
    parameters: Mapping[str, str] | None = None,
    cache: bool = True,
    observed: bool = True,
    selection: Selection | None = None,
) -> Forecast:
    """What :meth:`Service.run` would do on this machine, step by step; nothing is started. Raises ``InputError``."""
    from labline_backend.engine import forecast as engine
    from labline_backend.engine.cache import Cache
    from labline_backend.engine.earlier import plan
    from labline_backend.engine.parameters import merge
    from labline_backend.kernels import find_kernel
    from labline_backend.store.artifacts import ArtifactStore
    from labline_backend.store.records import RunRecord

    compilation, pipeline, _ = service.compile_to_run(path, notebook, content, observed=observed)
    given = literals(pipeline, parameters or {})
    with engine_errors():
        values = merge(pipeline, given)
        kernel = find_kernel(pipeline.kernel)
        known = Cache(service.home, service.store, ArtifactStore.find(service.home))
        folder = str(path.absolute().parent)
        run = RunRecord("", pipeline, notebook, folder, "queued", 0.0, values, cache, findings=compilation.findings)
        part = plan(known, service.store, run, kernel, selection, given) if selection else None
        run = replace(run, parameters=part.parameters) if part else run
        return engine.forecast(known, run, kernel, _seconds(service.store, notebook, folder), part)


def _seconds(store: RunStore, notebook: str, folder: str) -> dict[str, float]:
    """How long steps took when they last ran, in the newest of the notebook's last runs that knows."""
    records = store.list(10, notebook=notebook, folder=folder)
    steps = store.steps_of([record.id for record in records])
    found: dict[str, float] = {}
    for step in (step for record in records for step in steps.get(record.id, [])):
        if step.result is not None and step.result.state == "succeeded":
            found.setdefault(step.name, step.result.seconds)
    return found
