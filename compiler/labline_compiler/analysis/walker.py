"""Follow a whole notebook, cell by cell, in the notebook's order."""

from __future__ import annotations

import ast

from labline_compiler.analysis import scopes
from labline_compiler.analysis.blurring import Blurring
from labline_compiler.analysis.functions import BUDGET
from labline_compiler.analysis.heap import NOTHING
from labline_compiler.analysis.state import Frame
from labline_compiler.ipython import ParsedCell
from labline_compiler.syntax import parse


class Walker(Blurring):
    """Runs the cells of a notebook on abstract values."""

    def run_cell(self, cell: ParsedCell, number: int, source: str) -> None:
        """Follow the next cell; *number* and *source* as IPython has them."""
        self.number, self.source = number, source
        self.last_value = NOTHING
        self.cell(cell)
        self.remember_cell(cell, self.last_value)
        if self.anything:
            self.blur()
        self.cells += 1

    def cell(self, cell: ParsedCell) -> None:
        """Follow a cell, or Python in a magic's line."""
        self.budget = BUDGET
        self.told_spent = self.told_all
        self.done.clear()
        self.read_here.clear()
        self.invoked.clear()
        self.givers.clear()
        self.settled.clear()
        if self.anything:
            self.run_anything()
        if cell.magic is not None:
            self.cell_magic(cell.magic)
        if not cell.local:
            for statement in cell.tree.body:
                self.between_statements()
                self.run([statement])
            return
        frame = Frame(None)
        frame.scope = _everything_local(cell.tree)
        self.state.frames.append(frame)
        try:
            self.run(cell.tree.body)
        finally:
            self.state.frames.pop()

    def parameter(self, name: str, literal: str) -> None:
        """Bind a pipeline parameter."""
        tree = parse(literal, "eval").body
        value = NOTHING
        if not isinstance(tree, (ast.Constant, ast.UnaryOp)):
            kind = {ast.List: "list", ast.Dict: "dict", ast.Set: "set", ast.Tuple: "tuple"}.get(type(tree), "set")
            inner = self.heap.make(("parameter", name, "items"), "container")
            value = self.heap.make(("parameter", name), kind, inner)
        self.state.bind(name, value)


def _everything_local(tree: ast.Module) -> scopes.Scope:
    return scopes.Scope(frozenset(scopes.bound_names(tree.body)), frozenset(), frozenset())
