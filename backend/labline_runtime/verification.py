"""The contract of a verification: what a reference run is asked to look at, and what it saw.

A target of ``python -m labline_runtime SPEC`` beside the step: the specification's ``task`` says which it is. Only the
standard library is needed to read and write these.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import StepError, ValueRecord
from labline_runtime.specification import CellSource

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ReferenceCell:
    """A cell of the notebook, and the parameters (Python literals) that are bound just before it runs."""

    cell: CellSource
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """When ``after`` cells have run, look at ``names``.

    ``expected`` holds, by name, the digests that the pipeline has for it, in one artifact or in several. A value need
    not be kept where it has them all.
    """

    after: int
    names: tuple[str, ...]
    expected: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ReferenceSpecification:
    """A run of the notebook from top to bottom in one process. Leaves ``result.json`` and ``executed.ipynb``."""

    working_directory: str
    artifacts_directory: str | None  # values that are not as expected are kept here; None: nothing is
    output_directory: str
    cells: tuple[ReferenceCell, ...]
    moments: tuple[Moment, ...]
    scattered: bool = False  # memory that nothing has written holds other bytes than in a plain run
    task: Literal["reference"] = "reference"
    schema: int = SCHEMA_VERSION


@dataclass(frozen=True)
class StoredValue:
    """An artifact file and its digest."""

    path: str
    digest: str


@dataclass(frozen=True)
class Sighting:
    """What a name held at a moment; ``record`` is None where it was not bound, or could not be looked at.

    ``problem`` says why there is no digest, or why the value could not be kept.
    """

    after: int
    name: str
    record: ValueRecord | None
    stored: StoredValue | None = None
    problem: str | None = None


@dataclass(frozen=True)
class ReferenceResult:
    """What the reference run saw, in the order of the moments, as far as it came."""

    python: str
    sightings: tuple[Sighting, ...] = ()
    error: StepError | None = None
    schema: int = SCHEMA_VERSION


@dataclass(frozen=True)
class Pair:
    """One name's value on both sides."""

    name: str
    notebook: StoredValue
    pipeline: StoredValue


@dataclass(frozen=True)
class DifferencesSpecification:
    """Values to be loaded and compared part by part. Leaves ``result.json``."""

    working_directory: str
    output_directory: str
    pairs: tuple[Pair, ...]
    task: Literal["differences"] = "differences"
    schema: int = SCHEMA_VERSION


@dataclass(frozen=True)
class Difference:
    """The first place where two values differ, as an expression, and what stands there on either side."""

    path: str
    notebook: str
    pipeline: str


@dataclass(frozen=True)
class PairResult:
    """The first difference of a pair, or why none can be shown."""

    difference: Difference | None = None
    problem: str | None = None


@dataclass(frozen=True)
class DifferencesResult:
    """One result a pair, in their order."""

    results: tuple[PairResult, ...]
    schema: int = SCHEMA_VERSION
