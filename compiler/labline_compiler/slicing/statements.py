"""The notebook as statements, each with what it takes from which other one.

The analysis of the compiler tells what flows between steps. Here every statement is a step, so it tells what flows
between statements: aliases, alterations and names that functions read later are its business.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import field

from labline_compiler.analysis.dataflow import TooDeepError
from labline_compiler.analysis.flows import Unit
from labline_compiler.assignment import CodeCell, Role
from labline_compiler.compile import Compilation
from labline_compiler.ipython import ParsedCell
from labline_compiler.known import Known
from labline_compiler.notebook import Cell, Notebook
from labline_compiler.setups import find_setups
from labline_compiler.slicing.words import SlicingError
from labline_compiler.syntax import unparse
from labline_compiler.tags import CellTags
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import HIDDEN_STATE_PREFIX, Setup

_CODE = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Version:
    """What a name stands for after a statement, which is told by its number."""

    name: str
    statement: int

    @property
    def is_state(self) -> bool:
        """Whether it is hidden state, which nobody has named."""
        return self.name.startswith(HIDDEN_STATE_PREFIX)


@dataclass(eq=False)
class Statement:
    """One statement at the top of a cell. ``inputs`` are the names it needs, as which statement made them."""

    number: int
    cell: Cell
    role: Role
    step: str | None
    node: ast.stmt
    inputs: dict[str, int] = field(default_factory=dict)
    changes: frozenset[str] = frozenset()  # names that it binds, or whose objects it may alter
    setup: Setup | None = None  # where it sets up the process for what comes after it

    @property
    def is_code(self) -> bool:
        """Whether it says what code there is: an import, a function, a class. It is copied and not its value kept."""
        if isinstance(self.node, ast.Assign):
            return isinstance(self.node.value, ast.Lambda) and all(isinstance(t, ast.Name) for t in self.node.targets)
        return isinstance(self.node, _CODE)

    @property
    def source(self) -> str:
        """As code."""
        return unparse(self.node)

    def version(self, name: str) -> Version | None:
        """What *name* is to it; None where the notebook gives it none."""
        made = self.inputs.get(name)
        return None if made is None else Version(name, made)

    @property
    def versions(self) -> Iterable[Version]:
        """All that it needs."""
        return (Version(name, made) for name, made in self.inputs.items())


def read_statements(notebook: Notebook, compilation: Compilation, plots: str | None) -> list[Statement]:
    """The statements of the cells that run, in the notebook's order. Raises ``SlicingError``."""
    known = Known(notebook, plots)
    roles = {info.index: info for info in compilation.cells}
    found: list[Statement] = []
    units: list[Unit] = []
    cells: list[CodeCell] = []
    for cell in notebook.code_cells:
        info = roles.get(cell.index)
        if info is None or info.role == "skip":
            continue
        parsed = known.parse(cell)
        if parsed.local:
            continue
        cells.append(CodeCell(cell, CellTags(), info.role, info.step or info.role, parsed))
        for node in _apart(parsed.tree.body):
            number = len(found)
            found.append(Statement(number, cell, info.role, info.step, node))
            units.append(Unit(cell, str(number), ParsedCell(ast.Module([node], []))))
    standing = find_setups(cells, known.beside).standing
    try:
        flows = known.analysis.flows(units)
    except TooDeepError as error:
        raise SlicingError(str(error)) from error
    for statement in found:
        flow = flows.steps[str(statement.number)]
        statement.inputs = {name: int(made.step) for name, made in flow.inputs.items() if made.step.isdigit()}
        statement.changes = frozenset(flow.altered) | _bound(statement.node)
        lines = range(statement.node.lineno, (statement.node.end_lineno or statement.node.lineno) + 1)
        here = [each for each in standing if each.cell.cell is statement.cell and each.node.lineno in lines]
        if here:
            statement.setup = Setup("\n".join(each.text for each in here), here[0].library)
    return found


def _apart(body: list[ast.stmt]) -> Iterable[ast.stmt]:
    """The statements; ``a, b = x, y`` as two where neither reads what the other binds, and ``a = b = x`` likewise."""
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if (
                len(targets) == len(values)
                and all(isinstance(target, ast.Name) for target in targets)
                and {target.id for target in targets if isinstance(target, ast.Name)}.isdisjoint(
                    each.id for value in values for each in ast.walk(value) if isinstance(each, ast.Name)
                )
            ):
                for target, value in zip(targets, values, strict=True):
                    yield ast.copy_location(ast.Assign([target], value), node)
            case _:
                yield node


def _bound(node: ast.stmt) -> frozenset[str]:
    """Names that the statement binds in the notebook's own scope, roughly: those inside functions count, too."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        names = {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return frozenset(names)
