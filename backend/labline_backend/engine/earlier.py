"""What a run of a part of the pipeline takes from an earlier run: the newest one of the notebook that has it all.

All is from one run, so that the values fit together. What has changed since that run made them is told, not refused:
who runs a part asks for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from labline_backend.engine import parameters as run_parameters
from labline_backend.engine.cache import Cache
from labline_backend.kernels import Kernel
from labline_backend.store.records import DONE_STEP, LOCAL, RunRecord, StepRecord
from labline_backend.store.runs import RunStore
from labline_compiler.pipeline import Pipeline
from labline_compiler.selection import Part, Selection, SelectionError, part
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import StepResult

LOOKED_AT = 200  # runs of the notebook


@dataclass(frozen=True)
class Plan:
    """A part of a pipeline that can run.

    ``parameters`` are those of the run. The steps taken are from the run ``source``, as ``steps`` say it; ``changed``
    is what has changed since, in words, by step: the steps taken, and those above them.
    """

    selection: Selection
    part: Part
    parameters: dict[str, str]
    source: str | None = None
    steps: dict[str, StepRecord] = field(default_factory=dict)
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def note(self, name: str) -> str:
        """Where a step comes from that is taken, in words."""
        own = [f"changed since: {', '.join(self.changed[name])}"] if name in self.changed else []
        above = [f"{other} above it has changed" for other in self.changed if other not in self.part.taken]
        return "; ".join([f"taken from the run {self.source}", *own, *above])

    @property
    def left_out(self) -> str:
        """Why a step has no part in the run."""
        chosen = self.selection
        bounds = [f"{word} {name}" for word, name in (("from", chosen.start), ("to", chosen.stop)) if name]
        if chosen.only:
            bounds = [f"only step {chosen.only}"]
        return f"left out: the run is {' '.join(bounds)}"


def plan(
    cache: Cache,
    store: RunStore,
    run: RunRecord,
    kernel: Kernel,
    selection: Selection,
    given: Mapping[str, str],
) -> Plan:
    """How a part of *run*, which need not be in the store, can go. *given* are the parameters that were given for it.

    Parameters that were given for the run that is taken from, and are not given now, are as they were there. Raises
    ``SelectionError``, ``ParameterError``.
    """
    pipeline = run.pipeline
    chosen = part(pipeline, selection)
    parameters = run_parameters.merge(pipeline, given)
    if not chosen.taken:
        return Plan(selection, chosen, parameters)
    above = _above(pipeline, chosen.taken)
    read = [p.name for p in pipeline.parameters if any(p.name in pipeline.step(each).parameters for each in above)]
    reasons: list[str] = []
    for candidate in store.of_notebook(run.folder, run.pipeline.notebook, LOOKED_AT):
        if candidate.target != LOCAL or candidate.verification is not None:
            continue
        steps = {step.name: step for step in store.steps(candidate.id)}
        lacks = [lack for name in chosen.taken if (lack := _lack(cache, pipeline, chosen, name, steps.get(name)))]
        other = [n for n in read if n in given and candidate.parameters.get(n, parameters[n]) != parameters[n]]
        lacks += [
            f"it had {name} = {candidate.parameters[name]}, which step {_reader(pipeline, name, above)} reads"
            for name in other
        ]
        if lacks:
            reasons.append(f"{candidate.id}: {'; '.join(lacks)}")
            continue
        # What was given for that run holds for this one, too: else its values would not fit the parameters.
        defaults = {parameter.name: parameter.default for parameter in candidate.pipeline.parameters}
        inherited = {
            name: value
            for name, value in candidate.parameters.items()
            if name in parameters and name not in given and value != defaults.get(name)
        }
        parameters = run_parameters.merge(pipeline, {**inherited, **given})
        taken = {name: steps[name] for name in chosen.taken}
        changed = dict(_changes(cache, run, parameters, kernel, above, _with_sources(store, candidate, steps)))
        return Plan(selection, chosen, parameters, candidate.id, taken, changed)
    raise SelectionError(_refusal(pipeline, chosen, reasons))


def _refusal(pipeline: Pipeline, chosen: Part, reasons: list[str]) -> str:
    needs = [
        f"step {name} needs {', '.join(taken.names)} of step {taken.source}"
        for name in chosen.runs
        for taken in pipeline.step(name).inputs
        if taken.source in chosen.taken
    ] or [f"step {chosen.runs[0]} comes after {', '.join(chosen.taken)}"]
    last = chosen.taken[-1] if len(chosen.taken) == 1 else None
    way = f"run the notebook to step {last} first" if last else "run the whole notebook first"
    newest = f" The newest, {reasons[0]}." if reasons else ""
    return f"No run of {pipeline.notebook} has what this one starts from ({'; '.join(needs)}): {way}.{newest}"


def _above(pipeline: Pipeline, names: tuple[str, ...]) -> tuple[str, ...]:
    """These steps with all that they wait for, in the pipeline's order."""
    found: set[str] = set()
    ahead = list(names)
    while ahead:
        if (name := ahead.pop()) not in found:
            found.add(name)
            ahead += pipeline.step(name).predecessors
    return tuple(step.name for step in pipeline.steps if step.name in found)


def _reader(pipeline: Pipeline, parameter: str, names: tuple[str, ...]) -> str:
    return next(name for name in names if parameter in pipeline.step(name).parameters)


def _lack(cache: Cache, pipeline: Pipeline, chosen: Part, name: str, record: StepRecord | None) -> str | None:
    """Why the step called *name*, as *record* has it, does not do for the steps that take of it."""
    if record is None or record.state not in DONE_STEP or record.result is None:
        return f"step {name} {'is not in it' if record is None else f'is {record.state}'}"
    step = pipeline.step(name)
    wanted = {
        each
        for below in chosen.runs
        for taken in pipeline.step(below).inputs
        if taken.source == name
        for each in taken.names
    }
    optional = {each for output in step.outputs for each in output.optional}
    holders = {each: artifact for artifact in record.result.artifacts for each in artifact.names}
    if missing := sorted(wanted - optional - set(holders)):
        return f"step {name} did not hand on {', '.join(missing)}"
    for output in step.outputs:  # names that may share objects have to come from one artifact
        if len({holders[each].digest for each in output.names if each in wanted and each in holders}) > 1:
            return f"step {name} handed on {', '.join(output.names)} separately"
    return cache.unfit(record.result, pipeline, step, wanted)


def _with_sources(store: RunStore, run: RunRecord, steps: Mapping[str, StepRecord]) -> dict[str, StepRecord]:
    """The steps of *run*, those left out as they were in the run that it took from, and so on."""
    found = dict(steps)
    while run.control.source is not None:
        run = store.get(run.control.source)
        for step in store.steps(run.id):
            if step.result is not None and found.get(step.name, step).result is None:
                found[step.name] = step
    return found


def _changes(
    cache: Cache,
    run: RunRecord,
    parameters: Mapping[str, str],
    kernel: Kernel,
    names: tuple[str, ...],
    steps: Mapping[str, StepRecord],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    results: dict[str, StepResult] = {n: r.result for n, r in steps.items() if r.result is not None}
    for name in names:
        record = steps.get(name)
        if record is None or record.result is None:
            yield name, ("the step is new",)
        elif words := cache.changed_since(run, parameters, run.pipeline.step(name), kernel, record, results):
            yield name, tuple(words)
