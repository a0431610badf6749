"""What the cells of other steps import above a step, where that tells which random numbers the step draws."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from labline_compiler.analysis.generators import IMPORTS
from labline_compiler.analysis.packages import imported_modules
from labline_compiler.ipython import CellSyntaxError, parse_python
from labline_compiler.passage import SEEDING
from labline_compiler.pipeline import Pipeline

_ONE_OF = rf"\b(?:{'|'.join(IMPORTS)})\b"
_NAMED = re.compile(_ONE_OF)
_IMPORTING = re.compile(rf"^[ \t]*(?:import|from)\b.*{_ONE_OF}", re.MULTILINE)


def imported_elsewhere(pipeline: Pipeline, name: str) -> dict[str, int]:
    """By module, the first cell of other steps that imports it, for a step that imports what may draw itself.

    What draws when it is imported for the first time does not where a cell above has imported it. It matters of
    generators that were seeded, and that a step draws from.
    """
    step = pipeline.step(name)
    importing = [cell.source for cell in step.cells if _IMPORTING.search(cell.source)]
    drawn = {state for source in importing for package in _NAMED.findall(source) for state in IMPORTS[package]}
    if not drawn:
        return {}
    used = {name for other in pipeline.steps for each in other.inputs for name in each.names}
    if any(SEEDING.search(cell.source) for cell in (*pipeline.preamble, *step.cells)):
        used.update(step.uses)
    if used.isdisjoint(drawn):
        return {}
    found: dict[str, int] = {}
    for other in pipeline.steps:
        for cell in other.cells if other.name != name else ():
            for module in _imports(cell.source):
                found[module] = min(cell.index, found.get(module, cell.index))
    last = max(cell.index for cell in step.cells)
    return {module: cell for module, cell in found.items() if cell < last}


@lru_cache(maxsize=1024)
def _imports(source: str) -> tuple[str, ...]:
    """The modules that running *source* is sure to import, among those that may draw."""
    if not _IMPORTING.search(source):
        return ()
    try:
        tree = parse_python(source)
    except CellSyntaxError:
        return ()
    run = ast.Module(list(_surely_run(tree.body)), [])
    return tuple(each.name for each in imported_modules([run]) if each.top in IMPORTS)


def _surely_run(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The imports that are carried out whatever happens, or tried."""
    for each in statements:
        if isinstance(each, (ast.Import, ast.ImportFrom)):
            yield each
        elif isinstance(each, (ast.With, ast.AsyncWith, ast.Try)):
            yield from _surely_run(each.body)
