"""A run of Kubeflow Pipelines in our words. Pure: what the API told, and the compiled pipeline, to states.

KFP runs a task as several nodes: ``NAME-driver``, ``NAME`` and, below it, ``executor``, the one with the user's pod.
The names of tasks are KFP's own; the compiled pipeline says which step each one is. The API tells a task's state and
times. Its field for an error stays empty in releases known to us: why a step failed is in its pod's message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from labline_backend.kubeflow.pods import Pod
from labline_backend.store.records import ENDED_STEP, RunState, StepState
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_plain
from labline_runtime.outcome import StepError

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
    # Our pipelines skip nothing: a run that succeeded has run every step, whether its nodes are still kept or not.
    "succeeded": ("succeeded", "succeeded"),
    "failed": ("failed", "skipped"),
    "cancelled": ("cancelled", "skipped"),
}


@dataclass(frozen=True)
class SeenStep:
    """One step as the target tells it. Of a loop, ``items`` are how many have ended, of all that it tells of."""

    state: StepState
    started: float | None = None
    ended: float | None = None
    error: StepError | None = None
    pods: tuple[Pod, ...] = ()  # in the order in which the notebook has what they run
    items: tuple[int, int] | None = None


@dataclass(frozen=True)
class Tasks:
    """What a step's task is called; of a loop also the task that lists the items, and that of each item."""

    name: str
    listing: str | None = None
    item: str | None = None


@dataclass(frozen=True)
class SeenRun:
    """A run as the target tells it; ``steps`` has those that it tells of."""

    state: RunState
    started: float | None
    ended: float | None
    error: str | None
    steps: dict[str, SeenStep]


def task_names(specification: str) -> dict[str, Tasks]:
    """The names of every step's tasks in a compiled pipeline (KFP YAML)."""
    import yaml

    from labline_compiler.targets.kubeflow_names import FOLDERS

    documents = yaml.load_all(specification, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    document = next(iter(documents))
    components = {"": document["root"], **document["components"]}
    dags = {name: component["dag"]["tasks"] for name, component in components.items() if "dag" in component}
    tasks = {key: task for dag in dags.values() for key, task in dag.items()}
    loops = {}
    for key, task in tasks.items():
        if "parameterIterator" in task:
            (item,) = dags[task["componentRef"]["name"]]
            given = (each.get("taskOutputParameter") for each in task["inputs"]["parameters"].values())
            (listing,) = (each["producerTask"] for each in given if each)
            loops[key] = (listing, item)
    parts = {part for loop in loops.values() for part in loop}
    found = {}
    for key, task in tasks.items():
        if task["componentRef"]["name"] not in dags and key not in parts and key not in FOLDERS:
            loop = next((loops[each] for each in task.get("dependentTasks", ()) if each in loops), ())
            found[task["taskInfo"]["name"]] = Tasks(key, *loop)
    return found


def seen(run: Any, tasks: dict[str, Tasks], pods: Mapping[str, tuple[Pod, ...]] = MappingProxyType({})) -> SeenRun:
    """What a ``V2beta1Run``, and its *pods* by task, say of its steps; *tasks* are the names of their tasks."""
    state = RUN_STATES.get(run.state or "", "queued")
    nodes = list((run.run_details.task_details if run.run_details else None) or ())
    is_over = state in LEFT
    steps = {
        step: found for step, names in tasks.items() if (found := _seen_step(names, nodes, pods, is_over)) is not None
    }
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


def _seen_step(names: Tasks, nodes: list[Any], pods: Mapping[str, tuple[Pod, ...]], is_over: bool) -> SeenStep | None:
    """A step by its task; a loop by those of all its parts."""
    own = tuple(pod for name in (names.listing, names.item, names.name) if name for pod in pods.get(name, ()))
    found = None
    if matching := _named(nodes, names.name):  # the last of several attempts
        found = _step(matching[-1], nodes, own[-1] if pods.get(names.name) else None)
    parts = [node for name in (names.listing, names.item) if name for node in _named(nodes, name)]
    if not parts:
        return found and replace(found, pods=own)
    if found is None or found.state in ("pending", "skipped"):
        found = SeenStep("running")
        going_on = any(STEP_STATES.get(node.state or "") in (None, "pending", "running") for node in parts)
        failed = [node for node in parts if node.state == "FAILED"]
        if failed and (is_over or not going_on):
            # Of items that failed, the first in the loop's order says why, as on this machine.
            told = next((pod.message for pod in own if MARK in (pod.message or "")), None)
            ended = max((_moment(node.end_time) or 0 for node in failed), default=0)
            found = SeenStep("failed", None, ended or None, _error([told, *(_text(node.error) for node in failed)]))
    begun = min((moment for node in parts if (moment := _moment(node.start_time))), default=None)
    return replace(found, started=begun or found.started, pods=own, items=_items(nodes, names.item))


def _items(nodes: list[Any], name: str | None) -> tuple[int, int] | None:
    """How many items of a loop have ended, of all whose turn is known: its driver comes before the item itself."""
    items = _named(nodes, name) if name else []
    known = max(len(items), len(_named(nodes, f"{name}-driver")))
    ended = sum(STEP_STATES.get(node.state or "") in ENDED_STEP for node in items)
    return (ended, known) if known else None


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
