"""The rules: what is wrong with a fit, a split, a metric."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from labline_compiler.findings import Edit, Finding, TextEdit, finding
from labline_compiler.findings.place import span_of
from labline_compiler.leakage import tables
from labline_compiler.leakage.facts import Columns, Data, Estimator, Fit, Grouped, Many, Place, Rows, Trace, Use, Value
from labline_compiler.notebook import Cell

BY_HAND = ("fillna", "scaling by hand")


class Judge:
    """The state of following a notebook, and the judgements on it."""

    def __init__(self) -> None:
        self.names: dict[str, Value] = {}
        self.findings: list[Finding] = []
        self.current: Cell = Cell(0, "", "code", "")
        self.taken: set[tuple[int, str]] = set()  # columns, by frame, that were taken out
        self.fits: dict[int, tuple[Estimator, Fit]] = {}  # by number
        self.models: dict[int, Estimator] = {}
        self.splits: set[int] = set()  # data sets that were split
        self.hidden_names: set[str] = set()  # that functions and comprehensions use
        self.seeded = False
        self.loops = 0
        self._numbers = 0
        self._told: set[tuple[str, int | str]] = set()

    # --------------------------------------------------------------------------------------------------- helpers

    def number(self) -> int:
        """A new number."""
        self._numbers += 1
        return self._numbers

    def fresh(self) -> Data:
        """Data of which nothing is known but that it is itself."""
        number = self.number()
        return Data(Rows(number), Columns(number))

    def place(self, node: ast.AST) -> Place:
        """Where *node* is."""
        return Place(self.current, node)

    def change(self, old: Data, new: Data) -> None:
        """An object has changed: all names for it stand for what it is now."""
        for name, value in self.names.items():
            if value is old:
                self.names[name] = new

    def escape(self, value: Value | None) -> None:
        """Something else may use the value from here on."""
        if isinstance(value, Estimator):
            value.escaped = True
        elif isinstance(value, Many):
            for inner in value.values:
                self.escape(inner)

    def escape_names(self, node: ast.AST) -> None:
        """The code in *node* runs another time, if at all."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                self.hidden_names.add(inner.id)
                self.escape(self.names.get(inner.id))

    def tell(self, code: str, message: str, place: Place, edit: Edit | None = None) -> None:
        """One finding, once a place, and once where another on the same line would say the same."""
        keys: set[tuple[str, int | str]] = {(code, id(place.node)), (code, message)}
        if keys.isdisjoint(self._told):
            self._told |= keys
            span = span_of(place.node, place.cell.source)
            self.findings.append(finding(code, message, cell=place.cell.place, span=span, edit=edit))

    # ---------------------------------------------------------------------------------------------------- splits

    def judge_split(self, values: Sequence[Value], node: ast.Call) -> None:
        """What is split must not carry what was learnt from all of it."""
        here = self.place(node)
        data = [value for value in values if isinstance(value, Data)]
        options = {keyword.arg: keyword.value for keyword in node.keywords}
        shuffle = options.get("shuffle")
        shuffled = not (isinstance(shuffle, ast.Constant) and shuffle.value is False)
        for trace in self._traces(data[:1]):
            self._tell_prepared(trace, here, "splits the rows")
        if shuffled:
            for trace in self._traces(data):
                if trace.kind == "lagged":
                    message = (
                        f"The rows have an order in time: {trace.what}() in {trace.place} looks at neighbouring rows. "
                        f"train_test_split in {here} shuffles them, so the model learns from rows after those it is "
                        "tested on."
                    )
                    self.tell("LL706", message, here)
        if shuffled and not self.seeded and None not in options and "random_state" not in options and not self.loops:
            message = f"train_test_split in {here} draws other rows each time it runs."
            self.tell("LL709", message, here, self._with_seed(node))

    def split_into_folds(self, data: Data, node: ast.Call) -> None:
        """Cross-validation splits the rows as well."""
        for trace in self._traces([data]):
            if trace.what not in BY_HAND:  # folds see next to nothing of each other through a mean
                self._tell_prepared(trace, self.place(node), "cross-validates on the rows")

    @staticmethod
    def _traces(data: Sequence[Data]) -> list[Trace]:
        whole = [trace for value in data if not value.rows.path for trace in value.traces if not trace.rows.path]
        return sorted(whole, key=lambda trace: (trace.place.cell.index, getattr(trace.place.node, "lineno", 0)))

    def _tell_prepared(self, trace: Trace, here: Place, what: str) -> None:
        if trace.kind == "multiplied":
            message = (
                f"{trace.what} in {trace.place} makes copies of rows before {here} {what}: a row and its copy can come "
                "to lie on both sides."
            )
            self.tell("LL705", message, trace.place)
        elif trace.kind == "prepared":
            learns = "is computed from" if trace.what in BY_HAND else "is fitted on"
            message = (
                f"{trace.what} in {trace.place} {learns} all rows before {here} {what}: it has seen the rows that "
                "are held out."
            )
            self.tell("LL702", message, trace.place)

    def _with_seed(self, node: ast.Call) -> Edit | None:
        """Give the split a ``random_state``; it is one of the splits that the notebook might have drawn anyway."""
        source = self.current.source
        span, text = span_of(node, source), ast.get_source_segment(source, node)
        if span is None or text is None or "#" in text or not text.endswith(")") or not node.args:
            return None
        if span.column is None or span.end_line is None or span.end_column is None:
            return None
        inner = text[:-1].rstrip()
        space = text[len(inner) : -1]
        fresh = f"{inner} random_state=0{space})" if inner.endswith(",") else f"{inner}, random_state=0{space})"
        change = TextEdit(self.current.id, span.line, span.column, span.end_line, span.end_column, text, fresh)
        return Edit("Add random_state=0", texts=(change,))

    # ------------------------------------------------------------------------------------------------------ fits

    def judge_fit(self, held: Estimator, fit: Fit, data: Data, target: Value | None) -> None:
        """A fit must not see the rows that are held out, nor the target among the features."""
        self.fits[fit.number] = (held, fit)
        self.models[id(held)] = held
        if data.rows.held_out and held.kind in ("model", "transformer") and len(held.fits) <= 2:
            message = f"{held.name} is fitted on {fit.data}, the rows that the split holds out, in {fit.place}."
            self.tell("LL701", message, fit.place)
        self.judge_target(held, data, target, fit.place.node)

    def judge_target(self, held: Estimator, data: Data, target: Value | None, node: ast.AST) -> None:
        """The target is not a feature."""
        if held.selects or held.kind != "model" or not isinstance(target, Data):
            return
        columns, column = data.columns, target.column
        if columns is None or column is None or columns.frame != column[0] or not columns.holds(column[1]):
            return
        here = self.place(node)
        message = f"{held.name} in {here} is to predict {column[1]!r}, which is still among the columns it is given."
        self.tell("LL703", message, here)

    def judge_transform(self, held: Estimator, data: Data, node: ast.AST) -> None:
        """A transformer that was fitted on all rows is applied to a part of them."""
        fit = held.fit
        if fit is None or held.kind not in ("transformer", "reducer") or fit.rows.path:
            return
        if data.rows.path and data.rows.within(fit.rows):
            message = (
                f"{held.name} is fitted on {fit.data} in {fit.place}, which holds the rows that the split holds out, "
                f"and then prepares parts of the split in {self.place(node)}."
            )
            self.tell("LL702", message, fit.place)

    # --------------------------------------------------------------------------------------------------- metrics

    def judge_use(self, held: Estimator, fit: Fit, use: Use) -> None:
        """A model is judged, or predicts."""
        held.uses.append((fit, use))
        if use.metric and use.rows.held_out and use.rows.within(fit.rows) and use.rows.path != fit.rows.path:
            message = (
                f"{held.name} is fitted on {fit.data} in {fit.place}, and then judged on rows held out of it in "
                f"{use.place}: it has seen them."
            )
            self.tell("LL701", message, fit.place)

    def metric(self, values: Sequence[Value], node: ast.AST) -> Data:
        """Something is computed from predictions."""
        for value in values:
            self.escape(value)
            inner = value.data if isinstance(value, Grouped) else value
            for number in inner.predicted_by if isinstance(inner, Data) else ():
                held, fit = self.fits[number]
                rows = inner.rows if isinstance(inner, Data) else fit.rows
                self.judge_use(held, fit, Use(rows, self.place(node), metric=True))
        return self.fresh()._replace(predicted_by=frozenset())

    def judge_metrics(self) -> None:
        """At the end: a model that was judged on the rows it learnt from, and on no others."""
        for held in self.models.values():
            if held.escaped or held.kind != "model" or len(held.fits) != 1 or not held.uses:
                continue
            fit = held.fits[0]
            seen = all(use.rows.within(fit.rows) and use.rows.path == fit.rows.path for _, use in held.uses)
            metric = next((use for _, use in held.uses if use.metric), None)
            if not seen or metric is None or not fit.supervised or fit.rows.held_out:
                continue
            split = fit.rows.root in self.splits
            if not split and held.name in tables.EXPLANATORY:
                continue
            rest = "the rows held out are not used" if fit.rows.path else "none of them are held out"
            message = (
                f"{held.name} is judged in {metric.place} on {fit.data}, the rows it was fitted on in {fit.place}; "
                f"{rest}, so the metric says how well it remembers."
            )
            self.tell("LL704", message, metric.place)
