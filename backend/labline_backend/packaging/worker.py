"""Processes that run the packaged model's code: ``python -m labline_backend.packaging.worker TASK JOB.json``.

    save      make an MLflow model of the slice and what it has learned
    try       load it afresh and ask it for what the notebook computed
    register  log it with a run of its own and make it a version of a registered model

An answer is one JSON document in the file ``answer.json`` beside the job. What goes wrong is ``{"error": ...}``.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any

from labline_runtime.capture import CAPTURED, Slice
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import fields_of, from_json

MODEL = "model"


@dataclass(frozen=True)
class Job:
    """``folder`` holds what was captured (our own process wrote it), ``model.py`` and ``kept.pkl``."""

    folder: str
    slice: Slice
    tolerance: float
    requirements: tuple[str, ...]
    modules: tuple[str, ...] = ()  # beside the notebook, that the slice imports
    name: str = ""
    experiment: str = ""
    uri: str = ""
    registry_uri: str | None = None
    artifacts: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


def _arguments(job: Job) -> dict[str, Any]:
    from mlflow.models import infer_signature

    from labline_backend.packaging.trial import wire_rows

    captured = _captured(job)
    rows = wire_rows(captured["input"], captured["known"])
    folder = Path(job.folder)
    return {
        "python_model": str(folder / "model.py"),
        "artifacts": {"kept": str(folder / "kept.pkl")},
        "signature": infer_signature(rows, captured["expected"]),
        "input_example": rows[:5],
        "pip_requirements": list(job.requirements),
        "code_paths": list(job.modules) or None,
    }


def save(job: Job) -> dict[str, Any]:
    """Make the model in ``FOLDER/model``."""
    import mlflow

    mlflow.pyfunc.save_model(path=str(Path(job.folder) / MODEL), **_arguments(job))
    return {}


def try_out(job: Job) -> dict[str, Any]:
    """Ask the saved model."""
    import mlflow

    from labline_backend.packaging.trial import Trial

    model = mlflow.pyfunc.load_model(str(Path(job.folder) / MODEL))
    return fields_of(Trial(model, _captured(job), job.slice, job.tolerance).run())


def register(job: Job) -> dict[str, Any]:
    """Log the model and register it."""
    import mlflow

    from labline_backend.tracking.recorder import Recorder

    recorder = Recorder(job.uri, job.registry_uri, Path(job.artifacts) if job.artifacts else None)
    opened = recorder.start_run([job.experiment], job.name, None, _now(), job.tags, {}, job.texts)
    mlflow.set_tracking_uri(job.uri)
    mlflow.set_registry_uri(job.registry_uri or job.uri)
    with mlflow.start_run(run_id=opened["run_id"]):
        mlflow.log_metrics(job.metrics)
        logged = mlflow.pyfunc.log_model(
            name=MODEL, registered_model_name=job.name, tags=job.tags, metadata=job.tags, **_arguments(job)
        )
    version = str(logged.registered_model_version)
    client = mlflow.MlflowClient(job.uri, job.registry_uri)
    for name, value in job.tags.items():
        client.set_model_version_tag(job.name, version, name, value)
    return {"version": version, "run": opened["run_id"]}


def _now() -> int:
    import time

    return int(time.time() * 1000)


def _captured(job: Job) -> dict[str, Any]:
    captured: dict[str, Any] = pickle.loads((Path(job.folder) / CAPTURED).read_bytes())  # noqa: S301 - ours
    return captured


TASKS: dict[str, Callable[[Job], dict[str, Any]]] = {"save": save, "try": try_out, "register": register}


def main(arguments: list[str]) -> int:
    """Do the task; 1 where it failed, and the answer says why."""
    task, path = arguments
    job = from_json(Job, Path(path).read_text("utf-8"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = TASKS[task](job)
    except Exception as error:
        said = " ".join(str(getattr(error, "message", None) or error).split())[:600]
        answer = {"error": f"{type(error).__name__}: {said}"}
    Path(path).with_name("answer.json").write_text(json.dumps(answer), "utf-8")
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
