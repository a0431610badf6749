"""Steps that are one ``if``: whether they had anything to do is told, and the graph shows what it hangs on."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from labline_compiler.pipeline import Condition
from labline_compiler.syntax import parse
from labline_runtime.specification import CellSource


def find_condition(cells: Sequence[CellSource]) -> Condition | None:
    """The condition of the one ``if`` that *cells* are, without ``else``; None where they are anything else."""
    found: list[tuple[CellSource, ast.stmt]] = []
    for cell in cells:
        try:
            found += [(cell, statement) for statement in parse(cell.source).body]
        except (SyntaxError, ValueError, MemoryError, RecursionError):  # IPython's own syntax
            return None
        if cell.role != "step" or len(found) > 1:
            return None
    match found:
        case [(cell, ast.If(test, _, []))]:
            return Condition(cell.index, " ".join((ast.get_source_segment(cell.source, test) or "").split()))
    return None
