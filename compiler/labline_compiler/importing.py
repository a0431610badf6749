"""What the cells of other steps import above a step, where that tells which random numbers the step draws."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from labline_compiler.analysis.generators import IMPORTS
from labline_compiler.analysis.hidden_state import RANDOM_STATES
from labline_compiler.analysis.packages import imported_modules
from labline_compiler.ipython import CellSyntaxError, parse_python
from labline_compiler.pipeline import Pipeline

_IMPORTING = re.compile(rf"^[ \t]*(?:import|from)\b.*\b(?:{'|'.join(IMPORTS)})\b", re.MULTILINE)
_SEEDING = re.compile(r"seed\w*\s*\(|setstate|set_state")


def imported_elsewhere(pipeline: Pipeline, name: str) -> dict[str, int]:
    """By module, the first cell of other steps that imports it, for a step that imports what may draw itself.

    What draws when it is imported for the first time does not where a cell above has imported it.
    """
    step = pipeline.step(name)
    if not any(_IMPORTING.search(cell.source) for cell in step.cells):
        return {}
    taken = {name for other in pipeline.steps for each in other.inputs for name in each.names}
    seeds = any(_SEEDING.search(cell.source) for cell in (*pipeline.preamble, *step.cells))
    if not seeds and taken.isdisjoint(RANDOM_STATES):
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
    """The modules that running *source* imports, among those that may draw."""
    if not _IMPORTING.search(source):
        return ()
    try:
        tree = parse_python(source)
    except CellSyntaxError:
        return ()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    run = ast.Module([each for each in tree.body if not isinstance(each, functions)], [])
    return tuple(each.name for each in imported_modules([run]) if each.top in IMPORTS)
