"""What a run would do, step by step, said before it runs. It asks the cache as the run will, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from labline_backend.engine.cache import Cache, Lookup
from labline_backend.engine.earlier import Plan
from labline_backend.kernels import Kernel
from labline_backend.store.records import RunRecord
from labline_compiler.pipeline import Step
from labline_runtime.specification import StepResult

Outcome = Literal["cached", "runs", "depends", "taken", "left out"]


@dataclass(frozen=True)
class StepForecast:
    """What becomes of one step. ``seconds`` is what it took when it last ran, None where that is not known.

    A step that ``depends`` runs unless the steps ``on`` which it depends, which run themselves, leave behind what they
    left when it last ran. One that is ``taken`` or ``left out`` has no part in the run.
    """

    name: str
    outcome: Outcome
    reason: str
    on: tuple[str, ...] = ()
    cached_from: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Forecast:
    """All steps, in the pipeline's order."""

    steps: tuple[StepForecast, ...]

    @property
    def least(self) -> float:
        """Seconds of work for the steps that run for sure, as far as these have run before."""
        return sum(step.seconds or 0.0 for step in self.steps if step.outcome == "runs")

    @property
    def most(self) -> float:
        """Seconds of work where every step runs that may have to."""
        return sum(step.seconds or 0.0 for step in self.steps if step.outcome in ("runs", "depends"))


def forecast(
    cache: Cache, run: RunRecord, kernel: Kernel, seconds: Mapping[str, float], plan: Plan | None = None
) -> Forecast:
    """Foresee *run*, which need not be in the store. *seconds* are what steps took in earlier runs, by name.

    With a *plan* only a part of it runs.
    """
    known: dict[str, StepResult] = {}
    steps = []
    for step in run.pipeline.steps:
        if plan is not None and step.name in plan.part.left_out:
            steps.append(StepForecast(step.name, "left out", plan.left_out))
            continue
        if plan is not None and step.name in plan.part.taken:
            if (result := plan.steps[step.name].result) is not None:
                known[step.name] = result
            steps.append(StepForecast(step.name, "taken", plan.note(step.name), cached_from=plan.source))
            continue
        open_ = tuple(name for name in step.predecessors if name not in known)
        results = {name: known[name] for name in step.predecessors if name in known}
        lookup = cache.look_up(run, step, kernel, results, open_, ask=False)
        found = _judge(step, lookup, open_, seconds.get(step.name))
        if found.outcome == "cached" and lookup.hit is not None:
            known[step.name] = lookup.hit.result
        steps.append(found)
    return Forecast(tuple(steps))


def _judge(step: Step, lookup: Lookup, open_: tuple[str, ...], seconds: float | None) -> StepForecast:
    if lookup.hit is None:
        return StepForecast(step.name, "runs", lookup.note, seconds=seconds)
    given = {taken.source for taken in step.inputs}
    # Without a value of theirs, such steps can matter by the files that they leave.
    on = tuple(name for name in open_ if name in given or lookup.hit.result.files)
    if not on:
        return StepForecast(step.name, "cached", lookup.note, cached_from=lookup.hit.run, seconds=seconds)
    names = " and ".join(on)
    what = "values" if set(on) <= given else "values or files"
    reason = f"runs unless the {what} of {names} come out unchanged"
    return StepForecast(step.name, "depends", reason, on, seconds=seconds)
