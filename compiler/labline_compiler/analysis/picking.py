"""Subscripts of arrays and frames: those that give copies, by lists, masks and arrays of indices; those of columns."""

from __future__ import annotations

import ast

from labline_compiler.analysis.heap import Heap, Value
from labline_compiler.analysis.methods import FIELDS_OF_TIMES

# Functions that give masks or arrays of indices, whatever they are given. What comparing gives counts as one's, too.
_INDICES = frozenset(
    f"numpy.{name}" for name in ("arange", "argsort", "equal", "flatnonzero", "isfinite", "isin", "isnan", "nonzero")
)

_IN_PLACE = frozenset(("at", "iat", "iloc", "loc"))


def selects_rows(heap: Heap, index: ast.expr, value: Value) -> bool:
    """Whether a frame's subscript is a list or a mask, which gives a copy."""
    if isinstance(index, (ast.Compare, ast.List, ast.ListComp)):
        return True
    if isinstance(index, ast.BinOp) and isinstance(index.op, (ast.BitAnd, ast.BitOr, ast.BitXor)):
        return True
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.Invert):
        return True
    return heap.kind(value) in ("pandas", "list")


def sets_column(heap: Heap, target: ast.Subscript, holder: Value, key: Value) -> bool:
    """Whether assigning to *target* gives a frame another column, which writes to no memory that it had.

    ``frame["a"] = x`` does; ``frame.loc[0, "a"]``, ``frame[mask]``, ``frame[:2]`` and ``series[0]`` write in place.
    """
    if heap.kind(holder) not in ("pandas", "data"):
        return False
    if isinstance(target.value, ast.Attribute) and target.value.attr in _IN_PLACE:
        return False
    match target.slice:
        case ast.Slice() | ast.Compare() | ast.UnaryOp() | ast.BinOp(op=ast.BitAnd() | ast.BitOr() | ast.BitXor()):
            return False
        case ast.Constant(value=name):
            return isinstance(name, str)
    return heap.kind(key) not in ("pandas", "numpy", "data")


def picks(heap: Heap, index: ast.expr, value: Value) -> bool:
    """Whether an array's subscript is surely a list, a mask or an array of indices, or has a list among others.

    Not so a number, of which an operator makes a number again: ``rows[~0]`` looks at the last one.
    """
    match index:
        case ast.List(elts=parts):  # of names of fields it is a view; of a list, one element tells
            return any(isinstance(each, ast.Constant | ast.UnaryOp) and not _is_text(each) for each in parts)
        case ast.Compare(ops=ops):
            own = value & heap.instances or any(isinstance(each, (ast.Is, ast.IsNot)) for each in ops)
            return not own and heap.kind(value) is not None
        case ast.Tuple(elts=parts):
            return any(isinstance(part, ast.List) for part in parts)
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return _is_mask(heap, operand, value)
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() | ast.BitXor(), right=right):
            return _is_mask(heap, left, value) and _is_mask(heap, right, value)
    return bool(value) and all(heap.things[number].maker in _INDICES for number in value)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_mask(heap: Heap, index: ast.expr, value: Value) -> bool:
    return isinstance(index, (ast.Compare, ast.UnaryOp, ast.BinOp)) and picks(heap, index, value)


def computes_field(node: ast.AST) -> bool:
    """Whether *node* is ``series.dt.year`` or the like, which is computed anew."""
    if not isinstance(node, ast.Attribute) or node.attr not in FIELDS_OF_TIMES:
        return False
    return isinstance(node.value, ast.Attribute) and node.value.attr == "dt"
