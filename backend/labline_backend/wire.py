"""Records to the shapes of ``api/openapi.yaml``. Nothing here reads or decides; it only renders."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from labline_runtime.outcome import ItemRun
from labline_runtime.specification import HIDDEN_STATE_PREFIX

if TYPE_CHECKING:
    from labline_backend.debugging.kept import KeptProcess
    from labline_backend.endpoints.deploying import Found
    from labline_backend.engine.forecast import Forecast
    from labline_backend.kubeflow.targets import Target
    from labline_backend.packaging.background import Packaging
    from labline_backend.store.pruning import Contents, Pruned
    from labline_backend.store.records import Control, Patch, RunRecord, StepRecord
    from labline_compiler.compile import Compilation
    from labline_compiler.findings import Finding
    from labline_compiler.pipeline import Pipeline, Step
    from labline_compiler.suggest import Suggestion
    from labline_runtime.outcome import Observation, StepResult

Document = dict[str, Any]
LOCAL_TARGET: Document = {"name": "local", "kind": "local", "host": None, "namespace": None, "settings": None}
MLflowUrl = Callable[[str, str], str | None]  # (experiment id, run id) -> where a browser finds the run


def dumps(document: Any) -> str:
    """Write *document* as JSON that every reader accepts: ASCII, and null where Python would write NaN or Infinity."""
    try:
        return json.dumps(document, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(document), allow_nan=False)


def problem(message: str, findings: Iterable[Finding] = ()) -> Document:
    """Render a Problem."""
    return {"message": message, "findings": [finding(f) for f in findings]}


def finding(found: Finding) -> Document:
    """Render a Finding."""
    return dataclasses.asdict(found)


def compilation(compiled: Compilation, reckoned: Iterable[Observation] = ()) -> Document:
    """Render a Compilation, with the facts of earlier runs that it was *reckoned* with."""
    return {
        "pipeline": None if compiled.pipeline is None else graph(compiled.pipeline),
        "findings": [finding(f) for f in compiled.findings],
        "cells": [
            {"index": origin.index if (origin := cell.origin) else cell.index, "id": cell.id}
            | {"role": cell.role, "step": cell.step}
            for cell in compiled.cells
            if cell.origin is None or not cell.origin.notebook
        ],
        "observed": [observation(fact) for fact in reckoned],
    }


def observation(fact: Observation) -> str:
    """Say what was seen of a step, which comes first: a view that makes a sentence of it leaves names as they are."""
    names = " and ".join(name.removeprefix(HIDDEN_STATE_PREFIX) for name in fact.names)
    if fact.kind == "shares":
        return f"step {fact.step} hands on {names}, which share an object"
    if fact.kind == "is":
        return f"step {fact.step} hands on {fact.names[0]} of the type {fact.names[1].rpartition('.')[2]}"
    return f"step {fact.step} {fact.kind} {names}"


def endpoint(found: Found) -> Document:
    """Render an Endpoint. Where its token lies is told; the token never is."""
    known, status = found.endpoint, found.endpoint.status
    spec, served = dataclasses.asdict(known.spec), known.served
    return {
        "name": known.name,
        "state": found.state,
        "wanted": known.wanted,
        "created": known.created,
        "generation": known.generation,
        "address": found.address,
        "grpc_address": found.grpc_address,
        "path": f"labline/endpoints/{known.name}/",
        "token_file": found.token_file,
        "spec": spec,
        "versions": {} if served is None else served.versions,
        "settled": status.generation >= known.generation,
        "refused": status.refused,
        "message": status.message,
        "workers": list(status.workers) if found.alive else [],
        "asked_by": list(status.asked_by),
    }


def packaging(found: Packaging) -> Document:
    """Render a Packaging. The text of the model's code is in the registry, and not repeated."""
    made = None if found.packaged is None else found.packaged.document
    return {
        "id": found.id,
        "notebook": found.notebook,
        "predict": found.predict,
        "state": found.state,
        "stage": found.stage,
        "began": found.began,
        "ended": found.ended,
        "message": found.message,
        "needs_run": found.needs_run,
        "packaged": made and {name: value for name, value in made.items() if name not in ("source", "kept")},
    }


