"""What is reached by a text: code that is spelled out in one, modules by their names."""

from __future__ import annotations

import ast
import re

from labline_compiler.analysis import hidden_state
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.heap import MAIN, NOTHING, Value
from labline_compiler.analysis.own_names import OwnNames
from labline_compiler.analysis.texts import ANY
from labline_compiler.syntax import parse

# What ``sympy.init_session()`` runs in the notebook.
_SESSION = """\
from sympy import *
x, y, z, t = symbols("x y z t")
k, m, n = symbols("k m n", integer=True)
f, g, h = symbols("f g h", cls=Function)
init_printing()"""
_MOST = 1000  # symbols of one range
_RANGE = re.compile(r"(\w*?)\(?(?:(\d*):(\d+)|([a-zA-Z]):([a-zA-Z]))\)?")


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
            self._code[call] = _at(tree, call) if tree is not None else None
        return self._code[call]

    def injected(self, origin: str, arguments: Arguments, node: ast.AST) -> Value | None:
        """Functions of SymPy that bind names of the notebook; None where they do nothing besides."""
        call = arguments.node
        if call is None:
            return None
        if origin == "sympy.init_session":
            if self.state.frame is self.state.module:
                if call not in self._code:
                    self._code[call] = _at(parse(_SESSION), call)
                if (code := self._code[call]) is not None:
                    self.run_code(code)
            return None
        made = NOTHING
        for name in symbols(self.text(call.args[0]) if call.args else None):
            symbol = self.heap.make(self.site(node, name), "quiet", maker=origin)
            self.bind_own(name, symbol)
            made |= symbol
        return made or None

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


def _at(tree: ast.Module, place: ast.AST) -> ast.Module:
    for inner in ast.walk(tree):
        ast.copy_location(inner, place)  # there is no other place in the cell to point at
    return tree


def symbols(text: str | None) -> list[str]:
    """The names of SymPy's symbols that a text like ``"a, b x1:4"`` stands for."""
    found: list[str] = []
    for word in re.split(r"[,\s]+", text or ""):
        if (match := _RANGE.fullmatch(word)) is None:
            found.append(word)
            continue
        stem, low, high, first, last = match.groups()
        if first is not None:
            found += [f"{stem}{chr(code)}" for code in range(ord(first), ord(last) + 1)]
        elif int(high) - int(low or 0) <= _MOST:
            found += [f"{stem}{number}" for number in range(int(low or 0), int(high))]
    return [name for name in found if name.isidentifier() and ANY not in name]
