"""Findings on a composed notebook, brought to the notebook that the user has open."""

from __future__ import annotations

from dataclasses import replace

from labline_compiler.findings import Edit, Finding
from labline_compiler.notebook import Notebook


def placed(found: Finding, notebook: Notebook) -> Finding:
    """*found* at its place in the outermost notebook; what is in another one is told of the cell that stands for it.

    Edits are made in the outermost notebook only, so those of others are left out.
    """
    if not notebook.cells or notebook.cells[0].origin is None:
        return found
    own = {cell.id for cell in notebook.cells if cell.origin is not None and not cell.origin.notebook}
    if found.edit is not None and not _touched(found.edit) <= own:
        found = replace(found, edit=None)
    origin = notebook.cells[found.cell_index].origin if found.cell_index is not None else None
    if origin is None:
        return found
    index, identifier = origin.cell
    if not origin.notebook:
        return replace(found, cell_index=index)
    message = found.message
    if origin.notebook not in message:
        line = f", line {found.line}" if found.line is not None else ""
        message = f"{origin.notebook}, cell {origin.index + 1}{line}: {message}"
    return Finding(
        found.code, found.severity, message, index, identifier, step=found.step, fix=found.fix, edit=found.edit
    )


def _touched(edit: Edit) -> set[str]:
    return {text.cell_id for text in edit.texts} | {tag.cell_id for tag in edit.tags}