def suggestion(found: Suggestion) -> Document:
    """Render a Suggestion."""
    compiled = compilation(found.compilation)
    return {
        "edit": dataclasses.asdict(found.edit),
        "cells": [dataclasses.asdict(cell) for cell in found.cells],
        "steps": [dataclasses.asdict(step) for step in found.steps],
        "together": found.together,
        "seconds": found.seconds,
        "critical": found.critical,
        "gains": found.gains,
        "pipeline": compiled["pipeline"],
        "findings": compiled["findings"],
    }


def forecast(found: Forecast) -> Document:
    """Render a Forecast."""
    steps = [{**dataclasses.asdict(step), "on": list(step.on)} for step in found.steps]
    return {
        "steps": steps,
        "least": found.surely.seconds,
        "most": found.at_most.seconds,
        "work": found.work,
        "path": list(found.at_most.path),
        "cores": found.cores,
    }


def kept_process(found: KeptProcess) -> Document:
    """Render a KeptProcess."""
    return dataclasses.asdict(found)


def graph(pipeline: Pipeline) -> Document:
    """Render a Graph: the pipeline as one draws it."""
    return {
        "name": pipeline.name,
        "notebook": pipeline.notebook,
        "steps": [
            {
                "name": step.name,
                "cells": [{"index": cell.index, "id": cell.open_id} for cell in step.cells],
                "parameters": list(step.parameters),
                "outputs": [name for output in step.outputs for name in output.names],
                "exit": bool(step.options.exit),
                "loop": step.loop is not None,
                "condition": step.condition.text if step.condition is not None else None,
            }
            for step in pipeline.steps
        ],
        "edges": [edge for step in pipeline.steps for edge in _edges(step)],
        "parameters": [{"name": p.name, "default": p.default, "type": p.type} for p in pipeline.parameters],
    }


def target(found: Target) -> Document:
    """Render a Target: what one needs to choose it, and to change it."""
    settings = dataclasses.asdict(found)
    place = {name: settings.pop(name) for name in ("name", "host", "namespace")}
    return {**place, "kind": "kubeflow", "settings": settings}


def sign_in_page(found: Target, site: str | None, connectors: Sequence[str]) -> Document:
    """Render a SignInPage: where user name and password would go; no *site* before one of *connectors* is named."""
    from labline_backend.kubeflow.browsing import site_of

    return {"site": site, "target_site": site_of(found.host), "connectors": list(connectors)}


def run(record: RunRecord, steps: Sequence[StepRecord], mlflow_url: MLflowUrl, page: str | None = None) -> Document:
    """Render a Run: one line of the list of runs. *page* is where a browser finds it on its target."""
    tracked = None
    if record.experiment_id is not None and record.mlflow_run_id is not None:
        tracked = {
            "experiment_id": record.experiment_id,
            "run_id": record.mlflow_run_id,
            "url": mlflow_url(record.experiment_id, record.mlflow_run_id),
        }
    return {
        "id": record.id,
        "pipeline": record.pipeline.name,
        "notebook": record.notebook,
        "target": record.target,
        "state": record.state,
        "created": record.created,
        "started": record.started,
        "ended": record.ended,
        "parameters": record.parameters,
        "metrics": metrics(steps),
        "steps_total": len(record.pipeline.steps) - len(record.control.left_out),
        "steps_done": sum(step.state in ("succeeded", "cached") for step in steps),
        "control": control(record.control),
        "kept": record.kept,
        "error": record.error,
        "mlflow": tracked,
        "verification": None if record.verification is None else dataclasses.asdict(record.verification),
        "page": page,
        "unseen": _unseen(record),
    }


def _unseen(record: RunRecord) -> str | None:
    """Why what is shown of a run on a target may be old."""
    codes = {found.code for found in record.findings}
    return "signed-out" if "LL617" in codes else "no-answer" if "LL608" in codes else None


def control(found: Control) -> Document:
    """Render a RunControl: how a run was asked to go."""
    return {
        "from": found.start,
        "to": found.stop,
        "only": found.only,
        "source": found.source,
        "taken": list(found.taken),
        "left_out": list(found.left_out),
        "timeout": found.timeout,
        "priority": found.priority,
        "post_mortem": found.post_mortem,
        "begun": None if found.begun is None else dataclasses.asdict(found.begun),
    }


