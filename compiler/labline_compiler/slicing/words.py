"""How places in the notebook are called, and the one error of this package."""

from __future__ import annotations

import ast

from labline_compiler.notebook import Cell


class SlicingError(Exception):
    """No slice can be made; the message says where, why, and what to write instead."""


def place(cell: Cell, node: ast.AST | None = None) -> str:
    """Where *node* stands, as people count: ``cell 4, line 2``."""
    line = getattr(node, "lineno", None)
    return f"cell {cell.number}" + (f", line {line}" if line else "")
