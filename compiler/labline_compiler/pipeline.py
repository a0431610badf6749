"""The intermediate representation: what a notebook means as a pipeline. Frozen, typed, JSON round-trip, versioned.

Order matters in one place only: ``Pipeline.steps`` is a topological order that keeps the notebook's order wherever the
edges leave a choice.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any, Literal

from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_json, to_json
from labline_runtime.outcome import Observation
from labline_runtime.specification import Backoff, CellSource, Registration, Setup, StepOutput

SCHEMA_VERSION = 1

MODEL_NAME = re.compile(r"[^\s/:@.%\"'][^/:@.%\"']*")
"""What a registered model may be called."""

ValueKind = Literal["data", "model", "scalar"]
"""What a value is: frames and arrays, a fitted model or transformer, or something that has no parts."""

SUBCLASSES = "__subclasses__"
_DEFINITION = re.compile(r"\b(?:def|class|lambda)\b")


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
class Foreach:
    """The user's wish that the items of a step's loop run side by side, each in a process of its own.

    ``parallel`` bounds how many at once. With ``allow_failures`` an item that fails does not fail the step. With
    ``pool`` they share processes: each of them runs many items, one after the other.
    """

    parallel: int | None = None
    allow_failures: bool = False
    pool: bool = False


@dataclass(frozen=True)
class Toleration:
    """A taint of nodes that a step puts up with, in Kubernetes' words; ``seconds`` long, where it is to leave then."""

    key: str | None = None
    operator: str = "Equal"
    value: str | None = None
    effect: str | None = None
    seconds: int | None = None


@dataclass(frozen=True)
class StepOptions:
    """What the tags and the metadata ask of the target, per step. Seconds where a time is meant."""

    limits: dict[str, str] = field(default_factory=dict)  # resource name -> Kubernetes quantity
    requests: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    node_selector: dict[str, str] = field(default_factory=dict)  # labels that a node must have
    tolerations: tuple[Toleration, ...] = ()
    secrets: tuple[tuple[str, ...], ...] = ()  # (secret name, key, environment variable)
    secret_files: tuple[tuple[str, ...], ...] = ()  # (secret name, mount path): a file a key
    config_maps: tuple[tuple[str, ...], ...] = ()  # (config map, key, environment variable)
    config_map_files: tuple[tuple[str, ...], ...] = ()  # (config map, mount path): a file a key
    volumes: tuple[tuple[str, ...], ...] = ()  # (claim, mount path), and the environment variable that names the path
    pull_secrets: tuple[str, ...] = ()  # by which the image is fetched
    service_account: str | None = None
    image: str | None = None
    cache: bool | None = None  # None: as the pipeline says
    report: bool | None = None
    retries: int = 0
    backoff: Backoff | None = None  # None: tried again at once
    retry_on: tuple[str, ...] = ()  # names of exceptions and codes of findings; empty: whatever it failed of
    timeout: float | None = None
    post_mortem: bool = False  # where it fails for good, its process stays for a debugger
    foreach: Foreach | None = None
    exit: tuple[str, ...] = ()  # of a step that ends every run: the parameters that are the run's outcome, and error
    register: Registration | None = None  # a model that it makes, with MLflow


@dataclass(frozen=True)
class Stretch:
    """Consecutive cells of a step, from the notebook's cell ``first`` to cell ``last``.

    ``needs`` are the names that its cells take as cells above have made them, by step (the step itself included);
    ``makes`` those of which it makes what somebody needs. ``unaltered``, ``uses`` and ``files`` are as those of
    :class:`Input` and :class:`Step`.
    """

    first: int
    last: int
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    makes: tuple[str, ...] = ()
    unaltered: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loop:
    """A loop that is all of a step's code, with items that do not depend on each other as far as can be seen.

    In the source of the step's cell with the index ``cell``, what it goes through is written from the character
    ``start`` to ``end``. ``gathers`` are the lists and dictionaries, empty before the loop, to which each item adds.
    Of the inputs ``listed`` the step's code needs nothing but the item.
    """

    cell: int
    start: int
    end: int
    gathers: tuple[str, ...]
    listed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Condition:
    """What the one ``if`` that is all of a step's code asks, as it is written in the cell with the index ``cell``."""

    cell: int
    text: str


