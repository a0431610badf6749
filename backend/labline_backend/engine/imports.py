"""What every step of a notebook imports before anything else, so that a warm parent may have done it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from labline_compiler.syntax import unparse
from labline_runtime.specification import CellSource

# These change nothing for an import that comes after them.
_MAGIC = re.compile(r"^[ \t]*%(?:matplotlib\s+inline|config\s+InlineBackend\.\w+\s*=.*)$", re.MULTILINE)
_OTHER = re.compile(r"^[ \t]*[%!]", re.MULTILINE)


def first_imports(preamble: Iterable[CellSource]) -> tuple[str, ...]:
    """The import statements that a notebook's preamble begins with, one module each, in their order.

    Whatever else may have an effect ends them: a variable of the environment set before an import may change what it
    does. Constants, filters that ignore warnings, and how figures are shown may stand between them.
    """
    found: list[str] = []
    for cell in preamble:
        source = _MAGIC.sub("", cell.source)
        other = _OTHER.search(source)
        try:
            body = ast.parse(source if other is None else source[: other.start()]).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            break
        for statement in body:
            statements = _imports(statement)
            if statements is None:
                return tuple(found)
            found += statements
        if other is not None:
            break
    return tuple(dict.fromkeys(found))


def _imports(statement: ast.stmt) -> list[str] | None:
    """The imports in *statement*; none where it has no effect on later ones, None where it may have."""
    if isinstance(statement, ast.Import):
        return [f"import {alias.name}" for alias in statement.names]
    if isinstance(statement, ast.ImportFrom) and not statement.level:
        return [] if statement.module == "__future__" else [unparse(statement)]
    if isinstance(statement, ast.Expr) and (isinstance(statement.value, ast.Constant) or _ignores(statement.value)):
        return []
    return None


def _ignores(call: ast.expr) -> bool:
    """Whether it has some warnings ignored. An import that would show one is not done ahead."""
    return (
        isinstance(call, ast.Call)
        and unparse(call.func) in ("warnings.filterwarnings", "warnings.simplefilter")
        and bool(call.args)
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value == "ignore"
        and all(_is_plain(argument) for argument in (*call.args, *(keyword.value for keyword in call.keywords)))
    )


def _is_plain(argument: ast.expr) -> bool:
    return all(isinstance(node, (ast.Constant, ast.Name, ast.Attribute, ast.Load)) for node in ast.walk(argument))
