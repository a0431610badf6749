"""Pipeline parameters: literals bound in the notebook's namespace before the step's first cell."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from labline_runtime.failure import StepFailure
from labline_runtime.outcome import StepError

_CONSTANTS = {"nan": float("nan"), "inf": float("inf")}  # what repr writes for them


def bind(parameters: Mapping[str, str], namespace: dict[str, Any]) -> None:
    """Bind each parameter to its value. A literal that is none fails the step."""
    for name, text in parameters.items():
        try:
            namespace[name] = evaluate(text)
        except (SyntaxError, ValueError, TypeError, ArithmeticError, MemoryError, RecursionError) as error:
            raise StepFailure(
                StepError(
                    message=f"The parameter {name} has the value {text!r}, which is not a Python literal: {error}.",
                    variable=name,
                    hint="Give a number, a text in quotes, True, False, None, or a list, tuple, dict or set of these.",
                )
            ) from error


def evaluate(text: str) -> Any:
    """The value of an expression of literals. Raises ``ValueError`` or ``SyntaxError`` for anything else."""
    tree = ast.parse(text.strip(), mode="eval")
    try:
        return ast.literal_eval(tree)
    except ValueError:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in _CONSTANTS:
                continue
            if not isinstance(node, _ALLOWED):
                raise ValueError(f"{type(node).__name__.lower()} is not allowed in it") from None
        code = compile(tree, "<parameter>", "eval")
        return eval(code, {"__builtins__": {}}, dict(_CONSTANTS))  # noqa: S307 - literals and operators only


_ALLOWED = (
    *(ast.Expression, ast.Constant, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.unaryop),
    *(ast.operator, ast.boolop, ast.cmpop, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.expr_context, ast.Starred),
    *(ast.JoinedStr, ast.FormattedValue, ast.Subscript, ast.Slice),
)
