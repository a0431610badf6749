"""The cells as the rules go through them: who makes what, and who takes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from labline_compiler.analysis import scopes
from labline_compiler.analysis.flows import NO_STEPS, Flows
from labline_compiler.findings import Finding, finding
from labline_compiler.findings.place import find_name, span_of
from labline_compiler.ipython import ParsedCell
from labline_compiler.notebook import Cell
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Part:
    """A cell. ``step`` is None where it runs at the start of every step; ``telling`` where a rule may look for more."""

    cell: Cell
    step: str | None
    parsed: ParsedCell
    telling: bool

    @property
    def tree(self) -> ast.Module:
        """Its code."""
        return self.parsed.tree


@dataclass(frozen=True)
class Made:
    """What a rule has found a name to hold: what that is in words, and the cell that made it."""

    what: str
    part: Part


@dataclass(frozen=True)
class Taking:
    """A step takes a name that holds such a thing from another step."""

    step: str
    name: str
    made: Made
    part: Part  # the first cell of the taker that mentions the name
    node: ast.Name | None


class Story:
    """All cells, with what the names of modules and their members stand for."""

    def __init__(self, parts: Sequence[Part], flows: Flows) -> None:
        self.parts = parts
        self.flows = flows
        self.telling = [part for part in parts if part.telling]
        self.last = {part.step: place for place, part in enumerate(parts) if part.step is not None}

    @cached_property
    def _imported(self) -> Mapping[str, str]:
        found = {}
        for part in self.parts:
            if "import" not in part.cell.source:
                continue
            for node in ast.walk(part.tree):
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        top = alias.name.partition(".")[0]
                        found[alias.asname or top] = alias.name if alias.asname else top
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return found

    @cached_property
    def _bound(self) -> frozenset[str]:
        return frozenset().union(*(scopes.bound_names(part.tree.body) for part in self.parts))

    def origin(self, node: ast.AST) -> str:
        """The dotted name of what an expression is of a library or of Python's own; else nothing."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        root = self._imported.get(node.id)
        if root is None and not names and node.id not in self._bound:
            root = f"builtins.{node.id}"
        return ".".join([root, *reversed(names)]) if root else ""

    def takings(self, made: Mapping[tuple[str | None, str], Made], within: Story | None = None) -> Iterator[Taking]:
        """The steps that take one of these names, each by the step that made it, or by None for any.

        *within*: the whole story, where this one is its beginning.
        """
        for step, flow in self.flows.steps.items():
            for name, version in flow.inputs.items():
                its = made.get((version.step, name)) or made.get((None, name))
                if its is not None and version.step not in (step, *NO_STEPS):
                    yield (within or self)._taking(step, name, its)

    def _taking(self, step: str, name: str, made: Made) -> Taking:
        own = [part for part in self.parts if part.step == step]
        for part in own:
            if (node := find_name(part.tree, name)) is not None:
                return Taking(step, name, made, part, node)
        return Taking(step, name, made, own[0], None)

    def below(self, part: Part) -> Iterator[Part]:
        """The cells of other steps further down."""
        place = self.parts.index(part)
        return (each for each in self.parts[place + 1 :] if each.step not in (None, part.step))


def told(code: str, message: str, part: Part, node: ast.AST | None, fix: str | None = None) -> Finding:
    """The finding at *node* in a cell."""
    span = span_of(node, part.cell.source) if node is not None else None
    return finding(code, message, cell=part.cell.place, step=part.step, span=span, fix=fix)


def root_of(node: ast.expr) -> str | None:
    """The name that a chain of attributes, items and calls of methods begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def calls_in(node: ast.AST) -> Iterator[ast.Call]:
    """All calls in the code."""
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))
