"""Steps that are one ``if``: whether they had anything to do is told, and the graph shows what it hangs on."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from labline_compiler.pipeline import Condition
from labline_compiler.syntax import parse
from labline_runtime.specification import CellSource


def find_condition(cells: Sequence[CellSource], trees: Sequence[ast.Module]) -> Condition | None:
    """The condition of the one ``if`` that *cells*, whose code is *trees*, are; None where they are anything else, and
    where it has an ``else``."""
    found = [(cell, statement) for cell, tree in zip(cells, trees, strict=True) for statement in tree.body]
    match found:
        case [(cell, ast.If(orelse=[]))] if all(each.role == "step" for each in cells):
            pass
        case _:
            return None
    try:  # once more: IPython's own syntax is nothing to show, and places are to be those of the text
        statements = [statement for each in cells for statement in parse(each.source).body]
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    test = ast.get_source_segment(cell.source, statements[0].test) or ""
    return Condition(cell.index, " ".join(test.split()))
