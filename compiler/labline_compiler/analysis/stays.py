"""Which names stand for, or hold, what cannot leave its process, as far as the cells show it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache

from labline_compiler.analysis import scopes
from labline_compiler.analysis.expressions import Expressions
from labline_compiler.analysis.links import Value
from labline_compiler.analysis.staying import (
    COROUTINE,
    GENERATOR,
    ITERATING,
    LAZY,
    LETTING_GO,
    PUTTING,
    Staying,
    made_by,
)

_PICKLING = frozenset(("__getstate__", "__reduce__", "__reduce_ex__", "__getnewargs__"))


class Stays(Expressions):
    """Keeps account of them in ``state.staying``. Only what a cell does outside functions and branches counts."""

    def _counts(self) -> bool:
        return self.state.frame is self.state.module and self.state.depth == 0

    def note_staying(self, targets: list[ast.expr], value: ast.expr) -> None:
        """*value* has just been assigned to *targets*."""
        if not self._counts():
            return
        stays = self._stays(value)
        for target in targets:
            if isinstance(target, ast.Name):
                if stays or (stays := self._holds(value)):
                    self.state.staying[target.id] = stays
            elif (root := root_of(target)) is not None:
                if held := stays or self._standing(value):
                    self.state.staying[root] = held.within()
                else:
                    self.let_go(root)  # it may have taken its place

    def put_or_let_go(self, function: ast.Attribute, node: ast.Call) -> None:
        """A method was called, which may put something into its object, or let it go."""
        if not self._counts() or (root := root_of(function)) is None:
            return
        before = self.state.staying.get(root)
        if function.attr in PUTTING:
            held = next((stays for each in node.args if (stays := self._stays(each) or self._standing(each))), None)
            if held is not None and before is None:
                self.state.staying[root] = held.within()
        elif function.attr in LETTING_GO:
            self.let_go(root)

    def let_go(self, name: str | None) -> None:
        """Something is taken out of the object that *name* stands for."""
        before = self.state.staying.get(name) if name is not None else None
        if name is not None and before is not None and before.inside:
            del self.state.staying[name]

    def _stays(self, node: ast.expr) -> Staying | None:
        """What the expression has just given, where it is sure that this cannot leave its process."""
        if isinstance(node, ast.GeneratorExp):
            return GENERATOR
        if not isinstance(node, ast.Call):
            return None
        if (origin := self.origin_of(node.func)) is not None:
            given = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "mode")]
            mode = given[0].value if given and isinstance(given[0], ast.Constant) else None
            if self.patches(origin.rpartition(".")[2], origin):
                return None
            if origin in ITERATING or origin.startswith(LAZY):
                return (
                    GENERATOR if any(self._iterates(each, at_once=origin in ITERATING) for each in node.args) else None
                )
            words = {word.arg for word in node.keywords if not _is_nothing(word.value)} - {None}
            return made_by(origin, mode, self.text(node.args[0]) if node.args else None, frozenset(map(str, words)))
        if isinstance(node.func, ast.Attribute):
            return self._given(self._method(node.func.value, node.func.attr))
        return self._given(self.state.peek(node.func.id) if isinstance(node.func, ast.Name) else None)

    def _given(self, callee: Value | None) -> Staying | None:
        """What a call of a function of the notebook gives, as soon as it is called."""
        functions = [self.heap.things[number].function for number in callee or ()]
        info = functions[0] if len(functions) == 1 else None
        if info is None or isinstance(info.node, ast.Lambda) or info.node.decorator_list:
            return None
        if scopes.is_generator(info.node):
            return GENERATOR
        return COROUTINE if isinstance(info.node, ast.AsyncFunctionDef) else None

    def _method(self, owner: ast.expr, name: str) -> Value | None:
        """A method of what a name stands for, where that is surely an instance of one class of the notebook."""
        value = self.state.peek(owner.id) if isinstance(owner, ast.Name) else None
        if value is None or len(value) != 1 or not value <= self.heap.instances:
            return None
        return self._found(next(iter(value)), name)

    def _iterates(self, node: ast.expr, *, at_once: bool) -> bool:
        """Whether going through the expression's value surely is going through a generator; *at_once*: it has begun."""
        if GENERATOR in (self._stays(node), self._standing(node)):
            return True
        return at_once and self._given(self._method(node, "__iter__")) == GENERATOR

    def _standing(self, node: ast.expr) -> Staying | None:
        """The same of a name. One that may be closed is left to the name."""
        stays = self.state.staying.get(node.id) if isinstance(node, ast.Name) else None
        return stays if stays is not None and not stays.closes else None

    def _holds(self, node: ast.expr) -> Staying | None:
        """What the expression's value holds of that kind."""
        parts: Sequence[ast.expr] = ()
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            parts = node.elts
        elif isinstance(node, ast.Dict):
            parts = node.values
        elif isinstance(node, (ast.ListComp, ast.SetComp)):
            parts = [node.elt]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            parts = self._attributes(node.func.id)
        found = (self._stays(each) or self._standing(each) or self._holds(each) for each in parts)
        return next((stays.within() for stays in found if stays), None)

    def _attributes(self, name: str) -> tuple[ast.expr, ...]:
        """What ``__init__`` of a class of the notebook sets as attributes of each instance, if it is a plain class."""
        value = self.state.peek(name) or ()
        infos = [self.heap.things[number].klass for number in value]
        info = infos[0] if len(infos) == 1 else None
        if info is None or info.node.bases or info.node.keywords or info.node.decorator_list:
            return ()
        return _set_by_init(info.node)


@lru_cache(maxsize=4096)
def _set_by_init(node: ast.ClassDef) -> tuple[ast.expr, ...]:
    methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
    init = methods.get("__init__")
    if init is None or not _PICKLING.isdisjoint(methods):
        return ()
    found = []
    own = scopes.function_scope(init).locals
    for statement in init.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute):
            made = statement.value
            if isinstance(made, ast.Call) and not {n.id for n in ast.walk(made.func) if isinstance(n, ast.Name)} & own:
                found.append(made)
    return tuple(found)


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def root_of(node: ast.expr) -> str | None:
    """The name that a chain of attributes and items begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
