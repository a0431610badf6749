"""Steps that are one loop, whose items can run in processes of their own: ``for item in items: results.append(...)``.

The notebook keeps its loop and its meaning; a target that runs the items apart has to come to the same. So the items
must not depend on each other, and that is decided by the analysis that decides it for steps: the notebook is followed
once more with the loop standing there twice, as two steps. Where the second takes anything of the first, or would have
to wait for it, one item may need what another has done.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from labline_compiler.analysis.dataflow import Analysis
from labline_compiler.analysis.flows import PREAMBLE, Flows, Unit, Version
from labline_compiler.ipython import ParsedCell
from labline_compiler.pipeline import Loop, Step
from labline_compiler.syntax import parse, unparse
from labline_runtime.outcome import Observation
from labline_runtime.specification import HIDDEN_STATE_PREFIX

_FIRST, _SECOND = "<one item>", "<the next item>"  # no step can be called so
_RESULT = "_labline_loop"
_ADDING = ("append", "extend")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FIND_NAMES = frozenset({"globals", "locals", "vars", "eval", "exec", "get_ipython", "__import__", "sys"})
_OF_FORMULAS = frozenset("@~")
_READ_TEXTS = frozenset({"eval", "evaluate", "query", "sql", "sqldf", "execute"})  # pandas, duckdb, ...
_WORD = re.compile(r"[^\W\d]\w*")
_GENERATORS = ("@random", "@numpy.random", "@torch.random")


class NoLoopError(Exception):
    """Why the items of a step cannot run apart, as the end of a sentence; where in the cell, if at one line."""

    def __init__(self, reason: str, unit: Unit | None = None, node: ast.AST | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unit = unit
        self.line: int | None = getattr(node, "lineno", None)


class Loops:
    """Looks for loops in the steps of one notebook, which is given as :func:`analyse` takes it."""

    def __init__(
        self, units: Sequence[Unit], facts: Sequence[Observation], *, parallel_random: bool, plots: str | None
    ) -> None:
        self._units = units
        self._facts = facts
        self._parallel_random = parallel_random
        self._plots = plots

    def find(self, step: Step) -> Loop:
        """The loop of *step*. Raises :class:`NoLoopError`."""
        units = [unit for unit in self._units if unit.step == step.name and unit.parsed is not None]
        found = _Found(units)
        if self._parallel_random:
            raise NoLoopError("`labline.parallel_random` gives each step one stream of random numbers")
        if step.options.exit:
            raise NoLoopError("it ends every run")
        if step.stretches:
            raise NoLoopError("its cells stand on both sides of another step's")
        if any(cell.role != "step" for cell in step.cells):
            raise NoLoopError("a cell of it is no ordinary one")
        if left := [name for output in step.outputs for name in output.names if name not in found.gathers]:
            raise NoLoopError(f"later steps take {_shown(left[0])}, which is more than the loop gathers", found.unit)
        self._check_independence(step.name, units, found)
        taken = {*step.parameters, *(name for each in step.inputs for name in each.names)}
        source = found.unit.cell.source
        first, last = found.over.lineno, found.over.end_lineno
        assert last is not None and found.over.end_col_offset is not None  # noqa: S101 - the parser gave them
        start = _offset(source, first, found.over.col_offset)
        end = _offset(source, last, found.over.end_col_offset)
        return Loop(
            found.unit.cell.index,
            start,
            end,
            tuple(found.gathers),
            self._merely_listed(found, taken),
        )

    def _merely_listed(self, found: _Found, taken: set[str]) -> tuple[str, ...]:
        """The names *taken* of which nothing but the items counts."""
        read = self._read_elsewhere(found)
        return tuple(sorted((_names(found.over) & taken) - read)) if read.isdisjoint(_FIND_NAMES) else ()

    def _read_elsewhere(self, found: _Found) -> set[str]:
        """The names in the loop but for what it goes through, and in all code whose functions it may call.

        Words in texts that are code are among them: ``frame.query("a in @wanted")`` reads ``wanted``.
        """
        preamble = [unit.parsed.tree for unit in self._units if unit.step == PREAMBLE and unit.parsed is not None]
        functions = [
            node
            for unit in self._units
            if unit.parsed is not None
            for node in ast.walk(unit.parsed.tree)
            if isinstance(node, _FUNCTIONS)
        ]
        return found.read.union(*map(_named, [*preamble, *functions]))

    def _check_independence(self, name: str, units: list[Unit], found: _Found) -> None:
        """Follow the notebook with the loop in two steps, the second of which must not need the first."""
        first = [replace(unit, step=_FIRST) for unit in units]
        first[-1] = replace(first[-1], parsed=ParsedCell(found.without_results))
        second = replace(units[-1], step=_SECOND, parsed=ParsedCell(copy.deepcopy(found.loop_alone)))
        place = self._units.index(units[-1])
        kept = [unit for unit in self._units if unit not in units]
        above = [unit for unit in self._units[:place] if unit not in units]
        twice = [*above, *first, second, *kept[len(above) :]]
        facts = [replace(fact, step=copy) for fact in self._facts if fact.step == name for copy in (_FIRST, _SECOND)]
        others = [fact for fact in self._facts if fact.step != name]
        flows = Analysis(self._plots).flows(twice, [*others, *facts])
        self._judge(flows, units[-1])

    @staticmethod
    def _judge(flows: Flows, unit: Unit) -> None:
        if flows.misplaced:
            raise NoLoopError("it changes what cells at the start of every step have made", unit)
        flow = flows.steps[_SECOND]
        taken = sorted((v for v in flow.inputs.values() if v.step == _FIRST), key=lambda v: v.name)
        if taken:
            raise NoLoopError(_need(taken[0]), unit, taken[0].statement)
        if _FIRST in flow.after:
            raise NoLoopError("one item may use files that another one writes", unit)


def _need(version: Version) -> str:
    name = version.name
    if name in _GENERATORS:
        return (
            "each item goes on with the random numbers where the one before has stopped: give each a generator of its "
            "own, as `numpy.random.default_rng(seed + number)` or `random_state=`"
        )
    if name.startswith(HIDDEN_STATE_PREFIX):
        return f"one item may change {_shown(name)} for the next"
    return f"one item may need {name} as another has left it"


def _shown(name: str) -> str:
    return f"the state of {name[1:]}" if name.startswith(HIDDEN_STATE_PREFIX) else name


class _Found:
    """The one loop that a step's cells are, beside names made empty above it. Raises :class:`NoLoopError`."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.gathers: dict[str, type[ast.expr]] = {}
        self.unit = units[-1]
        statements = [(unit, statement) for unit in units for statement in _statements(unit)]
        if not statements:
            raise NoLoopError("it has no code")
        for unit, statement in statements[:-1]:
            made = _made_empty(statement)
            if made is None:
                raise NoLoopError(
                    "it has code beside one loop and lists or dictionaries made empty above it (`scores = []`)",
                    unit,
                    statement,
                )
            self.gathers |= made
        unit, last = statements[-1]
        if unit is not self.unit:
            raise NoLoopError("its last cell has no loop", self.unit)
        loop = copy.deepcopy(last)
        if isinstance(loop, ast.For):
            self._take_statement(loop)
        elif isinstance(loop, ast.Assign) and isinstance(loop.value, ast.ListComp | ast.DictComp):
            self._take_comprehension(loop, loop.value)
        else:
            raise NoLoopError("it does not end with a loop over items", unit, last)
        if any(isinstance(node, ast.Await | ast.Yield | ast.YieldFrom) for node in ast.walk(loop)):
            raise NoLoopError("its loop awaits something", unit, last)
        if not _names(loop).isdisjoint(self.gathers):  # where they are added to has been taken out
            name = min(_names(loop) & self.gathers.keys())
            ways = f"`{name}.append(...)` and `{name}[key] = ...`"
            raise NoLoopError(f"{name} is used in other ways than {ways} as lines of their own", unit, last)
        self.without_results = ast.Module([*_tree(unit).body[:-1], loop], [])
        self.loop_alone = ast.Module([loop], [])
        self.read = _named(loop, self.over)

    def _take_statement(self, loop: ast.For) -> None:
        if loop.orelse or any(isinstance(node, ast.Break) for node in _own_nodes(loop.body)):
            raise NoLoopError("its loop may end before the last item (`break`, `else`)", self.unit, loop)
        if not self.gathers:
            raise NoLoopError("no list or dictionary is made empty above its loop (`scores = []`)", self.unit, loop)
        self.over = loop.iter
        loop.body = _Taken(self.gathers).all(loop.body)

    def _take_comprehension(self, loop: ast.Assign, value: ast.ListComp | ast.DictComp) -> None:
        if self.gathers or len(loop.targets) != 1 or not isinstance(target := loop.targets[0], ast.Name):
            raise NoLoopError("it has code beside one loop", self.unit, loop)
        if len(value.generators) != 1 or value.generators[0].is_async:
            raise NoLoopError("its comprehension goes through more than one thing", self.unit, loop)
        if held := _held(value):
            raise NoLoopError(
                f"functions made in its comprehension use {held[0]}, which is the last item's for all of them: give "
                f"them each its own, as `lambda {held[0]}={held[0]}: ...`",
                self.unit,
                loop,
            )
        self.gathers = {target.id: ast.List if isinstance(value, ast.ListComp) else ast.Dict}
        self.over = value.generators[0].iter
        target.id = _RESULT


