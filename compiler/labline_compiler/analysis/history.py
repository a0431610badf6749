"""IPython's history: what cells have given (``_``, ``__``, ``_3``, ``Out``), and their text (``In``, ``_i``, ``_i3``).

What the third cell gives is a variable called ``_3``, as in IPython, and flows between steps like any other; a step
puts what it takes into ``Out`` and ``_``. The text of cells does not flow.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from labline_compiler.analysis.flows import PREAMBLE
from labline_compiler.analysis.heap import NOTHING, Heap, Value
from labline_compiler.analysis.state import Output, Ran, Sink
from labline_compiler.analysis.statements import Statements
from labline_compiler.ipython import ParsedCell
from labline_compiler.sought import Sought

_GIVEN = frozenset(("_", "__", "___", "Out", "_oh"))
_RESULT = re.compile(r"_\d+")
_TEXT = re.compile(r"_i\d+")
_MENTION = Sought("_ Out", r"(?<![\w.])(?:_{1,3}|_\d+|Out|_oh)(?!\w)")
_SURE: tuple[type[ast.expr], ...] = (
    ast.Constant,
    ast.List,
    ast.Dict,
    ast.Tuple,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.JoinedStr,
)
_BY_OPERATORS = (ast.BinOp, ast.Compare)
_GIVES_NOTHING = frozenset(("capture", "timeit", "prun", "memit", "mprun", "lprun"))


def is_result(name: str) -> bool:
    """Whether it is the name of what a cell gave."""
    return _RESULT.fullmatch(name) is not None


def is_text(name: str) -> bool:
    """Whether it is the name of a cell's text."""
    return _TEXT.fullmatch(name) is not None


def asks_for_results(cell: ParsedCell, source: str) -> bool:
    """Whether the cell may read what another gave: if none does, nobody needs to follow that."""
    if not _MENTION.search(source):
        return False
    return bool(set("%!") & set(source)) or any(
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and (node.id in _GIVEN or is_result(node.id))
        for node in ast.walk(cell.tree)
    )


class History(Statements):
    """Follows what is kept of cells that have run."""

    number = 0  # of the cell's run, as IPython counts
    source = ""

    def __init__(self, heap: Heap, sink: Sink) -> None:
        super().__init__(heap, sink)
        self.ran: list[Ran] = []
        self.results_asked = False  # whether any cell reads what a cell gave
        self.shows_all = False  # IPython is told to show more than last expressions

    def _run_expr(self, statement: ast.Expr) -> None:
        super()._run_expr(statement)
        if self.shows_all and len(self.state.frames) == 1:
            self.use(self.last_value)

    def remember_cell(self, cell: ParsedCell, value: Value) -> None:
        """The cell has come to its end; *value* is that of its last expression."""
        output = self._output(cell, value)
        if output != "none":
            self.use(value)  # it is shown
            self.run_kept(self.heap.only(self.heap.reach(value), "styler", "matplotlib"))
        self.shows_all |= "ast_node_interactivity" in self.source
        self.ran.append(Ran(self.number, output))
        if not self.results_asked or output == "none":
            return
        name = f"_{self.number}"
        if output == "some":
            self.state.bind(name, value)
        else:
            self.state.branches(lambda: self.state.bind(name, value), lambda: None)

    def _output(self, cell: ParsedCell, value: Value) -> Output:
        if cell.magic is not None and cell.magic.name in _GIVES_NOTHING:
            return "none"
        if cell.magic is not None and cell.magic.body is not None:
            return "maybe" if value else "none"  # one that is not known may give something
        last = cell.tree.body[-1] if cell.tree.body else None
        if not isinstance(last, ast.Expr) or self.source.rstrip().endswith(";"):
            return "none"
        inner = last.value
        if isinstance(inner, ast.Constant) and inner.value is None:
            return "none"
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "print":
            return "maybe" if "print" in self.state.module.names else "none"
        if isinstance(inner, _BY_OPERATORS):  # methods of the notebook's classes may give None
            return "some" if self.heap.reach(value).isdisjoint(self.heap.instances) else "maybe"
        return "some" if isinstance(inner, _SURE) else "maybe"

    # ----------------------------------------------------------------------------------------------------- what is read

    def history_name(self, name: str) -> Value:
        """The value of ``_``, ``Out``, ``In`` or the like. What a numbered one stands for has a name of its own."""
        if is_result(name):
            return NOTHING  # no cell above gave it, which is told as of any name
        if name in ("Out", "_oh"):
            held = self._results(name, (ran.number for ran in self.ran if ran.output != "none"))
            return self.heap.make(("history", name), "dict", held)
        if set(name) == {"_"}:
            return self._latest(name, len(name))
        self.state.sink.history(name, lambda step, ran: _lacks_text(name, step, ran))
        return self.heap.make(("history", name), "data")

    def history_item(self, name: str, number: int | None) -> Value:
        """``Out[number]``."""
        if number is None or not any(ran.number == number and ran.output != "none" for ran in self.ran):
            return self.history_name(name)
        return self._results(name, [number])

    def _latest(self, name: str, wanted: int) -> Value:
        """What one of the last cells gave, where each of several may have been the last to give anything."""
        numbers = []
        for ran in reversed(self.ran):
            if ran.output != "none":
                numbers.append(ran.number)
                wanted -= ran.output == "some"
            if wanted == 0:
                break
        return self._results(name, numbers)

    def _results(self, name: str, numbers: Iterable[int]) -> Value:
        wanted = set(numbers)
        if self.shows_all:  # each may have given several things
            self.state.sink.history(
                name, lambda step, ran: any(r.number in wanted and r.step not in (step, PREAMBLE) for r in ran)
            )
        given = (self.state.global_value(f"_{number}") for number in sorted(wanted))
        return NOTHING.union(*(value for value in given if value is not None))

    def list_names(self, how: str, node: ast.AST | None) -> None:
        """The cell lists all names that there are, by *how*."""
        message = f"The cell lists names by {how}: in the pipeline, those that its step has."
        self.state.sink.note("LL307", message, node, lacks=lacks_some)


def _lacks_text(name: str, step: str, ran: Sequence[Ran]) -> bool:
    """Whether a step, which runs its own cells only, does not have the text that the notebook has there."""
    if (number := name.removeprefix("_i")).isdigit():
        return not any(each.number == int(number) and each.step in (step, PREAMBLE) for each in ran)
    if name in ("_i", "_ii", "_iii"):
        return any(each.step != step for each in ran[1 - len(name) :])
    return lacks_some(step, ran)


def lacks_some(step: str, ran: Sequence[Ran]) -> bool:
    """Whether the step has not run every cell above, in the notebook's order."""
    steps = [each.step for each in ran]
    before = [each for each in steps if each == PREAMBLE]
    numbers = [each.number for each in ran]
    return steps != before + [step] * (len(steps) - len(before)) or numbers != [*range(1, len(steps) + 1)]
