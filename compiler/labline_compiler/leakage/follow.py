"""Follow the cells: statements, names, and what happens to them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable

from labline_compiler.findings import Finding
from labline_compiler.leakage import tables
from labline_compiler.leakage.calls import Calls
from labline_compiler.leakage.facts import Columns, Constant, Data, Estimator, Function, Grouped, Many, Origin, Value
from labline_compiler.notebook import Cell

_NESTED = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)


class Follower(Calls):
    """Evaluates code on facts. One instance a notebook."""

    def cell(self, cell: Cell, tree: ast.Module) -> None:
        """Follow one cell."""
        self.current = cell
        self.run(tree.body)

    def finish(self) -> list[Finding]:
        """What was found."""
        self.judge_metrics()
        return self.findings

    # ------------------------------------------------------------------------------------------------ statements

    def run(self, statements: Iterable[ast.stmt]) -> None:
        """Follow a block."""
        for statement in statements:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        """Follow one statement."""
        match node:
            case ast.Import(names=names):
                for alias in names:
                    self.names[alias.asname or alias.name.split(".")[0]] = Origin(
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            case ast.ImportFrom(module=str(module), names=names, level=0):
                for alias in names:
                    self.names[alias.asname or alias.name] = Origin(f"{module}.{alias.name}")
            case ast.Assign(targets=targets, value=value):
                found = self.eval(value)
                for target in targets:
                    self.assign(target, found)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.assign(target, self.eval(value))
            case ast.AugAssign(target=target, value=value):
                self.assign(target, self.eval(ast.copy_location(ast.BinOp(_loaded(target), node.op, value), node)))
            case ast.Delete(targets=targets):
                for target in targets:
                    self._delete(target)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.names[node.name] = Function()
                self.escape_names(node)
            case ast.If(test=test, body=body, orelse=orelse):
                self.eval(test)
                self._branches(body, orelse)
            case ast.For(target=target, iter=iterated, body=body, orelse=orelse):
                self.eval(iterated)
                self.loops += 1
                self.assign(target, self.fresh())
                self.run(body)
                self.loops -= 1
                self.run(orelse)
            case ast.While(test=test, body=body):
                self.loops += 1
                self.eval(test)
                self.run(body)
                self.loops -= 1
            case ast.With(items=items, body=body):
                for item in items:
                    entered = self.eval(item.context_expr)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, entered)
                self.run(body)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                self.run(body)
                for handler in handlers:
                    self._branches(handler.body, [])
                self.run(orelse)
                self.run(final)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.eval(child)

    def _branches(self, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        """Afterwards nothing is known of names that the branches leave with different values."""
        before = dict(self.names)
        self.run(body)
        after = self.names
        self.names = before
        self.run(orelse)
        names = [name for name, value in after.items() if self.names.get(name) is not value]
        for name in [*names, *(self.names.keys() - after.keys())]:
            one, other = after.get(name), self.names.get(name)
            if one is not other and one != other:
                self.escape(one)
                self.escape(other)
                self.names[name] = self.fresh()

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind what stands on the left of ``=``."""
        match target:
            case ast.Name(id=name):
                self.names[name] = value
                if name in self.hidden_names:
                    self.escape(value)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                plain = isinstance(value, Many) and len(value.values) == len(targets)
                for i, inner in enumerate(targets):
                    self.assign(inner, value.values[i] if plain and isinstance(value, Many) else self.fresh())
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                self._put(name, self.eval(index), value)
            case ast.Subscript(value=ast.Attribute(value=ast.Name(id=name), attr="loc" | "iloc"), slice=index):
                self._put(name, self.eval(index), value)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                held = self.names.get(name)
                if isinstance(held, Data):
                    self.change(held, held._replace(columns=None) if attribute == "columns" else held)
                self.escape(value)
            case ast.Starred():
                self.assign(target.value, self.fresh())
            case _:
                self.escape(value)

    def _put(self, name: str, index: Value, value: Value) -> None:
        """Columns of a frame are assigned: it carries on what they carry."""
        held = self.names.get(name)
        if not isinstance(held, Data):
            self.escape(value)
            return
        columns = held.columns
        if isinstance(index, Constant) and columns is not None:
            names = frozenset(index.names or ())
            left = columns.names - names if columns.all_but else columns.names | names
            # A column that somebody has taken is no longer the one they took.
            taken = any((columns.frame, column) in self.taken for column in names)
            columns = Columns(self.number() if taken else columns.frame, left, columns.all_but)
        traces = held.traces | (value.traces if isinstance(value, Data) else frozenset())
        self.change(held, held._replace(columns=columns, traces=traces))

    def _delete(self, target: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self.names.pop(name, None)
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                held, column = self.names.get(name), self.eval(index)
                if isinstance(held, Data):
                    self.change(held, self.without(held, column))

    # ----------------------------------------------------------------------------------------------- expressions

    def eval(self, node: ast.expr) -> Value:
        """What is known of an expression's value."""
        match node:
            case ast.Name(id=name):
                if name not in self.names:
                    self.names[name] = self.fresh()
                return self.names[name]
            case ast.Constant(value=str(text)):
                return Constant((text,))
            case ast.List(elts=items) | ast.Set(elts=items):
                return self._list(items)
            case ast.Tuple(elts=items):
                return Many(tuple(self.eval(item) for item in items))
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.Call():
                return self.call(node)
            case ast.BinOp(left=left, op=sign, right=right):
                return self.arithmetic(node, self.eval(left), sign, self.eval(right))
            case ast.Compare(left=left, comparators=others):
                return self.merged([self.eval(left), *(self.eval(other) for other in others)], mask=True)
            case ast.UnaryOp(operand=operand):
                return self.eval(operand)
            case ast.BoolOp(values=values):
                return self.merged([self.eval(value) for value in values], mask=True)
            case ast.NamedExpr(target=target, value=value):
                found = self.eval(value)
                self.assign(target, found)
                return found
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.eval(test)
                one, other = self.eval(body), self.eval(orelse)
                if one == other:
                    return one
                self.escape(one)
                self.escape(other)
                return self.fresh()
            case ast.Await(value=value) | ast.Starred(value=value):
                return self.eval(value)
            case _ if isinstance(node, _NESTED):
                self.escape_names(node)
                return Constant(None, is_list=True) if isinstance(node, ast.ListComp) else self.fresh()
        shown = isinstance(node, (ast.JoinedStr, ast.FormattedValue))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                inner = self.eval(child)
                if not shown:
                    self.escape(inner)
        return self.fresh()

    def _list(self, items: list[ast.expr]) -> Value:
        if all(isinstance(item, ast.Constant) and not isinstance(item.value, str) for item in items):
            return Constant(None, is_list=True)  # numbers, of which there may be very many
        values = [self.eval(item) for item in items]
        if all(isinstance(value, Constant) for value in values):
            known = [value.names for value in values if isinstance(value, Constant)]
            if any(names is None for names in known):
                return Constant(None, is_list=True)
            return Constant(tuple(name for names in known for name in names or ()), is_list=True)
        for value in values:
            self.escape(value)
        if all(isinstance(value, Data) for value in values):
            return Many(tuple(values))
        return Constant(None, is_list=True)

    def _attribute(self, node: ast.Attribute) -> Value:
        value, name = self.eval(node.value), node.attr
        if isinstance(value, Origin):
            return Origin(f"{value.name}.{name}")
        if isinstance(value, Estimator):
            return value if name == "best_estimator_" else self.fresh()
        if isinstance(value, Grouped):
            return value
        if not isinstance(value, Data):
            return self.fresh()
        if name in tables.NO_COLUMNS:
            return self.fresh()
        if name in tables.LABELS:
            return Constant(None, is_list=True)
        if name in tables.SAME_ATTRIBUTES:
            return value
        if name in ("loc", "iloc"):
            return value
        return self.select(value, Constant((name,)))

    def _subscript(self, node: ast.Subscript) -> Value:
        value = self.eval(node.value)
        if isinstance(value, Many):
            index = node.slice
            if isinstance(index, ast.Constant) and isinstance(index.value, int) and index.value < len(value.values):
                return value.values[index.value]
            return self.fresh()
        if isinstance(value, Grouped):
            self.eval(node.slice)
            return value
        if not isinstance(value, Data):
            self.eval(node.slice)
            self.escape(value)
            return Constant(None, is_list=True) if isinstance(value, Constant) else self.fresh()
        located = isinstance(node.value, ast.Attribute) and node.value.attr in ("loc", "iloc")
        index = node.slice
        if isinstance(index, ast.Tuple) and len(index.elts) == 2:
            rows, columns = index.elts
            if not _everything(rows):
                self.eval(rows)
                value = self.fewer(value)
            if isinstance(columns, ast.Slice) or _is_number(columns):
                return value if _everything(columns) else value._replace(columns=None, column=None)
            chosen = self.eval(columns)
            if not isinstance(chosen, Constant):  # a mask of columns
                return value._replace(columns=None, column=None)
            return self.select(value, chosen)
        if isinstance(index, ast.Slice) or located or _is_number(index):
            if not isinstance(index, ast.Slice):
                self.eval(index)
            return value if _everything(index) else self.fewer(value)
        return self.select(value, self.eval(index))


def _everything(node: ast.expr) -> bool:
    return isinstance(node, ast.Slice) and node.lower is None and node.upper is None and node.step is None


def _is_number(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant) and isinstance(inner.value, int)


def _loaded(target: ast.expr) -> ast.expr:
    """*target*, of an augmented assignment, as what is read of it."""
    loaded = copy.copy(target)
    if isinstance(loaded, ast.Name | ast.Attribute | ast.Subscript):
        loaded.ctx = ast.Load()
    return loaded
