"""``globals()["x"]`` and its like where the name is spelled out: it does what ``x`` would do.

So do ``vars()`` and ``locals()`` outside functions and classes. All other uses of these may concern any name
(:mod:`labline_compiler.analysis.namespaces`).
"""

from __future__ import annotations

import ast

from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.namespaces import Namespaces
from labline_compiler.analysis.texts import ANY

_REMOVING = frozenset(("pop", "popitem", "clear"))


class OwnNames(Namespaces):
    """Follows items of the notebook's namespace."""

    namespaces: set[int]  # objects that are the notebook's namespace

    def eval(self, node: ast.expr) -> Value:
        """The value of an expression."""
        raise NotImplementedError

    def unbound(self, name: str) -> Value:
        """The value of a name that the notebook does not bind."""
        raise NotImplementedError

    def origin_of(self, node: ast.expr) -> str | None:
        """The dotted name of what an expression is of a library."""
        raise NotImplementedError

    def spelled(self, node: ast.expr) -> str | None:
        """The name that ``globals()["name"]`` spells out; None for all else."""
        if not isinstance(node, ast.Subscript) or not self._is_namespace(node.value):
            return None
        return self._name(node.slice)

    def _is_namespace(self, node: ast.expr, *more: str) -> bool:
        """Whether *node* calls what gives all names, or one of *more*."""
        if not isinstance(node, ast.Call) or node.args or node.keywords:
            return False
        origin = self.origin_of(node.func)
        at_top = self.state.frame is self.state.module
        return origin == "builtins.globals" or (
            at_top and origin in {f"builtins.{name}" for name in ("vars", "locals", *more)}
        )

    def _name(self, node: ast.expr | None) -> str | None:
        text = self.text(node)
        return text if text is not None and text.isidentifier() and ANY not in text else None

    def read_own(self, name: str, node: ast.AST) -> Value:
        """Read a name of the notebook, wherever that is done."""
        value = self.state.global_value(name, node)
        return self.unbound(name) if value is None else value

    def bind_own(self, name: str, value: Value) -> None:
        """Bind a name of the notebook, wherever that is done."""
        self.state.bind_global(name, value, inside=self.state.frame is not self.state.module)

    def own_call(self, node: ast.Call) -> Value | None:
        """``globals().pop("x")`` and its like; None for all other calls."""
        function = node.func
        if not isinstance(function, ast.Attribute) or not self._is_namespace(function.value):
            return None
        if function.attr == "update":
            return self._update(node)
        if node.keywords or function.attr not in ("pop", "get", "setdefault"):
            return None
        name = self._name(node.args[0]) if node.args else None
        if name is None:
            return None
        is_bound = name in self.state.module.names
        value = self.state.global_value(name, node) or NOTHING if is_bound else NOTHING
        other = NOTHING.union(*(self.eval(argument) for argument in node.args[1:]))
        if function.attr == "pop" and is_bound:
            self.state.delete_global(name)
        elif function.attr == "setdefault":
            self.state.branches(lambda: self.bind_own(name, other), lambda: None)
        return value | other

    def _update(self, node: ast.Call) -> Value | None:
        """``globals().update(x=1)``; also with dictionaries that are written there, with their keys."""
        pairs: list[tuple[str, ast.expr]] = []
        for argument in node.args:
            if not isinstance(argument, ast.Dict):
                return None
            for key, value in zip(argument.keys, argument.values, strict=True):
                name = self._name(key)
                if name is None:
                    return None
                pairs.append((name, value))
        for keyword in node.keywords:
            if keyword.arg is None:
                return None
            pairs.append((keyword.arg, keyword.value))
        values = [self.eval(value) for _, value in pairs]
        for (name, _), given in zip(pairs, values, strict=True):
            self.bind_own(name, given)
        return NOTHING

    def own_test(self, node: ast.Compare) -> bool:
        """``"x" in globals()``, or ``"x" in dir()``: whether *node* is that. It tells whether the name is bound."""
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.In, ast.NotIn)):
            return False
        name = self._name(node.left) if self._is_namespace(node.comparators[0], "dir") else None
        if name in self.state.module.names:
            self.state.global_value(name, node)
        return name is not None

    def removed_from(self, holder: Value) -> None:
        """Something is removed from *holder*: where that is the notebook's namespace, any name may be unbound."""
        if holder.isdisjoint(self.namespaces):
            return
        for name, value in list(self.state.module.names.items()):
            if self.heap.kind(value) not in ("module", "library"):
                self.state.sink.delete(name, always=False)

    def removed_by(self, receiver: Value, method: str) -> None:
        """A method of *receiver* was called."""
        if method in _REMOVING:
            self.removed_from(receiver)
