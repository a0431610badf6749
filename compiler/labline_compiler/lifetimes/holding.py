"""Which names hold something of a kind that code spells out, such as what ``id()`` gave."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from labline_compiler.analysis import scopes
from labline_compiler.analysis.operations import words
from labline_compiler.lifetimes.parts import Made, Part, Story, root_of

_PUTTING = frozenset(("append", "appendleft", "add", "insert", "setdefault", "update", "extend"))
_KEPT_WHOLE = frozenset(("copy", "items", "keys", "values"))  # what other methods give is another thing
# Calls that hand on what they are given.
_PASSING = frozenset(
    f"builtins.{name}" for name in words("dict list set tuple frozenset sorted zip map enumerate str hex repr iter")
) | {"collections.OrderedDict", "collections.Counter", "collections.deque", "copy.copy", "copy.deepcopy"}


class Holding:
    """Follows such things into names, containers, functions that give them and classes whose instances keep them.

    ``names`` are by the step that bound them, or by None where a function does, whoever calls it.
    """

    what = ""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.names: dict[tuple[str | None, str], Made] = {}
        self._makers: set[str] = set()  # functions that give such a thing, classes whose instances hold one
        self._part: Part
        for part in story.telling:
            self._part = part
            self._statements(part.tree.body, None)
        self._follow_classes()

    def makes(self, node: ast.expr) -> bool:
        """Whether the expression by itself gives such a thing, whatever is in it."""
        raise NotImplementedError

    def hides(self, call: ast.Call) -> bool:
        """Whether what such a call gives is of another kind, though it is handed one."""
        return self.story.origin(call.func) not in _PASSING

    # ------------------------------------------------------------------------------------------------------- following

    def _follow_classes(self) -> None:
        """Names that stand for instances of classes which keep such things, in cells that do not tell by themselves."""
        if not self._makers:
            return
        for part in self.story.parts:
            if not part.telling and any(maker in part.cell.source for maker in self._makers):
                self._part = part
                self._statements(part.tree.body, None)

    def _statements(self, body: list[ast.stmt], function: frozenset[str] | None, owner: str | None = None) -> None:
        """*function*: the names of its own, inside of one. *owner*: the class or function that is told of."""
        for statement in body:
            match statement:
                case ast.ClassDef(name=name):
                    self._statements(statement.body, frozenset(scopes.bound_names(statement.body)), name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    own = function_names(statement)
                    self._statements(statement.body, own | (function or frozenset()), owner or name)
                case ast.Assign(targets=targets, value=value):
                    self._bind(targets, value, function, owner)
                case (
                    ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value)
                ):
                    self._bind([target], value, function, owner)
                case ast.Return(value=ast.expr() as value) if owner is not None and self.holds(value):
                    self._makers.add(owner)
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=held, attr=method)) as call):
                    given = [*call.args, *(word.value for word in call.keywords)]
                    if method in _PUTTING and any(map(self.holds, given)):
                        self._note(root_of(held), function, owner)
                case _:
                    self._inside(statement, function, owner)

    def _inside(self, statement: ast.stmt, function: frozenset[str] | None, owner: str | None) -> None:
        for field in ("body", "orelse", "finalbody"):
            self._statements(getattr(statement, field, []), function, owner)
        for handler in getattr(statement, "handlers", []):
            self.enter(handler)
            self._statements(handler.body, function, owner)
            self.leave(handler)
        for case in getattr(statement, "cases", []):
            self._statements(case.body, function, owner)

    def enter(self, handler: ast.ExceptHandler) -> None:
        """The body of an ``except`` comes."""

    def leave(self, handler: ast.ExceptHandler) -> None:
        """It has come."""

    def _bind(
        self, targets: list[ast.expr], value: ast.expr, function: frozenset[str] | None, owner: str | None
    ) -> None:
        holds = self.holds(value)
        for target in targets:
            keys = [each.slice for each in ast.walk(target) if isinstance(each, ast.Subscript)]
            if holds or any(map(self.holds, keys)):
                for each in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
                    self._note(root_of(each), function, owner)
            elif isinstance(target, ast.Name) and function is None:
                self.names.pop((self._part.step, target.id), None)

    def _note(self, name: str | None, function: frozenset[str] | None, owner: str | None) -> None:
        if name is None:
            return
        if function is None or name not in function:
            step = self._part.step if function is None else None
            self.names.setdefault((step, name), Made(self.what, self._part))
        elif owner is not None and (name in ("self", "cls") or owner[:1].isupper()):
            self._makers.add(owner)

    def holds(self, node: ast.expr) -> bool:
        """Whether what the expression gives holds such a thing."""
        if self.makes(node):
            return True
        match node:
            case ast.Name(id=name):
                return (self._part.step, name) in self.names or (None, name) in self.names
            case ast.Call(func=ast.Name(id=name)) if name in self._makers:
                return True
            case ast.Call(func=ast.Attribute(value=held, attr=method)) if root_of(held) != method:
                given = [*node.args, *(word.value for word in node.keywords)]
                if not self.story.origin(node.func):
                    return method in _KEPT_WHOLE and self.holds(held)
                return not self.hides(node) and any(map(self.holds, given))
            case ast.Call():
                return not self.hides(node) and any(map(self.holds, node.args))
            case ast.Compare() | ast.Lambda() | ast.Constant() | ast.Await():
                return False
            case ast.Subscript(value=held) | ast.Attribute(value=held):
                return self.keeps_in_parts(node) and self.holds(held)
        return any(self.holds(each) for each in _parts(node))

    def keeps_in_parts(self, node: ast.expr) -> bool:
        """Whether a part of what holds such a thing is taken to be one."""
        return False


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.comprehension):
            yield child.iter


def function_names(node: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """The names that are the function's own."""
    return scopes.function_scope(node).locals
