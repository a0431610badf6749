"""Statements that make a setting which counts for values: ``sklearn.set_config(transform_output="pandas")``.

What hidden state a slice runs under cannot be kept with a model, which has no runtime of ours. A statement that sets it
in so many words is part of the model's code instead. What is left out this way is found out when the model is tried.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from labline_compiler.analysis import hidden_state
from labline_compiler.setups import LITERAL_MAKERS
from labline_compiler.syntax import unparse

ENVIRONMENT = "@environ"
COUNTING = frozenset(
    (
        *("@decimal", ENVIRONMENT, "@locale", "@pandas.options", "@polars.config"),
        *("@sklearn.config", "@torch.settings", "@xgboost.config"),
    )
)
"""States that code which makes features may compute by; the others are of what is shown, logged or drawn."""

SHOWN_BY = frozenset(
    ("holoviews", "bokeh", "plotly", "altair", "matplotlib", "sympy", "torch", "optuna", "transformers")
)
"""Libraries of which set-ups change only what is shown."""

_PLAIN = (
    *(ast.Attribute, ast.Subscript, ast.Name, ast.Constant, ast.keyword, ast.List, ast.Tuple, ast.Set, ast.Dict),
    *(ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.expr_context),
)


def makes_setting(node: ast.stmt, state: str, imports: Mapping[str, str], code: frozenset[str]) -> bool:
    """Whether *node* sets *state* and does nothing else, be it made once more before each request.

    *imports* are the names in it that imports bind, with their dotted names; *code* those that stand for other code.
    """
    match node:
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as target], value=value):
            parts: list[ast.AST] = [value]
        case ast.Delete(targets=[ast.Attribute() | ast.Subscript() as target]):
            parts = []
        case ast.Expr(value=ast.Call(func=target, args=given, keywords=keywords)):
            parts = [*given, *keywords]
            uses = hidden_state.call_uses(_origin(target, imports))
            if not any(use.state == state and use.use in ("set", "change") for use in uses):
                return False
        case _:
            return False
    if not _counts(state) or (state == "@pandas.options" and "display" in unparse(node)):
        return False
    known = imports.keys() | code | LITERAL_MAKERS
    return bool(_origin(target, imports)) and all(_is_plain(part, known) for each in parts for part in ast.walk(each))


def _counts(state: str) -> bool:
    return state in COUNTING or state.startswith((hidden_state.PATCH, hidden_state.MODULE))


def _is_plain(node: ast.AST, known: frozenset[str] | set[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in known
        case ast.Call(func=ast.Name(id=name)):
            return name in LITERAL_MAKERS
    return isinstance(node, _PLAIN)


def _origin(node: ast.expr, imports: Mapping[str, str]) -> str:
    """The dotted name of what is called or assigned into; "" where it is of no import."""
    parts: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=inner, attr=name):
                parts.append(name)
            case ast.Call(func=inner) | ast.Subscript(value=inner):
                pass
            case ast.Name(id=name) if name in imports:
                return ".".join([imports[name], *reversed(parts)])
            case _:
                return ""
        node = inner
