"""Steps that have cells on both sides of another's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from labline_compiler.assignment import CodeCell
from labline_compiler.findings import Edit, Finding, TagEdit, finding
from labline_compiler.notebook import Cell
from labline_compiler.pipeline import StepOptions


def interrupted(cells: Sequence[CodeCell]) -> set[str]:
    """The steps that have cells on both sides of another's."""
    steps = [c.step for c in cells if c.step is not None and c.parsed is not None]
    starts = Counter(step for step, above in zip(steps, [None, *steps], strict=False) if step != above)
    return {step for step, count in starts.items() if count > 1}


def interleaved(all_cells: Sequence[CodeCell]) -> Iterator[Finding]:
    """Say which steps stand on both sides of others, though nothing is seen to flow between."""
    cells = [c for c in all_cells if c.step is not None and c.parsed is not None]
    last: dict[str, int] = {}  # the place of each step's last cell so far
    told: set[str] = set()
    for place, c in enumerate(cells):
        step = c.step or ""
        if (before := last.get(step)) is not None and before < place - 1 and step not in told:
            told.add(step)
            between = [each.cell.number for each in cells[before + 1 : place]]
            others = " and ".join(dict.fromkeys(each.step or "" for each in cells[before + 1 : place]))
            message = (
                f"Step {step} goes on in cell {c.cell.number}, after step {others} (cell {between[0]}); "
                f"it runs as a whole, cell {c.cell.number} too."
            )
            yield finding("LL207", message, cell=c.cell.place, step=step)
        last[step] = place


def with_own_name(found: Finding, options: Mapping[str, StepOptions], cells: Sequence[CodeCell]) -> Finding:
    """Offer the later stretches of an interrupted step names of their own, where it has no options to share."""
    step = found.step
    if found.code != "LL202" or step is None or options.get(step) != StepOptions():
        return found
    taken = {c.step for c in cells}
    edits: list[TagEdit] = []
    number, inside, name = 1, False, step
    for c in cells:
        if c.role not in ("step", "metrics"):
            continue
        if c.step != step:
            inside = False
            continue
        if not inside:
            inside = True
            name = step if number == 1 else f"{step[:60]}_{number}"
            number += 1
        if name != step and c.tags.step == step:
            edits += [TagEdit(c.cell.id, tag, f"step:{name}") for tag in _step_tags(c.cell, step)]
    if taken & {str(edit.add).partition(":")[2] for edit in edits} or not edits:
        return found
    return replace(found, edit=Edit(f"Give the later cells of {step} a step of their own", tags=tuple(edits)))


def _step_tags(cell: Cell, name: str) -> list[str]:
    tags = [tag.strip() for tag in cell.metadata.get("tags", ())]
    heads = {tag: tag.partition(":") for tag in tags}
    return [tag for tag, part in heads.items() if part[0] in ("step", "block") and part[2].strip() == name]
