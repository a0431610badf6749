"""Edits of findings that give cells to other steps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from labline_compiler.assignment import CodeCell
from labline_compiler.findings import Edit, Finding, TagEdit
from labline_compiler.notebook import Cell
from labline_compiler.pipeline import StepOptions


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


def merging(
    found: Finding,
    parted: Collection[tuple[int, int]],
    options: Mapping[str, StepOptions],
    all_cells: Sequence[CodeCell],
) -> Finding:
    """Offer to merge a step with the one just above it, where that makes what cannot leave it.

    *parted* are the places of the cells that make such a value, each with that of a cell that takes it.
    """
    step, place = found.step, found.cell_index
    if found.code != "LL406" or step is None or place is None or options.get(step) != StepOptions():
        return found
    cells = [c for c in all_cells if c.step is not None and c.parsed is not None]
    makers = {c.step for c in cells if (c.cell.index, place) in parted}
    steps = [c.step for c in cells]
    first, count = steps.index(step), steps.count(step)
    above = steps[first - 1] if first else None
    own = cells[first : first + count]
    tags = [TagEdit(c.cell.id, tag) for c in own for tag in _step_tags(c.cell, step)]
    follows = makers == {above} and all(c.step == step for c in own)
    named = any(step in c.tags.prev or (c in own and (c.tags.prev or c.role != "step")) for c in all_cells)
    if not follows or named or not tags:
        return found
    return replace(found, edit=Edit(f"Merge step {step} into step {above}", tags=tuple(tags)))


def _step_tags(cell: Cell, name: str) -> list[str]:
    tags = [tag.strip() for tag in cell.metadata.get("tags", ())]
    heads = {tag: tag.partition(":") for tag in tags}
    return [tag for tag, part in heads.items() if part[0] in ("step", "block") and part[2].strip() == name]
