"""What a verification looks at: which values of the notebook stand for which of the pipeline, and when.

A step's inputs are looked at just before its first own cell in notebook order, what it hands on just after its last.
Where its cells stand on both sides of another's, this holds for the stretch of cells that takes or makes the value.
The cells of the reference are the notebook's own, not the compiler's: only where a parameter is overridden is its cell
replaced by the parameters and what else the cell holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from labline_compiler.compile import CellRoleInfo
from labline_compiler.notebook import Notebook
from labline_compiler.passage import Passage
from labline_compiler.pipeline import Pipeline, Step
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import CellSource
from labline_runtime.verification import Moment, ReferenceCell

Role = Literal["input", "output", "parameter"]


@dataclass(frozen=True)
class Place:
    """A value at a step boundary. ``source`` is the step that hands it on, None for a pipeline parameter.

    ``after`` is the number of the notebook's cells that have run then.
    """

    step: str
    name: str
    role: Role
    source: str | None
    after: int


@dataclass(frozen=True)
class Plan:
    """The reference's cells, and all that is to be compared in the order of the pipeline's steps."""

    cells: tuple[ReferenceCell, ...]
    places: tuple[Place, ...]

    def moments(self, expected: Mapping[tuple[str, str], str], parameters: Mapping[str, str]) -> tuple[Moment, ...]:
        """What the reference is to look at. *expected* and *parameters* hold the digests that the pipeline has."""
        names: dict[int, dict[str, set[str]]] = {}
        for place in self.places:
            known = parameters.get(place.name) if place.source is None else expected.get((place.source, place.name))
            names.setdefault(place.after, {}).setdefault(place.name, set()).update(filter(None, [known]))
        return tuple(
            Moment(after, tuple(at), {name: tuple(sorted(digests)) for name, digests in at.items() if digests})
            for after, at in sorted(names.items())
        )


def plan(
    notebook: Notebook, roles: tuple[CellRoleInfo, ...], pipeline: Pipeline, parameters: Mapping[str, str]
) -> Plan:
    """Plan the verification of *pipeline*, compiled from *notebook*, run with *parameters* (all, as literals)."""
    overridden = {p.cell_index for p in pipeline.parameters if parameters[p.name] != p.default}
    rests = {cell.index: cell for step in pipeline.steps for cell in step.cells if cell.role == "parameters"}
    cells = []
    for info in roles:
        source = notebook.cells[info.index].source
        if info.role == "skip" or not source.strip():
            continue
        bound: dict[str, str] = {}
        label = "" if info.origin is None else info.origin.number
        if info.index in overridden:
            bound = {p.name: parameters[p.name] for p in pipeline.parameters if p.cell_index == info.index}
            source = rests[info.index].source if info.index in rests else ""
        cells.append(ReferenceCell(CellSource(info.index, info.id, source, info.role, label=label), bound))
    order = {each.cell.index: place for place, each in enumerate(cells)}
    return Plan(tuple(cells), tuple(place for step in pipeline.steps for place in _places(step, pipeline, order)))


def _places(step: Step, pipeline: Pipeline, order: Mapping[int, int]) -> list[Place]:
    own = [order[cell.index] for cell in step.cells]
    before, after = min(own), max(own) + 1
    late = {
        name: min(place for place in own if place > order[pause.after])
        for pause in Passage(pipeline, step.name).pauses
        for name in pause.takes
    }
    made = {name: order[stretch.last] + 1 for stretch in step.stretches for name in stretch.makes}
    defined = {p.name: order[p.cell_index] for p in pipeline.parameters}
    inputs = [(name, taken.source) for taken in step.inputs for name in taken.names]
    outputs = [name for output in step.outputs for name in output.names]
    return [
        *(Place(step.name, name, "parameter", None, before) for name in step.parameters if defined[name] < before),
        *(Place(step.name, name, "input", source, late.get(name, before)) for name, source in inputs),
        *(Place(step.name, name, "output", step.name, made.get(name, after)) for name in outputs),
    ]
