"""What calls do: estimators made, fitted and used, data split, selected and changed."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from labline_compiler.leakage import tables
from labline_compiler.leakage.facts import (
    Columns,
    Constant,
    Data,
    Estimator,
    Fit,
    Function,
    Grouped,
    Many,
    Origin,
    Rows,
    Statistic,
    Trace,
    Use,
    Value,
)
from labline_compiler.leakage.rules import Judge
from labline_compiler.syntax import unparse

_SUPPORTED = ("model", "transformer", "reducer", "sampler", "stateless")


class Calls(Judge):
    """Evaluates calls. What an argument is, the subclass says."""

    def eval(self, node: ast.expr) -> Value:
        """What is known of an expression's value."""
        raise NotImplementedError

    def call(self, node: ast.Call) -> Value:
        """What a call gives, with all it does."""
        function = self.eval(node.func) if not isinstance(node.func, ast.Attribute) else None
        if isinstance(node.func, ast.Attribute):
            held = self.eval(node.func.value)
            if isinstance(held, Origin):
                function = Origin(f"{held.name}.{node.func.attr}")
            else:
                return self._method(node, node.func, held)
        if isinstance(function, Origin):
            kind = tables.kind_of(function.name)
            if kind is not None:
                return self._make(node, function.name, kind)
            return self._library(node, function.name)
        return self._unknown(node, function)

    def arguments(self, node: ast.Call) -> tuple[list[Value], dict[str, Value]]:
        """The arguments' values."""
        positional = [self.eval(argument) for argument in node.args]
        return positional, {k.arg or "**": self.eval(k.value) for k in node.keywords}

    def _unknown(self, node: ast.Call, function: Value | None) -> Data:
        """A function of the notebook, or one that nothing is known of, may do anything to what it is given."""
        positional, keywords = self.arguments(node)
        values = [*positional, *keywords.values()]
        for value in values:
            self.escape(value)
            if isinstance(function, Function) and isinstance(value, Data):
                self.change(value, value._replace(columns=None, column=None))
        result = self.fresh()
        return result._replace(traces=frozenset().union(*(v.traces for v in values if isinstance(v, Data))))

    # ------------------------------------------------------------------------------------------------ estimators

    def _make(self, node: ast.Call, origin: str, kind: str) -> Value:
        name = origin.rpartition(".")[2]
        if kind == "pipeline":
            return self._pipeline(node, origin)
        positional, keywords = self.arguments(node)
        values = [*positional, *keywords.values()]
        if kind == "columns":
            for value in values:
                self.escape(value)
            return Estimator("ColumnTransformer" if "olumn" in name else name, "transformer", origin, selects=True)
        if kind == "search":
            inner = next((value for value in values if isinstance(value, Estimator)), None)
            self.escape(inner)
            selects = inner is None or inner.selects
            return Estimator(name, "model", inner.module if inner else origin, selects=selects)
        for value in values:
            self.escape(value)
        return Estimator(name, kind if kind in _SUPPORTED else "model", origin)  # type: ignore[arg-type]

    def _pipeline(self, node: ast.Call, origin: str) -> Value:
        if origin.endswith("make_pipeline"):
            steps = [self.eval(argument) for argument in node.args]
        else:
            given = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "steps"), None)
            if not isinstance(given, ast.List):
                self.arguments(node)
                return self.fresh()
            pairs = [pair.elts[1] for pair in given.elts if isinstance(pair, ast.Tuple) and len(pair.elts) == 2]
            steps = [self.eval(step) for step in pairs]
        for step in steps:
            self.escape(step)
        last = steps[-1] if steps else None
        if not isinstance(last, Estimator):
            return self.fresh()
        learned = any(isinstance(step, Estimator) and step.kind == "transformer" for step in steps)
        kind = "transformer" if last.kind == "reducer" and learned else last.kind
        selects = any(not isinstance(step, Estimator) or step.selects for step in steps)
        selects |= any(isinstance(step, Estimator) and "feature_selection" in step.module for step in steps)
        return Estimator("pipeline", kind, last.module, selects=selects)

    def _method(self, node: ast.Call, function: ast.Attribute, held: Value) -> Value:
        name = function.attr
        if isinstance(held, Estimator):
            return self._of_estimator(node, held, name)
        if isinstance(held, Grouped):
            self.arguments(node)
            lagged = held.window or name in tables.LAGS
            data = held.data if lagged or name in ("transform", "cumcount", "rank") else self.fresh()
            return self.lagged(data, name, node) if lagged else data
        if isinstance(held, Data):
            if name == "split" and node.args:
                value = self.eval(node.args[0])
                if isinstance(value, Data):
                    self.split_into_folds(value, node)
            return self._of_data(node, held, name)
        positional, keywords = self.arguments(node)
        for value in [*positional, *keywords.values()]:
            self.escape(value)
        if isinstance(held, Constant):
            return Constant(None, is_list=True)
        return self.fresh()

    def _of_estimator(self, node: ast.Call, held: Estimator, name: str) -> Value:
        positional, keywords = self.arguments(node)
        data = positional[0] if positional else keywords.get("X")
        target = positional[1] if len(positional) > 1 else keywords.get("y")
        if name in ("fit", "fit_transform", "fit_predict", "fit_resample") and isinstance(data, Data):
            supervised = isinstance(target, Data) and name in ("fit", "fit_predict")
            written = unparse(node.args[0])[:60] if node.args else "X"
            held.fit = Fit(self.number(), data.rows, self.place(node), supervised, written)
            held.fits.append(held.fit)
            self.judge_fit(held, held.fit, data, target)
            if held.name in tables.SEARCHES:
                self.split_into_folds(data, node)
            if name == "fit":
                return held
            if name == "fit_resample":
                trace = Trace("multiplied", held.name, self.place(node), data.rows)
                made = data._replace(traces=data.traces | {trace}, columns=None)
                return Many((made, made if target is None else self.merged([target])))
            return self._transformed(held, data, node)
        if name == "transform" and isinstance(data, Data):
            self.judge_transform(held, data, node)
            return self._transformed(held, data, node)
        if name in tables.PREDICTIONS and isinstance(data, Data):
            if held.fit is None:
                return self.fresh()
            held.uses.append((held.fit, Use(data.rows, self.place(node), metric=False)))
            self.fits[held.fit.number] = (held, held.fit)
            return Data(data.rows, predicted_by=frozenset({held.fit.number}))
        if name == "score" and isinstance(data, Data):
            if held.fit is not None:
                self.judge_use(held, held.fit, Use(data.rows, self.place(node), metric=True))
            return self.fresh()
        if name in ("set_params", "get_params"):
            return held if name == "set_params" else self.fresh()
        if data is not None:
            held.escaped = True
        return held if name == "fit" else self.fresh()

    def _transformed(self, held: Estimator, data: Data, node: ast.Call) -> Data:
        kept = data if held.name in tables.KEEPS_COLUMNS else data._replace(columns=None)
        if held.name != "LabelEncoder":
            kept = kept._replace(column=None)
        if held.fit is None or held.kind not in ("transformer", "reducer"):
            return kept
        trace = Trace("prepared", held.name, held.fit.place, held.fit.rows)
        return kept._replace(traces=kept.traces | {trace})

    # ------------------------------------------------------------------------------------------------------ data

    def _of_data(self, node: ast.Call, held: Data, name: str) -> Value:
        positional, keywords = self.arguments(node)
        for value in [*positional, *keywords.values()]:
            self.escape(value)
        in_place = any(
            k.arg == "inplace" and isinstance(k.value, ast.Constant) and k.value.value for k in node.keywords
        )
        result: Value
        if name in tables.STATISTICS:
            return Statistic(held.rows) if not held.predicted_by and not held.mask else self.metric([held], node)
        if name in tables.LAGS:
            result = self.lagged(held, name, node)
        elif name in tables.WINDOWS or name == "groupby":
            return Grouped(held, name != "groupby")
        elif name == "drop":
            result = self._drop(node, held, positional, keywords)
        elif name == "pop" and positional:
            self.change(held, self.without(held, positional[0]))
            return self.select(held, positional[0])
        elif name == "sample" and any(k.arg == "replace" for k in node.keywords):
            trace = Trace("multiplied", "sample(replace=True)", self.place(node), held.rows)
            result = held._replace(traces=held.traces | {trace})
        elif name == "transform":  # something unknown is applied to data, as a transformer is
            other = positional[0] if positional else None
            return Data(other.rows, traces=other.traces) if isinstance(other, Data) else self.fresh()
        elif name in tables.FEWER:
            result = self.fewer(held)
        elif name in tables.SAME:
            result = held
            if name == "fillna" and any(_looks_at(value, held) for value in [*positional, *keywords.values()]):
                result = self.prepared(held, "fillna", node)
        elif name in tables.SAME_ROWS:
            result = held._replace(columns=None)
        else:
            known = held.traces
            return self.fresh()._replace(traces=known)
        if in_place and isinstance(result, Data):
            self.change(held, result)
            return self.fresh()
        return result

    def _drop(self, node: ast.Call, held: Data, positional: Sequence[Value], keywords: dict[str, Value]) -> Data:
        columns = keywords.get("columns")
        axis = next((k.value for k in node.keywords if k.arg == "axis"), node.args[1] if len(node.args) > 1 else None)
        if columns is None and isinstance(axis, ast.Constant) and axis.value in (1, "columns"):
            columns = positional[0] if positional else keywords.get("labels")
        return self.fewer(held) if columns is None else self.without(held, columns)

    def select(self, held: Data, index: Value) -> Data:
        """``held[index]``: a column, some columns, or some rows."""
        if isinstance(index, Constant):
            if held.columns is None or index.names is None:
                return held._replace(columns=None, column=None)
            frame = held.columns.frame
            names = frozenset(name for name in index.names if held.columns.holds(name))
            self.taken |= {(frame, name) for name in names}
            single = index.names[0] if len(index.names) == 1 else None
            return held._replace(
                columns=Columns(frame, names, all_but=False),
                column=(frame, single) if single is not None else None,
            )
        if isinstance(index, Many):
            return self.fewer(held)._replace(columns=None, column=None)
        return self.fewer(held)

    def without(self, held: Data, columns: Value) -> Data:
        """``held`` without some of its columns."""
        if not isinstance(columns, Constant) or columns.names is None or held.columns is None:
            return held._replace(columns=None)
        names, old = frozenset(columns.names), held.columns
        left = old.names | names if old.all_but else old.names - names
        return held._replace(columns=Columns(old.frame, left, old.all_but))

    def fewer(self, held: Data) -> Data:
        """Some of the rows; which ones, nobody knows, but they stay on their side of a split."""
        return held._replace(rows=Rows(self.number(), held.rows.path))

    def prepared(self, held: Data, what: str, node: ast.AST) -> Data:
        """Data that something computed from its own rows was put into."""
        return held._replace(traces=held.traces | {Trace("prepared", what, self.place(node), held.rows)})

    def lagged(self, held: Data, what: str, node: ast.AST) -> Data:
        """Data that looks at earlier or later rows."""
        trace = Trace("lagged", what, self.place(node), held.rows)
        return held._replace(columns=None, column=None, traces=held.traces | {trace})

    def arithmetic(self, node: ast.AST, left: Value, sign: ast.operator, right: Value) -> Value:
        """Arithmetic, and the logic of masks."""
        if isinstance(left, Constant) and isinstance(right, Constant):
            known = left.names is not None and right.names is not None
            return Constant((left.names or ()) + (right.names or ()) if known else None, is_list=True)
        if isinstance(left, Statistic) or isinstance(right, Statistic):
            if isinstance(left, Data) and isinstance(right, Statistic) and isinstance(sign, (ast.Sub, ast.Div)):
                return self.prepared(left, "scaling by hand", node) if left.rows == right.rows else left
            if isinstance(left, Statistic) and isinstance(right, Statistic):
                return left
        return self.merged([left, right])

    def merged(self, values: Sequence[Value], *, mask: bool = False) -> Value:
        """What is made of several values, row by row."""
        data = [value for value in values if isinstance(value, Data)]
        for value in values:
            self.escape(value)
        if not data:
            return self.fresh()
        same = all(value.rows == data[0].rows for value in data)
        predicted: frozenset[int] = frozenset().union(*(value.predicted_by for value in data))
        return Data(
            data[0].rows if same else Rows(self.number()),
            column=data[0].column if len(data) == 1 else None,
            traces=frozenset().union(*(value.traces for value in data)),
            predicted_by=predicted,
            mask=mask or any(value.mask for value in data),
        )

    # ------------------------------------------------------------------------------------------------- libraries

    def _library(self, node: ast.Call, origin: str) -> Value:
        package, _, rest = origin.partition(".")
        name = origin.rpartition(".")[2]
        if origin == "sklearn.model_selection.train_test_split":
            return self._split(node)
        positional, keywords = self.arguments(node)
        values = [*positional, *keywords.values()]
        if package == "sklearn" and rest.startswith("metrics."):
            return self.metric(values, node)
        for value in values:
            self.escape(value)
        first = positional[0] if positional else None
        if name in tables.CROSS_VALIDATION and package == "sklearn":
            data = positional[1] if len(positional) > 1 else keywords.get("X")
            target = positional[2] if len(positional) > 2 else keywords.get("y")
            if isinstance(data, Data):
                self.split_into_folds(data, node)
                if isinstance(first, Estimator):
                    self.judge_target(first, data, target, node)
            return self.fresh()
        if origin in ("numpy.random.seed", "random.seed"):
            self.seeded = True
        elif origin == "sklearn.base.clone" and isinstance(first, Estimator):
            return Estimator(first.name, first.kind, first.module, first.selects)
        elif origin == "sklearn.utils.resample" and isinstance(first, Data):
            return first._replace(traces=first.traces | {Trace("multiplied", "resample", self.place(node), first.rows)})
        elif origin == "pandas.concat" or (package == "numpy" and name in tables.STACKED | tables.SIDE_BY_SIDE):
            return self._joined(node, first, beside=name in tables.SIDE_BY_SIDE)
        elif package == "numpy" and not rest.startswith("random") and isinstance(first, Data):
            if name in tables.NUMPY_MAKES:
                return self.fresh()
            if name in tables.NUMPY_STATISTICS:
                return self.metric([first], node) if first.predicted_by else Statistic(first.rows)
            return first._replace(columns=None)
        elif package == "pandas" and name in tables.PANDAS_SAME and isinstance(first, Data):
            return first._replace(columns=None if name in ("DataFrame", "get_dummies") else first.columns)
        traces: frozenset[Trace] = frozenset().union(*(v.traces for v in values if isinstance(v, Data)))
        return self.fresh()._replace(traces=traces)

    def _split(self, node: ast.Call) -> Value:
        values = [self.eval(argument) for argument in node.args]
        self.arguments(node)
        number = self.number()
        self.judge_split(values, node)
        parts: list[Value] = []
        for value in values:
            data = value if isinstance(value, Data) else self.fresh()
            self.splits.add(data.rows.root)
            for side in ("train", "test"):
                rows = Rows(data.rows.root, (*data.rows.path, (number, side)))
                parts.append(data._replace(rows=rows))
        return Many(tuple(parts))

    def _joined(self, node: ast.Call, first: Value | None, *, beside: bool) -> Value:
        values = [value for value in first.values if isinstance(value, Data)] if isinstance(first, Many) else []
        if not values:
            return self.fresh()
        axis = next((k.value for k in node.keywords if k.arg == "axis"), None)
        beside |= isinstance(axis, ast.Constant) and axis.value in (1, "columns")
        traces: frozenset[Trace] = frozenset().union(*(value.traces for value in values))
        rows = {value.rows for value in values}
        if beside and len(rows) == 1:
            return Data(values[0].rows, traces=traces)
        parts = {value.rows.path[-1] for value in values if value.rows.path}
        whole = {Rows(value.rows.root, value.rows.path[:-1]) for value in values if value.rows.path}
        if not beside and len(parts) == 2 and len({number for number, _ in parts}) == 1 and len(whole) == 1:
            return Data(whole.pop(), traces=traces)  # both parts of one split are all of it again
        return self.fresh()._replace(traces=traces)


def _looks_at(value: Value, held: Data) -> bool:
    return isinstance(value, Statistic) and value.rows == held.rows
