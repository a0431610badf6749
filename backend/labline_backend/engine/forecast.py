"""What a run would do, step by step, said before it runs. It asks the cache as the run will, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from labline_backend.engine.cache import Cache, Lookup
from labline_backend.engine.capacity import Share
from labline_backend.engine.earlier import Plan
from labline_backend.engine.local_options import share
from labline_backend.engine.makespan import Makespan, Work, makespan
from labline_backend.engine.variables import environment
from labline_backend.kernels import Kernel
from labline_backend.store.records import RunRecord
from labline_compiler.pipeline import Pipeline, Step
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import StepResult

ITEMS_LOOKED_UP = 1000  # of a loop, at most

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
    """All steps, in the pipeline's order, and how long they take by the clock, as far as they have run before.

    ``surely`` counts the steps that run for sure, ``at_most`` every step that may have to run. ``cores`` are what they
    share; None where they get as many as they like.
    """

    steps: tuple[StepForecast, ...]
    surely: Makespan
    at_most: Makespan
    cores: int | None

    @property
    def work(self) -> float:
        """Seconds of all steps that may have to run, added up."""
        return sum(step.seconds or 0.0 for step in self.steps if step.outcome in ("runs", "depends"))


def forecast(
    cache: Cache,
    run: RunRecord,
    kernel: Kernel,
    seconds: Mapping[str, float],
    limit: Share | None,
    plan: Plan | None = None,
    last: Mapping[str, StepResult] = MappingProxyType({}),
) -> Forecast:
    """Foresee *run*, which need not be in the store. *seconds* are what steps took in earlier runs, by name.

    They share the machine's *limit*. With a *plan* only a part of the pipeline runs. *last* are results of steps when
    they last ran.
    """
    known: dict[str, StepResult] = {}
    variables = environment(kernel, {})
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
        lookup = cache.look_up(run, step, kernel, results, open_, ask=False, variables=variables)
        found = _judge(step, lookup, open_, seconds.get(step.name))
        if found.outcome in ("runs", "depends") and run.cache:
            found = replace(found, reason=found.reason + _items(cache, step, lookup, {**last, **known}))
        if found.outcome == "cached" and lookup.hit is not None:
            known[step.name] = lookup.hit.result
        steps.append(found)
    return timed(run.pipeline, tuple(steps), limit)


def timed(pipeline: Pipeline, steps: tuple[StepForecast, ...], limit: Share | None) -> Forecast:
    """The forecast of *steps*, with the time that they take where they share *limit*; None: as much as they like."""

    others = tuple(step.name for step in pipeline.steps if not step.options.exit)

    def laid_out(*outcomes: Outcome) -> Makespan:
        seconds = {step.name: step.seconds or 0.0 for step in steps if step.outcome in outcomes}
        works = [
            Work(step.name, others if step.options.exit else step.predecessors, seconds[step.name], share(step))
            for step in pipeline.steps
            if step.name in seconds
        ]
        return makespan(works, limit)

    surely, at_most = laid_out("runs"), laid_out("runs", "depends")
    if surely.seconds > at_most.seconds:  # one step more may, by another order, shorten the whole
        at_most = surely
    return Forecast(steps, surely, at_most, limit.cores if limit is not None else None)


def _items(cache: Cache, step: Step, lookup: Lookup, results: Mapping[str, StepResult]) -> str:
    """What is known of the items of the loop that *step* may be: which it will have, only a run finds out."""
    listed = results[step.name].listed if step.loop is not None and step.name in results else ()
    if not listed or len(listed) > ITEMS_LOOKED_UP:
        return ""
    count = cache.items_known(lookup, step, results, listed)
    return f"; of the {len(listed)} items of its last run {count or 'none'} can be used again"


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
