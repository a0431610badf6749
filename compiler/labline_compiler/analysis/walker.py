"""Follow a whole notebook, cell by cell, in the notebook's order."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from labline_compiler.analysis import scopes
from labline_compiler.analysis.functions import BUDGET
from labline_compiler.analysis.heap import NOTHING, Heap, Value
from labline_compiler.analysis.state import Frame, Sink
from labline_compiler.analysis.statements import Statements
from labline_compiler.ipython import CellMagic, CellSyntaxError, ParsedCell, expanded_names, parse_python

_SHELL = frozenset(("system", "getoutput", "getoutput_split"))
_SHELL_MAGICS = frozenset(
    ("bash", "sh", "script", "system", "sx", "perl", "ruby", "python", "python2", "python3", "pypy", "cmd")
)
_PYTHON_LINES = frozenset(("time", "prun", "memit"))
_SET_UP = frozenset(("load_ext", "reload_ext", "autoreload", "config", "pylab", "precision", "alias"))


class Walker(Statements):
    """Runs the cells of a notebook on abstract values."""

    def __init__(self, heap: Heap, sink: Sink) -> None:
        super().__init__(heap, sink)
        self.identity_listener: Callable[[Value], None] = lambda objects: None

    def cell(self, cell: ParsedCell) -> None:
        """Follow one cell."""
        self.budget = BUDGET
        self.done.clear()
        self.mentioned.clear()
        self.invoked.clear()
        self.settled.clear()
        if cell.magic is not None:
            self._cell_magic(cell.magic)
        if not cell.local:
            self.run(cell.tree.body)
            return
        frame = Frame(None)
        frame.scope = _everything_local(cell.tree)
        self.state.frames.append(frame)
        try:
            self.run(cell.tree.body)
        finally:
            self.state.frames.pop()

    def identities(self, objects: frozenset[int]) -> None:
        """Objects are compared by identity."""
        self.identity_listener(objects)

    def parameter(self, name: str, literal: str) -> None:
        """Bind a pipeline parameter."""
        tree = ast.parse(literal, mode="eval").body
        value = NOTHING
        if not isinstance(tree, (ast.Constant, ast.UnaryOp)):
            kind = {ast.List: "list", ast.Dict: "dict", ast.Set: "set", ast.Tuple: "tuple"}.get(type(tree), "set")
            inner = self.heap.make(("parameter", name, "items"), "container")
            value = self.heap.make(("parameter", name), kind, inner)
        self.state.bind(name, value)

    # -------------------------------------------------------------------------------------------------------- magics

    def _read_names(self, text: str) -> None:
        for name in sorted(expanded_names(text)):
            value = self.state.lookup(name)
            if value is not None:
                self.use(value)

    def _cell_magic(self, magic: CellMagic) -> None:
        self._read_names(magic.line)
        words = magic.line.split()
        if magic.name == "capture" and (names := [word for word in words if word.isidentifier()]):
            self.state.bind(names[0], self.heap.make(("captured", names[0], self.state.time), "data"))
        elif magic.name in ("writefile", "file"):
            self.state.sink.file(
                "write", words[-1] if words and "{" not in magic.line and "$" not in magic.line else None
            )
        elif magic.name in _SHELL_MAGICS:
            for option in ("--out", "--err", "--proc"):
                if option in words[:-1]:
                    self.state.bind(words[words.index(option) + 1], NOTHING)
            self._shell()
        elif magic.body is not None and magic.name not in (
            "html",
            "HTML",
            "javascript",
            "js",
            "markdown",
            "latex",
            "svg",
        ):
            self._read_mentioned(magic.body)

    def _read_mentioned(self, text: str) -> None:
        """A magic that is not known may use any name in its text."""
        for name in sorted(set(re.findall(r"[A-Za-z_]\w*", text)) & set(self.state.module.names)):
            value = self.state.lookup(name)
            if value:
                self.state.alter(self.heap.reach(value))

    def _shell(self) -> None:
        self.state.sink.hidden("@cwd", "read")
        self.state.sink.hidden("@environ", "read")
        self.state.sink.file("write", None)

    def ipython_call(self, node: ast.Call) -> bool:
        """Deal with what IPython's transformer makes of ``%magic``, ``!command`` and ``name?``."""
        function = node.func
        if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Call):
            return False
        getter = function.value.func
        if not isinstance(getter, ast.Name) or getter.id != "get_ipython":
            return False
        texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        words = [text for text in texts if isinstance(text, str)]
        if function.attr in _SHELL and words:
            self._read_names(words[0])
            self._shell()
            return True
        if function.attr == "run_line_magic" and words:
            self._line_magic(words[0], words[1] if len(words) > 1 else "", node)
            return True
        if function.attr == "run_cell_magic" and len(words) > 2:
            self._cell_magic(CellMagic(words[0], words[1], words[2]))
            return True
        return False

    def _line_magic(self, name: str, line: str, node: ast.AST) -> None:
        if name in ("pinfo", "pinfo2", "psearch", "psource", "pdoc", "pdef", "pfile", "pycat"):
            return
        self._read_names(line)
        if name in _PYTHON_LINES or name == "timeit":
            text = re.sub(r"^(\s*-\w+(\s+\d+)?)*\s*", "", line) if name != "time" else line
            try:
                tree = parse_python(text)
            except CellSyntaxError:
                return
            self.cell(ParsedCell(tree, local=name == "timeit"))
        elif name == "cd":
            self.state.sink.hidden("@cwd", "set" if line.strip().startswith(("/", "~")) else "change")
        elif name in ("env", "set_env") and ("=" in line or len(line.split()) > 1):
            self.state.sink.hidden("@environ", "change")
        elif name in ("run", "load", "pylab", "store", "reset"):
            self.state.sink.file("read", None)
            self.state.sink.star_import(f"%{name}")
        elif name in ("sx", "system", "sc") or name in _SHELL_MAGICS:
            self._shell()
        if name in _SET_UP:
            self.state.sink.note("LL304", f"The cell sets up IPython with %{name}.", node)


def _everything_local(tree: ast.Module) -> scopes.Scope:
    return scopes.Scope(frozenset(scopes.bound_names(tree.body)), frozenset(), frozenset())
