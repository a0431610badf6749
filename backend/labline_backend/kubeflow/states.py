"""A run of Kubeflow Pipelines in our words. Pure: what the API told, and the compiled pipeline, to states.

KFP runs a task as several nodes: ``NAME-driver``, ``NAME`` and, below it, ``executor``, the one with the user's pod.
The names of tasks are KFP's own; the compiled pipeline says which step each one is. The API tells a task's state and
times. Its field for an error stays empty in releases known to us: why a step failed is in its pod's message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from labline_backend.kubeflow.pods import Pod
from labline_backend.store.records import RunState, StepState
from labline_runtime.specification import StepError, from_plain

MARK = "labline-error: "  # what a failed step says of itself follows, see the component in labline_compiler

STEP_STATES: dict[str, StepState] = {
    "PENDING": "pending",
    "RUNNING": "running",
    "PAUSED": "running",
    "CANCELING": "running",
    "SUCCEEDED": "succeeded",
    "SKIPPED": "skipped",
    "FAILED": "failed",
    "CANCELED": "cancelled",
}
RUN_STATES: dict[str, RunState] = {
    "PENDING": "queued",
    "RUNNING": "running",
    "PAUSED": "running",
    "CANCELING": "running",
    "SUCCEEDED": "succeeded",
    "SKIPPED": "succeeded",
    "FAILED": "failed",
    "CANCELED": "cancelled",
}

# What becomes of a step that the API tells nothing more of, when the run has ended: (begun, not begun).
LEFT: dict[RunState, tuple[StepState, StepState]] = {
    # Our pipelines have no branches: a run that succeeded has run every step, whether its nodes are still kept or not.
    "succeeded": ("succeeded", "succeeded"),
    "failed": ("failed", "skipped"),
    "cancelled": ("cancelled", "skipped"),
}


@dataclass(frozen=True)
class SeenStep:
    """One step as the target tells it."""

    state: StepState
    started: float | None = None
    ended: float | None = None
    error: StepError | None = None
    pod: str | None = None


@dataclass(frozen=True)
class SeenRun:
    """A run as the target tells it; ``steps`` has those that it tells of."""

    state: RunState
    started: float | None
    ended: float | None
    error: str | None
    steps: dict[str, SeenStep]


def task_names(specification: str) -> dict[str, str]:
    """The name of every step's task in a compiled pipeline (KFP YAML)."""
    import yaml

    documents = yaml.load_all(specification, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    tasks = next(iter(documents))["root"]["dag"]["tasks"]
    return {task["taskInfo"]["name"]: name for name, task in tasks.items()}


def seen(run: Any, tasks: dict[str, str], pods: Mapping[str, Pod] = MappingProxyType({})) -> SeenRun:
    """What a ``V2beta1Run``, and its *pods* by task, say of its steps; *tasks* are the names of their tasks."""
    state = RUN_STATES.get(run.state or "", "queued")
    nodes = list((run.run_details.task_details if run.run_details else None) or ())
    steps = {
        step: _step(matching[-1], nodes, pods.get(name))  # the last of several attempts
        for step, name in tasks.items()
        if (matching := _named(nodes, name))
    }
    is_over = state in LEFT
    if is_over:
        for step in tasks:
            found = steps.get(step)
            if found is None or found.state in ("pending", "running"):
                begun, not_begun = LEFT[state]
                has_begun = found is not None and found.state == "running"
                steps[step] = SeenStep(begun if has_begun else not_begun, found.started if found else None, None)
    started = min((step.started for step in steps.values() if step.started), default=None)
    ended = _moment(run.finished_at) if is_over else None
    return SeenRun(state, started, ended, _text(run.error), steps)


def _named(nodes: Iterable[Any], name: str) -> list[Any]:
    return sorted((n for n in nodes if n.display_name == name), key=lambda n: _moment(n.create_time) or 0.0)


def _step(node: Any, nodes: list[Any], pod: Pod | None) -> SeenStep:
    state = STEP_STATES.get(node.state or "", "pending")
    told = [pod.message if pod else None, *(_text(each.error) for each in (*_below(node, nodes), node))]
    return SeenStep(
        state,
        _moment(node.start_time) if state != "pending" else None,
        _moment(node.end_time) if state not in ("pending", "running") else None,
        _error(told) if state == "failed" else None,
        pod.name if pod else None,
    )


def _below(node: Any, nodes: list[Any]) -> list[Any]:
    """The nodes that *node* names as its children."""
    children = {child.task_id for child in node.child_tasks or () if child.task_id}
    return [
        each for each in nodes if each.task_id in children or (node.task_id and each.parent_task_id == node.task_id)
    ]


def _error(told: list[str | None]) -> StepError:
    """What failed a step: its own words where the container could leave them."""
    for text in told:
        sentence, mark, rest = (text or "").partition(MARK)
        if mark:
            try:
                document, _ = json.JSONDecoder().raw_decode(rest)
                return from_plain(StepError, document)
            except ValueError:  # cut off
                return StepError(message=sentence.strip()[:1000])
    text = max((text for text in told if text), key=len, default="the target does not say why")
    return StepError(
        message=f"The step failed: {text[:1000].rstrip('.')}.",
        hint="Its pod's log says more: kubectl logs POD -c main.",
    )


def _text(status: Any) -> str | None:
    return None if status is None or not status.message else str(status.message)


def _moment(time: Any) -> float | None:
    """Seconds since the epoch; KFP writes the epoch itself for what has not happened yet."""
    if time is None:
        return None
    seconds = float(time.timestamp())
    return seconds if seconds > 0 else None
