"""What an expression is to one row of a request.

*same*: it has nothing to do with the rows. *rows*: it is of each row. *learned*: it was computed of all the notebook's
rows (a mean, a fitted scaler, a list of columns), so that it is kept as it came out there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from labline_compiler.slicing import tables

Kind = Literal["same", "learned", "rows"]
_RANK: tuple[Kind, ...] = ("same", "learned", "rows")


class Kinds:
    """Tells kinds, where *rows* are the names that stand for rows at the moment."""

    def __init__(self, rows: Iterable[str]) -> None:
        self.rows = set(rows)
        self.inner: set[str] = set()  # names of lambdas and comprehensions that stand for a part of the rows

    def of(self, node: ast.AST | None) -> Kind:
        """The kind of *node*."""
        match node:
            case None | ast.Constant():
                return "same"
            case ast.Name(id=name):
                return "rows" if name in self.rows or name in self.inner else "same"
            case ast.Lambda(args=arguments, body=body):
                with self.within(argument.arg for argument in arguments.args):
                    own = self.rows - {argument.arg for argument in arguments.args}
                    return "rows" if own & _names(body) else "same"
            case ast.Attribute(value=value, attr=attr):
                kind = self.of(value)
                if kind == "rows" and attr in tables.FACTS and not self._is_inner(value):
                    return "learned"
                return kind
            case ast.Call():
                return self._call(node)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                with self.within(self.parts_of(node.generators)):
                    return self._most(ast.iter_child_nodes(node))
            case _:
                return self._most(ast.iter_child_nodes(node))

    def parts_of(self, generators: Iterable[ast.comprehension]) -> set[str]:
        """The names by which a comprehension goes through rows."""
        return {name for each in generators if self.of(each.iter) == "rows" for name in _names(each.target)}

    @contextmanager
    def within(self, names: Iterable[str]) -> Iterator[None]:
        """Where *names* stand for a part of the rows, which is not kept."""
        before = self.inner
        self.inner = before | set(names)
        try:
            yield
        finally:
            self.inner = before

    def _most(self, nodes: Iterable[ast.AST]) -> Kind:
        kinds: list[Kind] = [self.of(each) for each in nodes if not isinstance(each, ast.expr_context | ast.operator)]
        return max(kinds, key=_RANK.index, default="same")

    def _call(self, call: ast.Call) -> Kind:
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        whole = self._most([call.func, *call.args, *call.keywords])
        if whole != "rows":
            return whole
        return "learned" if self._learns(call, receiver) and not self._is_inner(call) else "rows"

    def _learns(self, call: ast.Call, receiver: ast.expr | None) -> bool:
        name = tables.called(call)
        if receiver is None:
            return name in tables.BUILTIN_AGGREGATES
        if self.of(receiver) == "rows":
            if isinstance(receiver, ast.Attribute) and receiver.attr in tables.ACCESSORS:
                return False
            if name == "to_dict" and any(_is_records(each) for each in (*call.args, *(k.value for k in call.keywords))):
                return False
            across = not tables.ACROSS.keys().isdisjoint(tables.chain(receiver))
            return name in tables.AGGREGATES and not across and not tables.names_axis_of_columns(call)
        if name in tables.FITS:
            return True
        is_numpy = isinstance(receiver, ast.Name) and receiver.id in ("np", "numpy")
        return is_numpy and name in tables.NUMPY_AGGREGATES and not tables.names_axis_of_columns(call, 1)

    def _is_inner(self, node: ast.AST) -> bool:
        return not self.inner.isdisjoint(_names(node))


def _is_records(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == "records"


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
