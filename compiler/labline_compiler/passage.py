"""What passes a step by: what cells below its own take as cells above its own have made it.

A step that changes such a thing, which it is believed not to touch, makes others miss the change: the guards go by what
is told here (:mod:`labline_runtime.guard`). All of it follows from the pipeline alone. Places are those of cells in the
notebook. A step whose cells stand on both sides of another's is looked at a stretch of consecutive cells at a time, and
so is whoever stands between.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Iterator

from labline_compiler.analysis.hidden_state import AMBIENT, PATCH
from labline_compiler.pipeline import Pipeline, Step, Stretch
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import HIDDEN_STATE_PREFIX, CellSource, Looped, Pause, Reading, Tries, code_digest

# Without a seed the notebook itself draws other numbers in every run, so there is no state to keep.
NEEDS_A_SEED = ("@random", "@numpy.random", "@torch.random")
SEEDING = re.compile(r"seed\w*\s*\(|setstate|set_state")
"""What the source of a cell has that seeds a generator."""
# What all later code may depend on. Of the working directory it is known which code does.
_EVERYWHERE = frozenset(state for state in (*AMBIENT, PATCH) if state != "@cwd")


def everywhere(step: Step) -> frozenset[str]:
    """The hidden state that code like that of *step* may depend on, wherever it stands."""
    states = {name for name in step.uses if name.startswith(HIDDEN_STATE_PREFIX)}
    return _EVERYWHERE.union(states).difference(NEEDS_A_SEED)


def looped(step: Step, cells: Iterable[CellSource]) -> Looped:
    """What whoever runs the items of *step*'s loop apart has to know of it; *cells* are all that the step runs."""
    loop, options = step.loop, step.options
    if loop is None or options.foreach is None:
        raise ValueError(f"step {step.name} has no loop to run apart")
    tries = Tries(options.retries, options.backoff, options.retry_on, options.timeout)
    return Looped(
        loop.cell,
        loop.start,
        loop.end,
        tuple(sorted(everywhere(step))),
        code_digest(cells),
        tries if options.foreach.allow_failures else None,
    )


def readings(pipeline: Pipeline) -> tuple[Reading, ...]:
    """All things that steps take: what passes whom by follows from it."""
    return _readings(pipeline).of


class Passage:
    """What passes the stretches of the step called *name*."""

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        self._steps = pipeline.steps
        self._step = pipeline.step(name)
        self._own = _stretches(self._step)
        self._readings = _readings(pipeline)

    @property
    def passing(self) -> dict[str, tuple[str, ...]]:
        """By source, what cells below all of the step take of what stood above its last stretch.

        Hidden state that nobody above has set comes from "". What only some code depends on is there where the cells
        below are seen to use it; "@patch:" stands for all that may be put into libraries.
        """
        return self._passing(self._own[-1])

    @property
    def unawaited(self) -> dict[str, str]:
        """The files that others' code names and that a write in the last stretch would spoil, by path, with one step.

        Others that come before or after the step, as the pipeline orders them, where the notebook has it otherwise or
        where the pipeline does not order them at all; and only files that the step's own code does not name.
        """
        return self._unawaited(self._own[-1])

    @property
    def seeded(self) -> tuple[str, ...]:
        """The generators of random numbers that a step above seems to have seeded and that this one is not seen to use.

        If it draws from one all the same, it begins elsewhere than the notebook would.
        """
        above = [step for step in self._steps if min(c.index for c in step.cells) < self._own[0].first]
        seeding = [step for step in above if any(SEEDING.search(cell.source) for cell in step.cells)]
        states = {state for step in seeding for state in step.uses}.intersection(NEEDS_A_SEED)
        taken = {name for each in self._step.inputs for name in each.names}
        return tuple(sorted(states.difference(self._step.uses, taken)))

    @property
    def names(self) -> frozenset[str]:
        """All names that pass one of the stretches by."""
        return frozenset(name for here in self._own for names in self._passing(here).values() for name in names)

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """The places between the step's stretches."""
        pairs = zip(self._own, self._own[1:], strict=False)
        return tuple(self._pause(here, after, self._passing(here)) for here, after in pairs)

    @property
    def brief_pauses(self) -> tuple[Pause, ...]:
        """The same without what :func:`readings` tells: where its stretches stand stands for that."""
        return tuple(self._pause(here, after, {}) for here, after in zip(self._own, self._own[1:], strict=False))

    @property
    def span(self) -> tuple[int, int]:
        """Where the last stretch stands, from the first of its cells to the last."""
        return self._own[-1].first, self._own[-1].last

    def _pause(self, here: Stretch, after: Stretch, passing: dict[str, tuple[str, ...]]) -> Pause:
        handed = {name for output in self._step.outputs for name in output.names}
        given = {
            name
            for step, stretch in self._others()
            if here.last < stretch.first < after.first
            for name in stretch.needs.get(self._step.name, ())
        }
        again = {
            name
            for below in self._own
            if below.first > here.last
            for name in below.needs.get(self._step.name, ())
            if _maker(self._step, name, below.first).last <= here.last
        }
        inputs = [(taken.source, name) for taken in self._step.inputs for name in taken.names]
        return Pause(
            here.last,
            passing=passing,
            unaltered=here.unaltered,
            unawaited=self._unawaited(here),
            given=tuple(sorted(given)),
            again=tuple(sorted(again - handed)),
            takes=tuple(name for source, name in inputs if here.last < self._made(source, name) < after.first),
            span=(here.first, here.last),
        )

    def _passing(self, here: Stretch) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for each in self._readings.of:  # in order
            if each.passes(self._step.name, here.first, here.last):
                names = found.setdefault(each.source, [])
                if not names or names[-1] != each.name:
                    names.append(each.name)
        return {source: tuple(names) for source, names in found.items()}

    def _unawaited(self, here: Stretch) -> dict[str, str]:
        found: dict[str, str] = {}
        if not self._readings.files:
            return found
        later, earlier = self._ordered()
        for step, stretch in self._others():
            ordered = later if stretch.first > here.last else earlier
            if step.name not in ordered:
                found |= {path: step.name for path in stretch.files if path not in self._step.files}
        return found

    def _ordered(self) -> tuple[set[str], set[str]]:
        """The steps that wait for this one, and those that it waits for."""
        later = {self._step.name}
        for step in self._steps:
            if not later.isdisjoint(step.predecessors):
                later.add(step.name)
        earlier = {self._step.name}
        for step in reversed(self._steps):
            if step.name in earlier:
                earlier.update(step.predecessors)
        return later, earlier

    def _others(self) -> Iterator[tuple[Step, Stretch]]:
        for step in self._steps:
            if step is not self._step:
                for stretch in _stretches(step):
                    yield step, stretch

    def _made(self, source: str, name: str) -> int:
        """The place where *source* has made *name* for good."""
        return _maker(next(step for step in self._steps if step.name == source), name).last


