"""Which step each code cell belongs to: its own, that of the step above, or one for the cells above all steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from labline_compiler.findings import Finding, finding
from labline_compiler.ipython import ParsedCell
from labline_compiler.notebook import Cell
from labline_compiler.pipeline import Parameter
from labline_compiler.tags import CellTags, without_effect
from labline_runtime.dataclass import dataclass

Role = Literal["imports", "functions", "parameters", "step", "metrics", "skip"]


@dataclass
class CodeCell:
    """A code cell on its way: its tags, the step it was given, and its code parsed."""

    cell: Cell
    tags: CellTags
    role: Role
    step: str | None = None
    parsed: ParsedCell | None = None
    parameters: tuple[Parameter, ...] = ()
    source: str = ""
    number: int = 0  # of its run in the notebook, as IPython counts

    @property
    def units(self) -> tuple[str, ...]:
        """The cells that stand for the notebook it comes from, in a composed one."""
        return self.cell.origin.units if self.cell.origin is not None else ()


def assign_steps(cells: Sequence[CodeCell]) -> tuple[str, list[Finding]]:
    """Give every cell its step. Returns what the step for cells above all steps is called, and what is wrong.

    Where another notebook begins no step goes on. What stands below it belongs to the next step, as in Kale.
    """
    tagged = {c.tags.step for c in cells if c.tags.step is not None and c.role != "skip"}
    taken = tagged | {unit for c in cells for unit in c.units}
    setup, number = "setup", 2
    while setup in taken:
        setup, number = f"setup_{number}", number + 1
    findings = []
    current: str | None = None
    units: tuple[str, ...] = ()
    left: list[tuple[str, ...]] = []  # notebooks whose cells have ended, or in which another one has been put
    held: list[CodeCell] = []
    for c in cells:
        if c.units != units:
            _settle_below(held, units, left, taken)
            left.append(units)
            current, units = None, c.units
        if c.role in ("step", "metrics", "parameters"):
            current = (c.tags.step if c.role != "parameters" else None) or current
            if current is None and any(each[: len(units)] == units for each in left):
                held.append(c)
                continue
            c.step = current or (units[-1] if units else setup)  # of parameters: what is left of them, if anything
            _settle(held, c.step)
        elif c.tags.prev or c.tags.options:
            message = f"Cell {c.cell.number} is {c.role}: its tags for a step change nothing."
            findings.append(finding("LL109", message, cell=c.cell.place, edit=without_effect(c.cell)))
    _settle_below(held, units, left, taken)
    return setup, [*findings, *_alike(tagged)]


def _settle_below(
    held: list[CodeCell], units: tuple[str, ...], left: list[tuple[str, ...]], taken: Iterable[str]
) -> None:
    """Give the cells below a notebook that no step follows a step of their own."""
    if held:
        name = f"after_{left[-1][len(units)]}"
        while name in taken:
            name += "_"
        _settle(held, name)


def _settle(held: list[CodeCell], step: str) -> None:
    for c in held:
        c.step = step
    held.clear()


def _alike(steps: Iterable[str]) -> list[Finding]:
    by_lower: dict[str, str] = {}
    return [
        finding("LL112", f"The steps {other} and {name} differ in case only.")
        for name in sorted(steps)
        if (other := by_lower.setdefault(name.lower(), name)) != name
    ]
