"""What is reached by a text: code that is spelled out in one, modules by their names."""

from __future__ import annotations

import ast

from labline_compiler.analysis import hidden_state
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.heap import MAIN, NOTHING, Value
from labline_compiler.analysis.own_names import OwnNames
from labline_compiler.analysis.texts import ANY
from labline_compiler.syntax import parse


class OutOfSight(OwnNames):
    """What code does of which a text tells what it uses."""

    _code: dict[ast.AST, ast.Module | None]  # what calls of exec and eval are handed

    def import_file(self, module: str) -> None:
        """A module is imported, which may lie beside the notebook."""
        raise NotImplementedError

    def code_in(self, origin: str, arguments: Arguments) -> ast.Module | None:
        """The code that ``exec`` or ``eval`` is handed, where it is spelled out and runs among the notebook's names."""
        call = arguments.node
        if call is None or len(call.args) != 1 or call.keywords or self.state.frame is not self.state.module:
            return None
        if call not in self._code:
            text = self.text(call.args[0])
            tree = None
            if text is not None and ANY not in text:
                try:
                    tree = parse(text.strip() if origin.endswith("eval") else text)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    tree = None
            for inner in ast.walk(tree) if tree is not None else ():
                ast.copy_location(inner, call)  # there is no other place in the cell to point at
            self._code[call] = tree
        return self._code[call]

    def run_code(self, code: ast.Module) -> Value:
        """Follow code that stands in a text, as if it stood in the cell. Returns the value of the last expression."""
        raise NotImplementedError

    def module_called(self, name: ast.expr | None, node: ast.AST, *, top: bool = False) -> Value:
        """The module that an expression names; with *top* the package that it is in."""
        text = self.text(name)
        if text == MAIN or (isinstance(name, ast.Name) and name.id == "__name__"):
            return self.heap.library(MAIN, "module")
        if text is None or ANY in text:
            self.import_file(ANY)
            held = NOTHING.union(*(self.heap.library(each, "module") for each in hidden_state.SEEDED_MODULES))
            return self.heap.make(self.site(node, "module"), None, held)
        self.import_file(text)
        return self.heap.library(text.partition(".")[0] if top else text, "module")
