"""One module, read off its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from labline_compiler.analysis import scopes
from labline_compiler.analysis.operations import words
from labline_compiler.kept.facts import Class, Kept, Made, Unit, Variable
from labline_compiler.kept.functions import UnitReader
from labline_compiler.kept.names import FUNCTIONS, Names, is_container, is_name
from labline_compiler.syntax import parse

_PICKLING = words("__getstate__ __reduce__ __reduce_ex__ __getnewargs__ __getnewargs_ex__")


@lru_cache(maxsize=200)
def read_kept(path: str, text: str) -> Kept | None:
    """Read the module that has this *text*; None where it is no Python."""
    try:
        return _Reader(path, parse(text)).kept()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Reader:
    def __init__(self, path: str, tree: ast.Module) -> None:
        self.path, self.tree = path, tree
        self.names = Names(path, tree)

    def kept(self) -> Kept:
        """All of it."""
        units: dict[str, Unit] = {}
        classes: dict[str, Class] = {}
        self._define(self.tree.body, "", units, classes)
        body = UnitReader(self.names, None, None).unit(self.tree.body, 1)
        variables = dict(self._variables())
        return Kept(
            self.names.name, self.path, body, units, classes, variables, self.names.origins, tuple(self.names.stars)
        )

    def _define(self, body: list[ast.stmt], owner: str, units: dict[str, Unit], classes: dict[str, Class]) -> None:
        for node in _statements(body):
            if isinstance(node, FUNCTIONS):
                units[owner + node.name] = self._function(node, owner.rstrip("."))
            elif isinstance(node, ast.ClassDef):
                classes[owner + node.name] = self._class(node, nested=bool(owner))
                self._define(node.body, f"{owner}{node.name}.", units, classes)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: str) -> Unit:
        return UnitReader(self.names, owner or None, node).unit(node.body, node.lineno)

    def _class(self, node: ast.ClassDef, *, nested: bool) -> Class:
        attributes: dict[str, int] = {}
        shared = set()
        for statement in node.body:
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
                for name in scopes.bound_names([statement]):
                    attributes[name] = statement.lineno
                    if is_container(statement.value):
                        shared.add(name)
        stays = None
        for each in ast.walk(node):
            if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and is_name(each.value, "self"):
                shared.discard(each.attr)
            if isinstance(each, ast.Assign) and any(
                isinstance(target, ast.Attribute) and is_name(target.value, "self") for target in each.targets
            ):
                stays = stays or self.names.made(each.value, frozenset()).stays
        if any(isinstance(each, FUNCTIONS) and each.name in _PICKLING for each in node.body):
            stays = None
        bases = tuple(filter(None, map(self.names.resolve, node.bases)))
        return Class(node.lineno, bases, attributes, frozenset(shared), stays, nested)

    def _variables(self) -> Iterator[tuple[str, Variable]]:
        found: dict[str, Variable] = {}
        for node in _statements(self.tree.body):
            if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With)):
                continue
            value = getattr(node, "value", None)
            made = self.names.made(value, frozenset()) if value is not None else Made()
            container = is_container(value)
            for name in scopes.bound_names([node]):
                before = found.get(name)
                found[name] = (
                    Variable(node.lineno, (made,), container)
                    if before is None
                    else Variable(before.line, (*before.made, made), container and before.container)
                )
        declared = {name for node in ast.walk(self.tree) if isinstance(node, ast.Global) for name in node.names}
        for each in ast.walk(self.tree) if declared - found.keys() else ():
            if isinstance(each, ast.Global):  # names that functions alone bind
                for name in each.names:
                    found.setdefault(name, Variable(each.lineno, (), container=False))
        yield from found.items()


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """A body's own statements, those in its branches included."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.For, ast.While, ast.With)):
            for inner in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, inner, []))
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)