def stored(found: Contents, limit: int) -> Document:
    """Render a Cache: the newest results, and what all values take."""
    return {
        "results": [
            {
                "pipeline": result.pipeline,
                "step": result.entry.step,
                "run": result.entry.run,
                "created": result.created,
                "used": result.used,
                "size": result.size,
                "kept": result.kept,
            }
            for result in found.results[:limit]
        ],
        "results_total": len(found.results),
        "files": found.files,
        "size": found.size,
        "kept": found.kept,
    }


def pruned(found: Pruned) -> Document:
    """Render a Pruned: what went, and what is left."""
    return dataclasses.asdict(found)


def run_detail(
    record: RunRecord,
    steps: Sequence[StepRecord],
    mlflow_url: MLflowUrl,
    patches: Iterable[Patch] = (),
    certified: Document | None = None,
    fault: str | None = None,
    page: str | None = None,
) -> Document:
    """Render a RunDetail: a run with its graph, steps, findings and, where it was verified, its certificate.

    *fault* says what is wrong with the certificate, where it is none to be trusted.
    """
    return {
        **run(record, steps, mlflow_url, page),
        "graph": graph(record.pipeline),
        "steps": [step_run(step) for step in steps],
        "findings": [finding(f) for f in record.findings],
        "observed": [observation(fact) for fact in record.pipeline.observed],
        "patches": [patch(made, record.pipeline) for made in patches],
        "certificate": None if certified is None else certificate(certified),
        "certificate_fault": fault,
    }


def patch(made: Patch, pipeline: Pipeline) -> Document:
    """Render a Patch, its steps in the order of the present *pipeline*; any that it has no more come first."""
    places = {step.name: place for place, step in enumerate(pipeline.steps)}
    again = dict(sorted(made.again.items(), key=lambda item: places.get(item[0], -1)))
    return {name: getattr(made, name) for name in ("time", "notebook", "state", "error")} | {"again": again}


def certificate(document: Document) -> Document:
    """Render a Certificate: what a verification found, without the digests."""
    subject = document["subject"]
    shown = ("step", "name", "role", "source", "type", "status", "note", "difference")
    cells = ("index", "id", "step", "status", "note", "difference")
    return {
        "digest": document["digest"],
        "created": subject["created"],
        "target": subject["target"],
        "verdict": subject["verdict"],
        "failure": subject["failure"],
        "reference_runs": subject["reference_runs"],
        "shared": subject.get("folder", {}).get("shared", []),
        "values": [{name: value[name] for name in shown} for value in document["values"]],
        "cells": [{name: cell[name] for name in cells} for cell in document["cells"]],
    }


def step_run(record: StepRecord) -> Document:
    """Render a StepRun."""
    result = record.result
    return {
        "name": record.name,
        "state": record.state,
        "attempt": record.attempt,
        "started": record.started,
        "ended": record.ended,
        "cached_from": record.cached_from,
        "cache_note": record.cache_note,
        "cells": [] if result is None else [dataclasses.asdict(cell) for cell in result.cells],
        "values": [] if result is None else _values(result),
        "metrics": {} if result is None else {name: _number(value) for name, value in result.metrics.items()},
        "error": None if record.error is None else dataclasses.asdict(record.error),
        "items": None if result is None or not result.items else _items(result.items),
        "condition": None if result is None else result.condition,
        "in_one": None if result is None else result.in_one,
        "mlflow_run_id": record.mlflow_run_id,
    }


def metrics(steps: Sequence[StepRecord]) -> dict[str, float | None]:
    """All metrics of a run; ``step.name`` where two steps give one name."""
    given = [
        (step.name, name, value)
        for step in steps
        if step.result is not None
        for name, value in step.result.metrics.items()
    ]
    times = Counter(name for _, name, _ in given)
    return {name if times[name] == 1 else f"{step}.{name}": _number(value) for step, name, value in given}


def _items(items: Sequence[ItemRun]) -> Document:
    states = [item.state for item in items]
    return {"total": len(states), "cached": states.count("cached"), "failed": states.count("failed")}


def _values(result: StepResult) -> list[Document]:
    return [dataclasses.asdict(value) for artifact in result.artifacts for value in artifact.values]


def _edges(step: Step) -> list[Document]:
    names: dict[str, list[str]] = {source: [] for source in step.predecessors}
    for given in step.inputs:
        names[given.source] += given.names
    return [{"source": source, "target": step.name, "names": given} for source, given in names.items()]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _finite(value: Any) -> Any:
    """*value* with None for every number that JSON cannot write."""
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
