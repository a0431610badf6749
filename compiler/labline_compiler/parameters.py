"""Pipeline parameters: literal assignments of a parameters cell, and the values that a run gives instead."""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Collection, Iterable
from typing import Any

from labline_compiler.ipython import CellSyntaxError, parse_cell
from labline_compiler.pipeline import Parameter
from labline_compiler.syntax import parse, unparse
from labline_runtime.dataclass import dataclass

_MAXIMUM_BITS = 4096  # of an integer
_MAXIMUM_ITEMS = 100_000  # of a text or a container, in all its depth

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
_TYPES = ("int", "float", "str", "bool", "list", "dict", "tuple", "set", "bytes", "complex", "NoneType")


class NotLiteralError(ValueError):
    """The expression is not made of literals, or its value is beyond bounds."""


@dataclass(frozen=True)
class ParametersCell:
    """A parameters cell taken apart: the parameters, and the rest of its code on its old lines."""

    parameters: tuple[Parameter, ...]
    rest: ast.Module
    rest_source: str | None  # None where nothing is left to run


def fold(node: ast.expr) -> Any:
    """The value of an expression of literals. Raises :class:`NotLiteralError`; never takes long."""
    try:
        value = _fold(node)
    except NotLiteralError:
        raise
    except (ArithmeticError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise NotLiteralError(str(error)) from error
    if type(value).__name__ not in _TYPES:
        raise NotLiteralError(f"a {type(value).__name__} has no literal")
    return value


def _fold(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value) if value is not Ellipsis:
            if isinstance(value, int) and value.bit_length() > _MAXIMUM_BITS:
                raise NotLiteralError("the number is too large")
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
            return kind([_fold(item) for item in items])
        case ast.Dict(keys=keys, values=values):
            return {_fold_key(key): _fold(value) for key, value in zip(keys, values, strict=True)}
        case ast.UnaryOp(op=sign, operand=operand):
            return _UNARY[type(sign)](_fold(operand))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _bounded(sign, _fold(left), _fold(right))
        case ast.JoinedStr(values=values) if all(isinstance(value, ast.Constant) for value in values):
            return "".join(str(_fold(value)) for value in values)
        case ast.Call(func=ast.Name(id="set"), args=[], keywords=[]):
            return set()
    raise NotLiteralError(f"{unparse(node)[:80]} is not a literal")


def _fold_key(key: ast.expr | None) -> Any:
    if key is None:
        raise NotLiteralError("** is not a literal")
    return _fold(key)


def _bounded(sign: ast.operator, left: Any, right: Any) -> Any:
    """Apply the operator where the result cannot be large."""
    numbers = isinstance(left, (int, float, complex)) and isinstance(right, (int, float, complex))
    if isinstance(sign, ast.Pow):
        if not numbers:
            raise NotLiteralError("only numbers have powers")
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _MAXIMUM_BITS:
            raise NotLiteralError("the number is too large")
    elif isinstance(sign, ast.LShift):
        if not isinstance(right, int) or right > _MAXIMUM_BITS:
            raise NotLiteralError("the number is too large")
    elif isinstance(sign, ast.Mod) and not numbers:
        raise NotLiteralError("text is not formatted here")
    elif isinstance(sign, ast.Mult) and not numbers:
        count, items = (left, right) if isinstance(left, int) else (right, left)
        if isinstance(count, int) and _size(items) * max(count, 0) > _MAXIMUM_ITEMS:
            raise NotLiteralError("the value is too large")
    value = _BINARY[type(sign)](left, right)
    if isinstance(value, int) and value.bit_length() > _MAXIMUM_BITS:
        raise NotLiteralError("the number is too large")
    if _size(value) > _MAXIMUM_ITEMS:
        raise NotLiteralError("the value is too large")
    return value


def _size(value: Any) -> int:
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, (list, tuple, set)):
        return 1 + sum(_size(item) for item in value)
    if isinstance(value, dict):
        return 1 + sum(_size(key) + _size(item) for key, item in value.items())
    return 1


def literal(value: Any) -> str:
    """Write *value* so that :func:`parse_literal` reads it back, whatever its depth."""
    if isinstance(value, float) and not math.isfinite(value):
        return "-1e999" if value < 0 else "1e999" if value > 0 else "(1e999 - 1e999)"
    if isinstance(value, (list, tuple)):
        items = ", ".join(literal(item) for item in value)
        if isinstance(value, list):
            return f"[{items}]"
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, set):
        return "{" + ", ".join(sorted(literal(item) for item in value)) + "}" if value else "set()"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    return repr(value)


def parse_literal(text: str) -> Any:
    """Read a Python literal, or an expression of literals. Raises ``ValueError`` with one clear sentence."""
    try:
        tree = parse(text.strip(), "eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{_short(text)} is not a Python literal.") from None
    try:
        return fold(tree.body)
    except NotLiteralError as error:
        raise ValueError(f"{_short(text)} is not a Python literal: {error}.") from None


def split_parameters(tree: ast.Module, source: str, cell_index: int) -> ParametersCell:
    """Take the parameters out of a parameters cell.

    A statement counts when its value is made of literals and no ordinary code above it in the cell mentions the name:
    parameters are bound before the rest of the cell runs.
    """
    found, rest = _split(tree, cell_index)
    removed = [statement for _, statements in found for statement in statements]
    parameters = tuple(parameter for parameter, _ in found)
    rest_source = _blank(source, removed, rest) if rest else None
    return ParametersCell(parameters, ast.Module(rest, []), rest_source)


