"""A statement in two forms: as it runs once more on the notebook's rows, and as it answers requests.

In the first one what it learns is handed to ``KEEP`` on its way. In the second one that is looked up in ``FITTED``
(where the statement runs many times over, one value after the other by ``TURN``), and rows are neither left out nor put
in another order: the one form of a statement is tried against the other before anybody relies on it.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import field

from labline_compiler.slicing import tables
from labline_compiler.slicing.kinds import Kinds
from labline_compiler.slicing.statements import Statement
from labline_compiler.slicing.words import place
from labline_compiler.syntax import unparse
from labline_runtime.dataclass import dataclass

KEEP = "__labline_keep__"
FITTED, TURN, COMPLETE = "_fitted", "_turn", "_complete"
_LOOPS = (ast.For, ast.While)


@dataclass
class Rewritten:
    """Both forms. ``rows`` are the names that stand for rows afterwards, of those that stand for anything.

    ``problem`` says why it cannot be asked about one row; ``left_out`` where the notebook leaves rows out.
    """

    captured: str
    served: str
    rows: set[str]
    problem: str | None = None
    left_out: list[str] = field(default_factory=list)
    drops: bool = False


def rewrite(statement: Statement, rows: set[str]) -> Rewritten:
    """Both forms of *statement*, before which the names *rows* stand for rows."""
    captured, served = _Form(statement, rows, serving=False), _Form(statement, rows, serving=True)
    node = captured.visit(copy.deepcopy(statement.node))
    other = served.visit(copy.deepcopy(statement.node))
    return Rewritten(
        _text(node), _text(other), served.kinds.rows, served.problem, served.left_out, drops=bool(served.left_out)
    )


def rewrite_expression(statement: Statement, node: ast.expr, rows: set[str]) -> Rewritten:
    """Both forms of an expression in *statement*."""
    captured, served = _Form(statement, rows, serving=False), _Form(statement, rows, serving=True)
    return Rewritten(
        unparse(captured.visit(copy.deepcopy(node))),
        unparse(served.visit(copy.deepcopy(node))),
        served.kinds.rows,
        served.problem,
        served.left_out,
    )


def _text(node: ast.AST) -> str:
    return unparse(ast.fix_missing_locations(node))


class _Form(ast.NodeTransformer):
    def __init__(self, statement: Statement, rows: set[str], *, serving: bool) -> None:
        self._cell = statement.cell
        self._serving = serving
        self._repeated = 0
        self._aside = 0  # inside functions without a name
        self.kinds = Kinds(rows)
        self.problem: str | None = None
        self.left_out: list[str] = []

    def visit(self, node: ast.AST) -> ast.AST:
        """What stands in the place of *node*."""
        if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", None), ast.Load | None):
            kind = self.kinds.of(node)
            if kind == "same":
                return node
            if kind == "learned":
                return self._site(node)
        found: ast.AST = super().visit(node)
        return found

    def _site(self, node: ast.expr, label: str | None = None) -> ast.expr:
        key = f"{label or unparse(node)} ({place(self._cell, node)}:{node.col_offset})"
        turns = self._repeated > 0 and not self._aside
        if not self._serving:
            return _call(KEEP, ast.Constant(key), node, ast.Constant(turns))
        if turns:
            return _call(TURN, ast.Constant(key))
        return ast.Subscript(ast.Name(FITTED, ast.Load()), ast.Constant(key), ast.Load())

    # -------------------------------------------------------------- expressions

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._aside += 1
        with self.kinds.within(argument.arg for argument in node.args.args):
            node.body = self.visit(node.body)  # type: ignore[assignment]
        self._aside -= 1
        return node

    def _comprehension(self, node: ast.AST) -> ast.AST:
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        names = self.kinds.parts_of(generators)
        self._repeated += 1
        with self.kinds.within(names):
            found = self.generic_visit(node)
        self._repeated -= 1
        return found

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = tables.called(node)
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        if receiver is not None and name in tables.FIT_AND_TRANSFORM and self.kinds.of(receiver) != "rows":
            return self._fit_and_transform(node, receiver, name)
        of_rows = receiver is not None and self.kinds.of(receiver) == "rows"
        if of_rows and isinstance(receiver, ast.Attribute) and receiver.attr in tables.ACCESSORS:
            return self._unless_across(node, name if name == "get_dummies" else "")
        if of_rows and receiver is not None:
            if name in tables.SELECTIONS:
                return self._selection(node, receiver)
            if name == "dropna":
                return self._without_missing(node, receiver)
            if name == "drop":
                return self._drop(node, receiver)
        self._unless_across(node, name)
        return self.generic_visit(node)

    def _fit_and_transform(self, node: ast.Call, receiver: ast.expr, name: str) -> ast.AST:
        kept = self._site(receiver, f"{unparse(receiver)}, fitted")
        if not self._serving:
            return ast.Call(ast.Attribute(kept, name, ast.Load()), node.args, node.keywords)
        rows = [self.visit(argument) for argument in node.args[:1]]
        rows += [self.visit(each.value) for each in node.keywords if not rows and each.arg == "X"]
        return ast.Call(ast.Attribute(kept, tables.FIT_AND_TRANSFORM[name], ast.Load()), rows, [])  # type: ignore[arg-type]

    def _selection(self, node: ast.AST, receiver: ast.expr) -> ast.AST:
        self.left_out.append(f"{unparse(node)} ({place(self._cell, node)})")
        return self.visit(receiver) if self._serving else node

    def _without_missing(self, node: ast.Call, receiver: ast.expr) -> ast.AST:
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if tables.names_axis_of_columns(node):
            self._complain(node, "leaves out columns by what is in the rows", "Name the columns to keep in a list.")
        if not self._serving:
            return node
        rows = self.visit(receiver)
        self.left_out.append(f"{unparse(node)} ({place(self._cell, node)})")
        how = given.get("how")
        if node.args or "thresh" in given or (how is not None and unparse(how) != "'any'"):
            return rows
        subset = given.get("subset", ast.Constant(None))
        where = place(self._cell, node)
        return _call(COMPLETE, rows, self.visit(subset), ast.Constant(where))  # type: ignore[arg-type]

    def _drop(self, node: ast.Call, receiver: ast.expr) -> ast.AST:
        named = {keyword.arg for keyword in node.keywords}
        if "columns" not in named and not tables.names_axis_of_columns(node, 1):
            return self._selection(node, receiver)
        found = self.generic_visit(node)
        if self._serving and "errors" not in named:  # what the model does not need is not sent
            found.keywords.append(ast.keyword("errors", ast.Constant("ignore")))  # type: ignore[attr-defined]
        return found

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        value = node.value
        if not isinstance(node.ctx, ast.Load) or self.kinds.of(value) != "rows":
            return self.generic_visit(node)
        if isinstance(value, ast.Attribute) and value.attr in tables.ACCESSORS:
            return self.generic_visit(node)
        located = isinstance(value, ast.Attribute) and value.attr in ("loc", "iloc")
        match node.slice:
            case ast.Tuple(elts=[ast.Slice(lower=None, upper=None, step=None), *_]):
                return self.generic_visit(node)
            case ast.Tuple(elts=[first, *rest]) if located or self._selects(first):
                self.left_out.append(f"{unparse(node)} ({place(self._cell, node)})")
                if self._serving:
                    node.slice = ast.Tuple([ast.Slice(), *rest], ast.Load())
                return self.generic_visit(node)
            case other if located or self._selects(other):
                return self._selection(node, value.value if located else value)  # type: ignore[attr-defined]
        return self.generic_visit(node)

    def _selects(self, index: ast.expr) -> bool:
        return isinstance(index, ast.Slice) or self.kinds.of(index) == "rows"

    def _unless_across(self, node: ast.Call, name: str) -> ast.AST:
        """Note what is wrong with a call that looks at other rows."""
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if name in tables.ACROSS:
            self._complain(node, tables.ACROSS[name], tables.REWRITE.get(name))
        elif name == "transform" and "groupby" in tables.chain(node.func):
            self._complain(node, "computes something of the rows of each group", tables.REWRITE[name])
        elif name == "apply" and "groupby" in tables.chain(node.func):
            self._complain(node, "looks at all rows of a group", tables.REWRITE["transform"])
        elif name == "astype" and any(isinstance(e, ast.Constant) and e.value == "category" for e in given):
            self._complain(node, "makes its categories of the rows that are there", tables.REWRITE[name])
        elif name == "cut" and any(isinstance(e, ast.Constant) and type(e.value) is int for e in given):
            self._complain(node, "makes its bins of the rows that are there", tables.REWRITE[name])
        elif name in ("concat", "vstack", "concatenate") and not tables.names_axis_of_columns(node, 1):
            self._complain(node, "puts rows below others", None)
        return node

    def _complain(self, node: ast.AST, what: str, instead: str | None) -> None:
        if self.problem is None:
            where = place(self._cell, node).capitalize()
            self.problem = f"{where}: {_short(unparse(node))} {what}, so it is not of one row. " + (
                instead or tables.ELSE_REWRITE
            )

    # -------------------------------------------------------------- statements

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if (split := self._split(node)) is not None:
            return split
        kind = self.kinds.of(node.value)
        node.value = self.visit(node.value)  # type: ignore[assignment]
        node.targets = [self.visit(target) for target in node.targets]  # type: ignore[misc]
        for target in node.targets:
            self._bind(target, is_rows=kind == "rows")
        return node

    def _split(self, node: ast.Assign) -> ast.AST | None:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Call(args=arrays) as call) if tables.called(
                call
            ) in tables.SPLITS and len(targets) == 2 * len(arrays):
                pass
            case _:
                return None
        self.left_out.append(f"{_short(unparse(call))} ({place(self._cell, node)})")
        parts: list[ast.stmt] = []
        for position, array in enumerate(arrays):
            pair = targets[2 * position : 2 * position + 2]
            is_rows = self.kinds.of(array) == "rows"
            parts += [ast.Assign([target], self.visit(copy.deepcopy(array))) for target in pair if is_rows]  # type: ignore[arg-type]
            for target in pair:
                self._bind(target, is_rows=is_rows)
        return ast.Module(parts, []) if self._serving else node

    def _bind(self, target: ast.AST, *, is_rows: bool) -> None:
        match target:
            case ast.Name(id=name):
                (self.kinds.rows.add if is_rows else self.kinds.rows.discard)(name)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._bind(part, is_rows=is_rows)
            case ast.Starred(value=inner):
                self._bind(inner, is_rows=is_rows)
            case ast.Subscript() | ast.Attribute():
                base = _base(target)
                if is_rows and base is not None:
                    self.kinds.rows.add(base)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        is_rows = self.kinds.of(node.value) == "rows"
        node.value = self.visit(node.value)  # type: ignore[assignment]
        node.target = self.visit(node.target)  # type: ignore[assignment]
        base = _base(node.target)
        if is_rows and base is not None:
            self.kinds.rows.add(base)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        is_rows = self.kinds.of(node.value) == "rows"
        if node.value is not None:
            node.value = self.visit(node.value)  # type: ignore[assignment]
            self._bind(node.target, is_rows=is_rows)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        match node.value:
            case ast.Call(func=ast.Attribute(value=receiver)) as call if self.kinds.of(call) == "rows":
                base = _base(receiver)
                if base is not None and base not in self.kinds.rows:
                    self.kinds.rows.add(base)  # it may hold them now
        node.value = self.visit(node.value)  # type: ignore[assignment]
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        through_rows = self.kinds.of(node.iter) == "rows"
        node.iter = self.visit(node.iter)  # type: ignore[assignment]
        names = {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)} if through_rows else set()
        before = set(self.kinds.rows)
        with self.kinds.within(names):
            self._again(node)
            self._repeated += 1
            node.body = self._block(node.body)
            self._repeated -= 1
        node.orelse = self._block(node.orelse)
        self.kinds.rows |= before
        return node

    def _again(self, node: ast.For | ast.While) -> None:
        """What later passes of a loop find: names that stand for rows since an earlier one."""
        trial = copy.deepcopy(node.body)
        state = (self.problem, list(self.left_out))
        self._repeated += 1
        self._block(trial)
        self._repeated -= 1
        self.problem, self.left_out = state

    def visit_While(self, node: ast.While) -> ast.AST:
        before = set(self.kinds.rows)
        self._again(node)
        self._repeated += 1
        node.body = self._block(node.body)
        self._repeated -= 1
        self.kinds.rows |= before
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        node.test = self.visit(node.test)  # type: ignore[assignment]
        before = set(self.kinds.rows)
        node.body = self._block(node.body)
        after, self.kinds.rows = self.kinds.rows, before
        node.orelse = self._block(node.orelse)
        self.kinds.rows |= after
        return node

    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for each in body:
            new = self.visit(each)
            found += new.body if isinstance(new, ast.Module) else [new]  # type: ignore[list-item]
        return found


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _base(node: ast.AST) -> str | None:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:77] + "..."
