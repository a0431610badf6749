"""Where in a cell something stands, in the terms of an editor."""

from __future__ import annotations

import ast

from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Span:
    """A stretch of a cell's source. Lines and columns count from 1, columns in characters; the end is exclusive."""

    line: int
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None


def span_of(node: ast.AST, source: str) -> Span | None:
    """Where *node* stands in *source*. Of a statement with a body it is the head.

    Python counts columns in bytes, and in lines that hold a magic it has not seen the text that the user sees: where
    the two do not fit the span is the whole line.
    """
    first = getattr(node, "lineno", None)
    if first is None:
        return None
    lines = source.split("\n")
    last, end = getattr(node, "end_lineno", None) or first, getattr(node, "end_col_offset", None)
    body = getattr(node, "body", None)
    if isinstance(body, list) and isinstance(node, ast.stmt):
        last, end = first, None
    if not 1 <= first <= last <= len(lines):
        return Span(first)
    column, end_column = _characters(lines[first - 1], getattr(node, "col_offset", 0)), None
    if end is not None:
        end_column = _characters(lines[last - 1], end)
    if column is None or (end is not None and end_column is None):
        text = lines[first - 1]
        return Span(first, len(text) - len(text.lstrip()) + 1, first, len(text.rstrip()) + 1)
    if end_column is None:
        end_column = len(lines[last - 1].rstrip()) + 1
    return Span(first, column, last, end_column)


def find_name(tree: ast.AST, name: str) -> ast.Name | None:
    """The first mention of *name* in the code."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    return min(found, key=lambda node: (node.lineno, node.col_offset), default=None)


def _characters(line: str, byte: int) -> int | None:
    """A byte offset as a column from 1; None where the line is shorter."""
    if line.isascii():
        return byte + 1 if byte <= len(line) else None
    data = line.encode("utf-8", "surrogatepass")
    return len(data[:byte].decode("utf-8", "replace")) + 1 if byte <= len(data) else None