class _Taken:
    """Takes lines that add to the results out of a loop's body: what they add is still worked out."""

    def __init__(self, gathers: dict[str, type[ast.expr]]) -> None:
        self._gathers = gathers

    def all(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """*statements*, with what stands in their blocks, so changed."""
        return [each for statement in statements for each in self._one(statement)]

    def _one(self, statement: ast.stmt) -> list[ast.stmt]:
        added = self._added(statement)
        if added is not None:
            return [ast.copy_location(ast.Expr(value), statement) for value in added]
        if not isinstance(statement, _FUNCTIONS):
            for name in ("body", "orelse", "finalbody"):
                if block := getattr(statement, name, None):
                    setattr(statement, name, self.all(block))
            for inner in [*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]:
                inner.body = self.all(inner.body)
        return [statement]

    def _added(self, statement: ast.stmt) -> list[ast.expr] | None:
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), method), [value], [])):
                if self._gathers.get(name) is ast.List and method in _ADDING and not isinstance(value, ast.Starred):
                    spread = ast.List([ast.Starred(value, ast.Load())], ast.Load())
                    return [ast.copy_location(spread, value) if method == "extend" else value]
            case ast.Assign([ast.Subscript(ast.Name(name), key)], value):
                if self._gathers.get(name) is ast.Dict and not isinstance(key, ast.Slice):
                    return [value, key]
        return None


