"""What is told to MLflow about runs and steps: tags, parameters, lineage. Plain data in, plain data out."""

from __future__ import annotations

import ast
import getpass
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from labline_backend.store.records import LOCAL, RunRecord, RunState, StepRecord, StepState
from labline_backend.tracking.limits import MAX_PARAMETER, MAX_TAG, cut, key
from labline_compiler.pipeline import Pipeline
from labline_runtime.specification import HIDDEN_STATE_PREFIX

RUN_STATUS: dict[RunState, str] = {
    "queued": "RUNNING",
    "running": "RUNNING",
    "succeeded": "FINISHED",
    "failed": "FAILED",
    "cancelled": "KILLED",
    "interrupted": "KILLED",
}
STEP_STATUS: dict[StepState, str] = {
    "pending": "SCHEDULED",
    "running": "RUNNING",
    "succeeded": "FINISHED",
    "cached": "FINISHED",
    "failed": "FAILED",
    "cancelled": "KILLED",
    "skipped": "KILLED",
}

MAX_LINEAGE_TAGS = 100
"""Per direction. The artifact ``lineage.json`` has them all."""

_SET_EXPERIMENT = re.compile(
    r"""^[^#\n]*\bset_experiment\(\s*(?:experiment_name\s*=\s*)?(["'])(?P<name>[^"'\\\n]+)\1""", re.MULTILINE
)


def experiments(pipeline: Pipeline, environ: Mapping[str, str]) -> list[str]:
    """The experiment that the runs go to, then the others that the notebook's code names.

    The code's own ``mlflow.set_experiment("name")`` counts: inside a step MLflow refuses to continue the step's run
    under any other experiment.
    """
    sources = [cell.source for cell in (*pipeline.preamble, *(cell for step in pipeline.steps for cell in step.cells))]
    named = [match["name"] for source in sources for match in _SET_EXPERIMENT.finditer(source)]
    first = pipeline.experiment or next(iter(named), None) or environ.get("MLFLOW_EXPERIMENT_NAME") or pipeline.name
    return list(dict.fromkeys([first, *named]))


def run_tags(run: RunRecord) -> dict[str, str]:
    """The tags of the MLflow run of a pipeline run."""
    return _tags(
        {
            "labline.run": run.id,
            "labline.pipeline": run.pipeline.name,
            "labline.notebook": run.notebook,
            "labline.target": run.target,
            "mlflow.source.name": run.notebook,
            "mlflow.source.type": "NOTEBOOK",
            "mlflow.user": user(),
        }
    )


def run_end_tags(run: RunRecord) -> dict[str, str]:
    """The tags that only the end of a run knows."""
    return _tags({"labline.state": run.state, "labline.error": run.error})


def certificate_tags(certificate: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a run that was verified, and of the model versions that it registered."""
    return _tags({"labline.verdict": certificate["subject"]["verdict"], "labline.certificate": certificate["digest"]})


def step_tags(run: RunRecord, step: str) -> dict[str, str]:
    """The tags of a step's nested run."""
    return _tags(
        {
            "labline.run": run.id,
            "labline.step": step,
            "labline.pipeline": run.pipeline.name,
            "labline.notebook": run.notebook,
            "mlflow.source.name": run.notebook,
            "mlflow.source.type": "NOTEBOOK",
            "mlflow.user": user(),
        }
    )


def model_tags(run: RunRecord, step: str) -> dict[str, str]:
    """The tags of model versions that a step has registered: where they come from."""
    return {name: value for name, value in step_tags(run, step).items() if name.startswith("labline.")}


def registered_elsewhere(run: RunRecord, step: StepRecord) -> dict[str, str] | None:
    """The model version that a step's pod has registered, and the run that it has opened for it."""
    found = step.result.registered if step.result else None
    if run.target == LOCAL or found is None or found.version is None or found.tracked is None:
        return None
    return {"name": found.name, "version": found.version, "run_id": found.tracked}


def step_end_tags(step: StepRecord) -> dict[str, str]:
    """The tags that only the end of a step knows."""
    error = step.error or (step.result.error if step.result else None)
    return _tags(
        {
            "labline.state": step.state,
            "labline.attempt": str(step.attempt),
            "labline.cached_from": step.cached_from,
            "labline.error": error.message if error else None,
        }
    )


def parameters(run: RunRecord, names: Iterable[str] | None = None) -> dict[str, str]:
    """Parameters as the notebook's own ``mlflow.log_param(name, value)`` would record them: ``str`` of the value."""
    names = run.parameters if names is None else names
    return {key(name): cut(_as_logged(run.parameters[name]), MAX_PARAMETER) for name in names if name in run.parameters}


def cut_parameters(run: RunRecord) -> list[str]:
    """The parameters that are too long for MLflow to keep whole."""
    return [name for name, literal in run.parameters.items() if len(_as_logged(literal)) > MAX_PARAMETER]


def outputs(step: StepRecord) -> dict[str, str]:
    """The digest of each value that the step handed on."""
    artifacts = step.result.artifacts if step.result else ()
    return {value.name: value.digest for artifact in artifacts for value in artifact.values}


def lineage_tags(direction: str, digests: Mapping[str, str]) -> dict[str, str]:
    """``labline.input.NAME`` (or ``output``) -> digest; for hidden state NAME is ``hidden_state.`` and its name."""
    return _tags(
        {
            f"labline.{direction}.{name.replace(HIDDEN_STATE_PREFIX, 'hidden_state.', 1)}": digest
            for name, digest in list(digests.items())[:MAX_LINEAGE_TAGS]
        }
    )


def notebook_name(run: RunRecord) -> str:
    """The file name that the submitted notebook gets among the artifacts."""
    return PurePosixPath(run.pipeline.notebook or run.notebook).name or "notebook.ipynb"


def _as_logged(literal: str) -> str:
    try:
        return str(ast.literal_eval(literal))
    except (ValueError, SyntaxError):
        return literal


def _tags(tags: Mapping[str, str | None]) -> dict[str, str]:
    return {key(name): cut(value, MAX_TAG) for name, value in tags.items() if value}


def user() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user id has no name
        return "unknown"