class _Readers:
    """Where the lowest cells that read a thing begin, in the two steps that have the lowest."""

    def __init__(self) -> None:
        self.step = ""
        self.lowest = self.of_others = -1

    def add(self, step: str, first: int) -> None:
        """Cells of *step* that begin at *first* read it, too."""
        if step == self.step:
            self.lowest = max(self.lowest, first)
        elif first > self.lowest:
            self.step, self.lowest, self.of_others = step, first, self.lowest
        else:
            self.of_others = max(self.of_others, first)


@dataclass(frozen=True)
class _Readings:
    """Who reads what, in a whole pipeline. Gathered once: asking it anew for each step takes steps times steps.

    ``of`` is in order. ``files``: whether any step's code names files.
    """

    of: tuple[Reading, ...]
    files: bool


_known: dict[int, tuple[weakref.ref[Pipeline], _Readings]] = {}


def _readings(pipeline: Pipeline) -> _Readings:
    number = id(pipeline)
    known = _known.get(number)
    if known is not None and known[0]() is pipeline:
        return known[1]

    def forget(_: object) -> None:
        _known.pop(number, None)

    readings = _gather(pipeline)
    _known[number] = (weakref.ref(pipeline, forget), readings)
    return readings


def _gather(pipeline: Pipeline) -> _Readings:
    by_name = {step.name: step for step in pipeline.steps}
    found: dict[tuple[str, str, int], _Readers] = {}
    for step in pipeline.steps:
        for below in _stretches(step):
            taken = {name: source for source, names in below.needs.items() for name in names}
            used = _EVERYWHERE.union(below.uses)
            taken |= {state: "" for state in used if state not in taken and state not in NEEDS_A_SEED}
            for name, source in taken.items():
                if not name.startswith(HIDDEN_STATE_PREFIX) or name in used:
                    made = _maker(by_name[source], name, below.first).last if source else -1
                    found.setdefault((source, name, made), _Readers()).add(step.name, below.first)
    rows = tuple(Reading(*of, read.step, read.lowest, read.of_others) for of, read in sorted(found.items(), key=_thing))
    return _Readings(rows, any(stretch.files for step in pipeline.steps for stretch in _stretches(step)))


def _thing(item: tuple[tuple[str, str, int], _Readers]) -> tuple[str, str, int]:
    return item[0]


def _maker(source: Step, name: str, before: float = float("inf")) -> Stretch:
    """The stretch of *source* that made *name* as cells see it that begin at *before*."""
    above = [stretch for stretch in _stretches(source) if stretch.last < before]
    made = [stretch for stretch in above if name in stretch.makes]
    return (made or above or _stretches(source))[-1]


def _stretches(step: Step) -> tuple[Stretch, ...]:
    return step.stretches or (step.stretch,)
