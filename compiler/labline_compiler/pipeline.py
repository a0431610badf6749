"""The intermediate representation: what a notebook means as a pipeline. Frozen, typed, JSON round-trip, versioned.

Order matters in one place only: ``Pipeline.steps`` is a topological order that keeps the notebook's order wherever the
edges leave a choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labline_runtime.specification import HIDDEN_STATE_PREFIX, CellSource, Observation, StepOutput, from_json, to_json

SCHEMA_VERSION = 1

# Without a seed the notebook itself draws other numbers in every run, so there is no state to keep.
NEEDS_A_SEED = ("@random", "@numpy.random", "@torch.random")


@dataclass(frozen=True)
class Parameter:
    """A pipeline input. ``default`` is a Python literal as text, which is exact for every literal type.

    ``type`` is the Python type's name: int, float, str, bool, list, dict, tuple, set, bytes, complex or NoneType.
    """

    name: str
    default: str
    type: str
    cell_index: int
    line: int


@dataclass(frozen=True)
class Input:
    """Names a step takes from the artifacts of an earlier one.

    ``unaltered`` are those that it is believed to leave as they are and that cells further down need of another step.
    """

    names: tuple[str, ...]
    source: str
    unaltered: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepOptions:
    """What the tags and the metadata ask of the target, per step. Seconds where a time is meant."""

    limits: dict[str, str] = field(default_factory=dict)  # resource name -> Kubernetes quantity
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    secrets: tuple[tuple[str, ...], ...] = ()  # (secret name, key, environment variable)
    volumes: tuple[tuple[str, ...], ...] = ()  # (claim, mount path), and the environment variable that names the path
    image: str | None = None
    cache: bool | None = None  # None: as the pipeline says
    report: bool | None = None
    retries: int = 0
    timeout: float | None = None


@dataclass(frozen=True)
class Step:
    """One or more cells that run together in a process of their own.

    ``inputs`` carry data; ``after`` names the steps that must merely come first (``prev:`` tags without data, files).
    ``parameters`` are the pipeline parameters the step reads. Preamble cells (imports, functions) are the pipeline's.
    ``uses`` and ``files`` are what the guards go by: the hidden state that the code is seen to use, and the files it
    names (relative to the notebook's folder).
    """

    name: str
    cells: tuple[CellSource, ...]
    parameters: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    after: tuple[str, ...] = ()
    options: StepOptions = field(default_factory=StepOptions)
    uses: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def predecessors(self) -> tuple[str, ...]:
        """The steps this one waits for, without repeats."""
        return tuple(dict.fromkeys([*(i.source for i in self.inputs), *self.after]))


@dataclass(frozen=True)
class Edge:
    """One step waits for another."""

    source: str
    target: str
    names: tuple[str, ...]


def _is_above(first: Step, second: Step) -> bool:
    """Whether all cells of *first* stand above all of *second*."""
    return max(c.index for c in first.cells) < min(c.index for c in second.cells)


@dataclass(frozen=True)
class Pipeline:
    """A compiled notebook."""

    name: str
    notebook: str  # file name
    steps: tuple[Step, ...]
    preamble: tuple[CellSource, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    kernel: str = "python3"
    cache: bool = True
    experiment: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)  # the notebook's kernelspec and language_info
    observed: tuple[Observation, ...] = ()  # what earlier runs saw the steps do, taken into account
    parallel_random: bool = False  # every step draws from generators of its own, so that none waits for another's
    schema: int = SCHEMA_VERSION

    def step(self, name: str) -> Step:
        """The step called *name*. Raises ``KeyError``."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def passing(self, name: str) -> dict[str, tuple[str, ...]]:
        """What passes the step called *name* by: by source, what steps wholly below it take from steps wholly above it.

        Hidden state only where the step below is seen to use it; state that nobody above has set comes from "".
        """
        here = self.step(name)
        found: dict[str, dict[str, None]] = {}
        for below in self.steps:
            if not _is_above(here, below):
                continue
            taken = {variable: i.source for i in below.inputs for variable in i.names}
            taken |= {state: "" for state in below.uses if state not in taken and state not in NEEDS_A_SEED}
            for variable, source in taken.items():
                hidden = variable.startswith(HIDDEN_STATE_PREFIX)
                if (not hidden or variable in below.uses) and (not source or _is_above(self.step(source), here)):
                    found.setdefault(source, {})[variable] = None
        return {source: tuple(sorted(names)) for source, names in sorted(found.items())}

    def unawaited(self, name: str) -> dict[str, str]:
        """The files that the code of steps wholly below the step called *name* names, by path, with one such step.

        Only of steps that do not wait for it, and only files that its own code does not name.
        """
        here = self.step(name)
        waiting = {name}
        found: dict[str, str] = {}
        for step in self.steps:
            if not waiting.isdisjoint(step.predecessors):
                waiting.add(step.name)
            elif _is_above(here, step):
                found |= {path: step.name for path in step.files if path not in here.files and path not in found}
        return found

    def edges(self) -> tuple[Edge, ...]:
        """Who waits for whom, with the names handed over; none where only the order matters."""
        found = []
        for step in self.steps:
            names = {
                source: tuple(n for i in step.inputs if i.source == source for n in i.names)
                for source in step.predecessors
            }
            found += [Edge(source, step.name, handed) for source, handed in names.items()]
        return tuple(found)

    def to_json(self) -> str:
        """Write as a JSON document."""
        return to_json(self)

    @staticmethod
    def from_json(text: str) -> Pipeline:
        """Read what :meth:`to_json` wrote. Raises ``ValueError`` where it does not fit."""
        return from_json(Pipeline, text)