def _split(tree: ast.Module, cell_index: int) -> tuple[list[tuple[Parameter, list[ast.stmt]]], list[ast.stmt]]:
    """The parameters, each with the statements that assign it, and the other statements."""
    found: dict[str, tuple[Parameter, list[ast.stmt]]] = {}
    rest: list[ast.stmt] = []
    mentioned: set[str] = set()
    for statement in tree.body:
        name, value = _assignment(statement)
        if name is not None and value is not None and name not in mentioned:
            try:
                constant = fold(value)
            except NotLiteralError:
                pass
            else:
                parameter = Parameter(name, literal(constant), type(constant).__name__, cell_index, statement.lineno)
                found[name] = parameter, [*(found[name][1] if name in found else ()), statement]
                continue
        rest.append(statement)
        mentioned |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        mentioned |= {alias.asname or alias.name.partition(".")[0] for alias in _imports(statement)}
        mentioned |= {node.name for node in ast.walk(statement) if hasattr(node, "name") and isinstance(node.name, str)}
    return list(found.values()), rest


def parameter_names(source: str) -> set[str]:
    """The parameters that a parameters cell defines; none where it is no Python."""
    return {parameter.name for parameter, _ in _parameters_of(source)[0]}


def without_parameters(source: str, names: Collection[str]) -> str:
    """A parameters cell without the statements that define *names*, every other statement on its old line."""
    parameters, kept = _parameters_of(source)
    removed: list[ast.stmt] = []
    for parameter, statements in parameters:
        (removed if parameter.name in names else kept).extend(statements)
    return _blank(source, removed, kept) if removed else source


def _parameters_of(source: str) -> tuple[list[tuple[Parameter, list[ast.stmt]]], list[ast.stmt]]:
    try:
        parsed = parse_cell(source)
    except CellSyntaxError:
        return [], []
    return _split(parsed.tree, 0) if parsed.magic is None else ([], [])


def _imports(statement: ast.stmt) -> Iterable[ast.alias]:
    for node in ast.walk(statement):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from node.names


def _assignment(statement: ast.stmt) -> tuple[str | None, ast.expr | None]:
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            return name, value
    return None, None


def _blank(source: str, removed: list[ast.stmt], kept: list[ast.stmt]) -> str:
    """*source* without the statements *removed*, every other statement on its old line."""
    lines = [line.encode() for line in source.split("\n")]
    occupied = {number for statement in kept for number in range(statement.lineno, (statement.end_lineno or 0) + 1)}
    for statement in removed:
        last = statement.end_lineno or statement.lineno
        for number in range(statement.lineno, last + 1):
            if number not in occupied:
                lines[number - 1] = b""
                continue
            # Another statement shares the line, with a semicolon between.
            line = lines[number - 1]
            start = statement.col_offset if number == statement.lineno else 0
            end = (statement.end_col_offset or len(line)) if number == last else len(line)
            filler = b"0" if end - start else b""
            lines[number - 1] = line[:start] + filler.ljust(end - start) + line[end:]
    return b"\n".join(lines).decode()


# ----------------------------------------------------------------------------------------------------- what a run gives


def parse_override(parameter: Parameter, text: str) -> str:
    """The literal for what a user typed as the value of *parameter*. Raises ``ValueError`` with one clear sentence."""
    stripped, kind = text.strip(), parameter.type
    if kind == "str":
        if stripped[:1] in ("'", '"') and stripped[-1:] == stripped[:1] and len(stripped) > 1:
            try:
                value = ast.literal_eval(stripped)
            except (ValueError, SyntaxError):
                value = text
            return literal(value if isinstance(value, str) else text)
        return literal(text)
    if kind == "bool":
        if stripped.lower() in ("true", "false"):
            return stripped.capitalize()
        raise ValueError(f"Parameter {parameter.name} is true or false, not {_short(text)}.")
    return checked_literal(parameter, stripped)


def checked_literal(parameter: Parameter, text: str) -> str:
    """The literal *text* as a value of *parameter*. Raises ``ValueError`` with one clear sentence."""
    kind = parameter.type
    try:
        value = parse_literal(text)
    except ValueError as error:
        raise ValueError(f"Parameter {parameter.name} is of type {kind}: {error}") from None
    got = type(value).__name__
    if kind == "float" and got == "int":
        try:
            return literal(float(value))
        except OverflowError:
            raise ValueError(f"Parameter {parameter.name} is of type float: {_short(text)} is too large.") from None
    if kind in ("NoneType", got):
        return literal(value)
    raise ValueError(f"Parameter {parameter.name} is of type {kind}, but {_short(text)} is of type {got}.")


def unknown_parameter(name: str, parameters: Iterable[Parameter]) -> str:
    """One sentence for a run that sets a parameter the pipeline does not have."""
    known = [parameter.name for parameter in parameters]
    if not known:
        return f"There is no parameter {name}: the notebook has no parameters."
    if near := difflib.get_close_matches(name, known, n=2, cutoff=0.6):
        return f"There is no parameter {name}; did you mean {' or '.join(near)}?"
    return f"There is no parameter {name}; there are {', '.join(sorted(known))}."


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
