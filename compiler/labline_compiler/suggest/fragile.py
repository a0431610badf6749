"""Names for what cannot leave its process, or should not: files, generators, connections, open figures."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from labline_compiler.ipython import ParsedCell
from labline_compiler.suggest.words import words

_BUILTINS = words("open iter map zip filter enumerate reversed memoryview")
_LIBRARY = words(
    "figure subplots subplot axes gca gcf subplot_mosaic FacetGrid JointGrid PairGrid connect cursor "
    "socket Lock RLock Thread Semaphore Event Condition Queue Pool ThreadPoolExecutor "
    "ProcessPoolExecutor Popen urlopen scandir iglob reader DictReader writer DictWriter Session "
    "InteractiveSession File ZipFile TarFile open TemporaryFile NamedTemporaryFile TemporaryDirectory "
    "ExcelWriter ExcelFile HDFStore memmap SparkContext getOrCreate Chrome Firefox VideoCapture Client "
    "LocalCluster flow"
)
_FIGURES = words("add_subplot add_axes twinx twiny inset_axes subplots gca plot")


def fragile_names(cells: Mapping[int, ParsedCell]) -> dict[int, set[str]]:
    """By cell: the names that it binds to something fragile."""
    generators = {
        node.name
        for parsed in cells.values()
        for node in ast.walk(parsed.tree)
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in ast.walk(node))
    }
    found: dict[int, set[str]] = {}
    known: set[str] = set()
    for index, parsed in cells.items():
        for node in ast.walk(parsed.tree):
            targets: list[ast.expr] = []
            if isinstance(node, ast.Assign) and _is_fragile(node.value, known, generators):
                targets = node.targets
            elif isinstance(node, ast.NamedExpr) and _is_fragile(node.value, known, generators):
                targets = [node.target]
            for target in targets:
                names = {inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name)}
                found.setdefault(index, set()).update(names)
                known |= names
    return found


def _is_fragile(value: ast.expr, known: set[str], generators: set[str]) -> bool:
    match value:
        case ast.GeneratorExp():
            return True
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return any(_is_fragile(item, known, generators) for item in items)
        case ast.Call(func=ast.Name(id=name)):
            return name in _BUILTINS or name in generators or name in _LIBRARY
        case ast.Call(func=ast.Attribute(attr=name, value=held), keywords=keywords):
            if name in _LIBRARY or any(keyword.arg in ("chunksize", "iterator") for keyword in keywords):
                return True
            return name in _FIGURES and isinstance(held, ast.Name) and held.id in known
        case ast.Name(id=name):
            return name in known
    return False