@dataclass(frozen=True)
class Step:
    """One or more cells that run together in a process of their own.

    ``inputs`` carry data; ``after`` names the steps that must merely come first (``prev:`` tags without data, files).
    ``kinds`` says what the values of ``outputs`` are, by name, where that can be seen. ``parameters`` are the pipeline
    parameters the step reads. Preamble cells (imports, functions) are the pipeline's.
    ``uses`` and ``files`` are what the guards go by: the hidden state that the code is seen to use, with names that it
    reads and nothing binds, and the files it names (relative to the notebook's folder). ``stretches`` are told of a
    step that has cells on both sides of another's. ``keepers`` are the steps it waits for that may keep something of
    an input that it may alter, ``files_of`` those, in the notebook's order, whose files it may use: a target where
    steps share no folder hands these on. A ``loop`` is another way to run the same cells, with the same outcome; a
    target may do without.
    """

    name: str
    cells: tuple[CellSource, ...]
    parameters: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    kinds: dict[str, ValueKind] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    options: StepOptions = field(default_factory=StepOptions)
    uses: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    keepers: tuple[str, ...] = ()
    files_of: tuple[str, ...] = ()
    setups: tuple[Setup, ...] = ()  # what steps above have set up, and this one sets up again
    loop: Loop | None = None  # whose items are to run in processes of their own
    condition: Condition | None = None

    @functools.cached_property  # asked for once for every pair of steps
    def stretch(self) -> Stretch:
        """All of the step as one stretch."""
        own = [cell.index for cell in self.cells]
        return Stretch(
            min(own),
            max(own),
            {taken.source: taken.names for taken in self.inputs},
            tuple(name for output in self.outputs for name in output.names),
            tuple(name for taken in self.inputs for name in taken.unaltered),
            self.uses,
            self.files,
        )

    @functools.cached_property
    def predecessors(self) -> tuple[str, ...]:
        """The steps this one waits for, without repeats."""
        return tuple(dict.fromkeys([*(i.source for i in self.inputs), *self.after]))


@dataclass(frozen=True)
class Edge:
    """One step waits for another."""

    source: str
    target: str
    names: tuple[str, ...]


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
    description: str | None = None
    timeout: float | None = None  # seconds that a run may take
    service_account: str | None = None  # as which a cluster runs the pods of a run
    metadata: dict[str, Any] = field(default_factory=dict)  # the notebook's kernelspec and language_info
    observed: tuple[Observation, ...] = ()  # what earlier runs saw the steps do, taken into account
    parallel_random: bool = False  # every step draws from generators of its own, so that none waits for another's
    schema: int = SCHEMA_VERSION

    @property
    def summary(self) -> str:
        """What the pipeline is, in the user's words or else in ours."""
        return self.description or f"Compiled by Labline from {self.notebook}."

    def step(self, name: str) -> Step:
        """The step called *name*. Raises ``KeyError``."""
        return self._by_name[name]

    @functools.cached_property
    def _by_name(self) -> dict[str, Step]:
        return {step.name: step for step in self.steps}

    @functools.cached_property
    def writers(self) -> frozenset[str]:
        """The steps that may write files which others use."""
        return frozenset(source for step in self.steps for source in step.files_of)

    @functools.cached_property
    def asks_for_subclasses(self) -> bool:
        """Whether any code asks for the subclasses of a class."""
        cells = (*self.preamble, *(cell for step in self.steps for cell in step.cells))
        return any(SUBCLASSES in cell.source for cell in cells)

    def definitions(self, name: str) -> tuple[CellSource, ...]:
        """The cells of other steps that may define functions and classes which the step called *name* takes."""
        if not self.step(name).inputs or not self._defining:
            return ()
        above = self._closure(name, lambda step: [taken.source for taken in step.inputs])
        return tuple(cell for step, cell in self._defining if step in above)

    @functools.cached_property
    def _defining(self) -> list[tuple[str, CellSource]]:
        cells = ((step.name, cell) for step in self.steps for cell in step.cells)
        return [(step, cell) for step, cell in cells if _DEFINITION.search(cell.source)]

    def is_above(self, first: str, second: str) -> bool:
        """Whether all cells of the step called *first* stand above all of *second*."""
        return self.step(first).stretch.last < self.step(second).stretch.first

    def is_ordered(self, first: str, second: str) -> bool:
        """Whether one of the two waits for the other, directly or not."""
        return first in self._awaited(second) or second in self._awaited(first)

    def _awaited(self, name: str) -> set[str]:
        return self._closure(name, lambda step: step.predecessors)

    def _closure(self, name: str, above: Callable[[Step], Iterable[str]]) -> set[str]:
        """All steps that are *above* the one called *name*, directly or not."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            new = set(above(self.step(ahead.pop()))) - found
            found |= new
            ahead += new
        return found

    def types(self, name: str) -> dict[str, str]:
        """What the values that the step called *name* hands on are believed to be: by name, the type that was seen."""
        return self._types.get(name, {})

    @functools.cached_property
    def _types(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for fact in self.observed:
            if fact.kind == "is":
                value, seen = fact.names
                found.setdefault(fact.step, {})[value] = seen
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
