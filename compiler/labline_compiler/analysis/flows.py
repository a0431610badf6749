"""What flows between steps, and what it is worked out from."""

from __future__ import annotations

import ast
from dataclasses import field

from labline_compiler.findings import Finding
from labline_compiler.ipython import ParsedCell
from labline_compiler.notebook import Cell
from labline_compiler.pipeline import Parameter, Stretch, ValueKind
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import Observation

PREAMBLE = "<preamble>"
PARAMETERS = "<parameters>"
NO_STEPS = (PREAMBLE, PARAMETERS)


@dataclass(frozen=True, eq=False)
class Unit:
    """A cell, or a part of one, that runs in one step. Parameters are a unit of their own."""

    cell: Cell
    step: str
    parsed: ParsedCell | None = None
    parameters: tuple[Parameter, ...] = ()
    cell_number: int = 0  # of its run in the notebook, as IPython counts


@dataclass(eq=False, slots=True)
class Version:
    """What a name is after a step bound it or altered what it stands for."""

    name: str
    step: str
    segment: int  # which stretch of consecutive cells, of all steps
    parent: Version | None  # what it was before
    always: bool  # surely bound anew, so that the step does not need the parent
    cell: Cell
    unbound: bool = False  # may be unbound again
    statement: ast.stmt | None = None  # that did it
    suspect: ast.Call | None = None  # of a generator of random numbers: what may seed it
    starred: bool = False  # maybe bound by a star import above, as was found when the name was read


@dataclass
class StretchFlow:
    """What consecutive cells of one step need and make. Between two stretches stand cells of something else."""

    first: int  # places of cells in the notebook
    last: int
    needs: dict[str, Version] = field(default_factory=dict)  # as made above, by this step or another
    makes: set[str] = field(default_factory=set)  # names of which it makes a version that somebody needs
    unaltered: set[str] = field(default_factory=set)  # inputs left as they are that others' cells further down need
    uses: set[str] = field(default_factory=set)  # hidden state that its code is seen to use
    files: set[str] = field(default_factory=set)  # paths that its code names and reads or writes

    def told(self) -> Stretch:
        """As the pipeline tells it."""
        needs: dict[str, list[str]] = {}
        for name, version in sorted(self.needs.items()):
            needs.setdefault(version.step, []).append(name)
        return Stretch(
            self.first,
            self.last,
            {source: tuple(names) for source, names in sorted(needs.items())},
            *(tuple(sorted(names)) for names in (self.makes, self.unaltered, self.uses, self.files)),
        )


@dataclass
class StepFlow:
    """What one step takes and gives."""

    inputs: dict[str, Version] = field(default_factory=dict)
    altered: set[str] = field(default_factory=set)  # inputs that it may alter, or bind anew
    parameters: set[str] = field(default_factory=set)
    groups: list[list[str]] = field(default_factory=list)
    kinds: dict[str, ValueKind] = field(default_factory=dict)  # of values that it gives, by name, where that is known
    optional: set[str] = field(default_factory=set)
    after: dict[str, None] = field(default_factory=dict)
    files_of: dict[str, None] = field(default_factory=dict)  # steps that may have written files which it uses
    stretches: dict[int, StretchFlow] = field(default_factory=dict)  # by segment, in the notebook's order


@dataclass
class Flows:
    """The result: what flows between steps, and what there is to tell."""

    steps: dict[str, StepFlow]
    findings: list[Finding]
    misplaced: set[int]  # cells that cannot run at the start of every step
    telling: set[Observation] = field(default_factory=set)  # what was seen in earlier runs and made a difference
    parted: list[tuple[int, int]] = field(default_factory=list)  # places of cells that may not be in different steps
