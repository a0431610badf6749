"""What the store keeps, as frozen records. The database's tables are the store's own business."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from labline_backend.recurrence.timing import Timing
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import StepError, StepResult

RunState = Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]
StepState = Literal["pending", "running", "succeeded", "cached", "failed", "cancelled", "skipped"]
EventKind = Literal["run", "step", "cell"]

LOCAL = "local"
"""The target that is this machine; every other name is a cluster's."""

ENDED_RUN: frozenset[RunState] = frozenset({"succeeded", "failed", "cancelled"})
"""States that a run leaves for a :class:`Patch` only. An interrupted run is not among them: it can be resumed."""

STOPPED_RUN: frozenset[RunState] = frozenset({"failed", "cancelled", "interrupted"})
"""States from which a run can go on with a changed notebook."""

ENDED_STEP: frozenset[StepState] = frozenset({"succeeded", "cached", "failed", "cancelled", "skipped"})
DONE_STEP: frozenset[StepState] = frozenset({"succeeded", "cached"})
"""Step states that have a result for others to use."""


VerificationState = Literal["running", "ended", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True)
class Verification:
    """How far the verification has come that a run was made for.

    ``doing`` says for people what is going on, ``done`` of ``total`` parts of it. ``problem`` is one sentence: why it
    failed. What it found is in the run's certificate, of which ``verdict`` is the last word.
    """

    state: VerificationState
    doing: str = ""
    done: int = 0
    total: int = 0
    problem: str | None = None
    verdict: str | None = None


@dataclass(frozen=True)
class Begun:
    """By which recurring run of this machine a run was begun: its id, and its name then."""

    id: str
    name: str


@dataclass(frozen=True)
class Control:
    """How a run was asked to go.

    It runs from the step ``start`` (and what depends on it) to the step ``stop`` (and what that needs), or ``only`` one
    step; None for no such bound. What the steps need of others, the steps ``taken``, is from the run ``source``; the
    steps ``left_out`` have no part in it. ``timeout`` bounds the seconds that the run may take, and a higher
    ``priority`` goes first where steps wait for the machine. With ``post_mortem`` processes that fail stay. ``begun``
    tells of the recurring run that has begun it, where one has.
    """

    start: str | None = None
    stop: str | None = None
    only: str | None = None
    source: str | None = None
    taken: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    timeout: float | None = None
    priority: int = 0
    post_mortem: bool = False
    begun: Begun | None = None


@dataclass(frozen=True)
class Schedule:
    """A recurring run of this machine. Times are seconds since the epoch.

    ``notebook`` is its path as it was given, ``folder`` the absolute directory that its runs' steps run in; what is run
    is the notebook as it was then, which the store keeps beside. ``parameters`` are those that were given, as Python
    literals. Intervals of its ``timing`` count from when it was ``begun``. It begins its next run when the time has
    come that is ``next``, and no more than ``at_most`` of its runs are going on. Times that were missed are all made up
    for with ``catch_up``, else once. ``problem`` is why its last run could not begin.
    """

    id: str
    name: str
    notebook: str
    folder: str
    timing: Timing
    begun: float
    next: float
    parameters: dict[str, str]
    cache: bool = True
    catch_up: bool = False
    at_most: int = 1
    paused: bool = False
    problem: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """One execution of a pipeline. Times are seconds since the epoch.

    ``notebook`` is its path as it was given, ``folder`` the absolute directory that the steps run in. ``parameters``
    holds all parameters, defaults included, as Python literals. ``owner`` names the process that drives the run. A run
    made to be verified has a ``verification``: its steps run in a copy of the folder that goes with the process, so
    that the run cannot be resumed. The values of a run that is ``kept`` are never pruned.
    """

    id: str
    pipeline: Pipeline
    notebook: str
    folder: str
    state: RunState
    created: float
    parameters: dict[str, str]
    cache: bool = True
    findings: tuple[Finding, ...] = ()
    target: str = LOCAL
    started: float | None = None
    ended: float | None = None
    error: str | None = None
    owner: str | None = None
    cancel_requested: bool = False
    experiment_id: str | None = None
    mlflow_run_id: str | None = None
    verification: Verification | None = None
    control: Control = Control()
    kept: bool = False


@dataclass(frozen=True)
class StepRecord:
    """One step of one run. ``attempt`` counts from 1 once the step has started; ``cached_from`` is a run's id.

    ``cache_note`` says in words why the step was taken from the cache or why it was not, or why it has no part in the
    run.
    """

    run: str
    name: str
    state: StepState = "pending"
    attempt: int = 0
    started: float | None = None
    ended: float | None = None
    cache_key: str | None = None
    cache_note: str | None = None
    cached_from: str | None = None
    result: StepResult | None = None
    error: StepError | None = None
    mlflow_run_id: str | None = None


@dataclass(frozen=True)
class Patch:
    """A changed notebook with which a run went on that had stopped.

    ``time`` is in seconds since the epoch; ``state`` and ``error`` are the run's before it. ``again`` says which steps
    had to run, or to be looked up in the cache, and why; the others stayed as they were. What the run was before lies
    in the folder ``kept`` below the run's: notebook, pipeline, and the folders of those steps.
    """

    time: float
    notebook: str
    state: RunState
    error: str | None
    again: dict[str, str]
    kept: str


@dataclass(frozen=True)
class EventRecord:
    """Something that changed, numbered in the order of the commits.

    ``data`` is ``{}`` for a run, ``{"step": name}`` for a step (read the current record for the rest), and
    ``{"step", "index", "id", "state"}`` for a cell; ``"items"`` beside them, ``{"done", "total"}``, is of a loop whose
    items run apart.
    """

    seq: int
    time: float
    run: str
    kind: EventKind
    data: dict[str, Any]


def run_metrics(steps: Iterable[StepRecord]) -> dict[str, float]:
    """All metrics of a run; ``step.name`` where two steps give one name."""
    given = [(step.name, *item) for step in steps if step.result is not None for item in step.result.metrics.items()]
    times = Counter(name for _, name, _ in given)
    return {name if times[name] == 1 else f"{step}.{name}": value for step, name, value in given}