def _statements(unit: Unit) -> list[ast.stmt]:
    return _tree(unit).body


def _tree(unit: Unit) -> ast.Module:
    """The cell as plain Python: what is put into its text has to mean there what it means here."""
    if "\r" in unit.cell.source:  # which the parser takes for the end of a line, too
        raise NoLoopError("its lines end in other ways than a newline", unit)
    try:
        tree: ast.Module = parse(unit.cell.source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise NoLoopError("a cell of it is not plain Python", unit) from None
    return tree


def _made_empty(statement: ast.stmt) -> dict[str, type[ast.expr]] | None:
    """The names that *statement* makes empty lists and dictionaries, with which; None where it does anything else."""
    match statement:
        case ast.Assign([ast.Tuple(names)], ast.Tuple(values)) if len(names) == len(values):
            pairs = list(zip(names, values, strict=True))
        case ast.Assign([name], value) | ast.AnnAssign(name, _, ast.expr() as value):
            pairs = [(name, value)]
        case _:
            return None
    made: dict[str, type[ast.expr]] = {}
    for target, empty in pairs:
        match target, empty:
            case ast.Name(id), ast.List([]) | ast.Dict([]):
                made[id] = type(empty)
            case _:
                return None
    return made


def _own_nodes(statements: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """What stands in these statements, without inner loops and functions."""
    stack: list[ast.AST] = list(statements)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.For | ast.While | ast.AsyncFor):
            stack += node.orelse
        elif not isinstance(node, _FUNCTIONS):
            stack += ast.iter_child_nodes(node)


def _held(comprehension: ast.ListComp | ast.DictComp) -> list[str]:
    """The variables of *comprehension* that functions made in it go on using: they share them with those of all items.

    Where an expression makes functions, they may stay behind, whatever it comes to, unless it only sorts by them.
    """
    bound = _names(comprehension.generators[0].target)
    keys = [
        word.value
        for node in ast.walk(comprehension)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("sorted", "min", "max")
        for word in node.keywords
    ]
    lambdas = [node for node in ast.walk(comprehension) if isinstance(node, ast.Lambda) and node not in keys]
    return sorted({name for each in lambdas for name in bound & _names(each.body) - _given(each)})


def _given(function: ast.Lambda) -> set[str]:
    return {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _named(node: ast.AST, left_out: ast.AST | None = None) -> set[str]:
    """The names in *node*, and in texts that seem to be code there, outside of *left_out*."""
    found: set[str] = set()
    stack = [node]
    while stack:
        each = stack.pop()
        if each is left_out:
            continue
        if isinstance(each, ast.Name):
            found.add(each.id)
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and not _OF_FORMULAS.isdisjoint(each.value):
            found.update(_WORD.findall(each.value))
        elif isinstance(each, ast.Call) and unparse(each.func).rpartition(".")[2] in _READ_TEXTS:
            found.update(_WORD.findall(unparse(each)))
        stack += ast.iter_child_nodes(each)
    return found


def _offset(source: str, line: int, column: int) -> int:
    """The character at *column*, in bytes as the parser counts, of *line*, from 1."""
    lines = source.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + len(lines[line - 1].encode()[:column].decode())
