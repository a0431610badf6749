"""What a metrics cell measures, and what cells import: read off their source (as plain Python, magics transformed)."""

from __future__ import annotations

import ast
import math
import numbers
import sys
from collections.abc import Iterator, Mapping
from typing import Any

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def collect(source: str, namespace: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a cell that has run: the numbers, and flat dicts of numbers, it assigns or reads at top level.

    The entry ``k`` of a dict ``d`` is the metric ``d.k``. NaN and infinity have no place in JSON: they are left out,
    and the log says so.
    """
    found: dict[str, float] = {}
    for name in top_level_names(source):
        if name.startswith("_") or name not in namespace:
            continue
        value = namespace[name]
        entries = {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
        numbers_found = {metric: _number(item) for metric, item in entries.items()}
        if any(number is None for number in numbers_found.values()):
            continue
        for metric, number in numbers_found.items():
            if number is not None and math.isfinite(number):
                found[metric] = number
            else:
                print(f"The metric {metric} is {number} and is not recorded.", file=sys.stderr)  # noqa: T201
    return found


def _number(value: Any) -> float | None:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        value = value.item()
    if not isinstance(value, numbers.Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def top_level_names(source: str) -> list[str]:
    """The names that *source* assigns or reads at top level, in order, each once."""
    names: dict[str, None] = {}
    for node in _top_level(parsed(source)):
        if isinstance(node, ast.Name):
            names[node.id] = None
    return list(names)


def imported_modules(source: str) -> set[str]:
    """The dotted names of all modules that *source* imports, in functions too."""
    found: set[str] = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(name for alias in node.names if (name := f"{node.module}.{alias.name}") in sys.modules)
    return found


def parsed(source: str) -> ast.AST:
    """The tree of a cell that has run."""
    try:
        return ast.parse(source)
    except SyntaxError:  # only top-level await can be left, and that parses; a cell that ran is Python
        return ast.Module(body=[], type_ignores=[])


def _top_level(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _SCOPES):
            continue
        if isinstance(child, _COMPREHENSIONS):
            bound = {n.id for n in ast.walk(child) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            yield from (n for n in _top_level(child) if not (isinstance(n, ast.Name) and n.id in bound))
            continue
        yield child
        yield from _top_level(child)
