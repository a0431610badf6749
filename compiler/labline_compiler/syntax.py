"""Python's parser, one thread at a time.

Up to 3.11.7 and 3.12.1 CPython keeps the depth of the tree under construction in a place that all threads share
(python/cpython#106905): two that parse at once make each other fail with ``SystemError``. A server compiles on several.
"""

from __future__ import annotations

import ast
import copy
import threading
from typing import Any

_PARSING = threading.Lock()
_LONG = 2000  # bits of an integer that Python writes whatever limit is set


def parse(source: str, mode: str = "exec", flags: int = 0) -> Any:
    """The tree of *source*, as ``ast.parse`` gives it, and with its errors."""
    with _PARSING:
        return compile(source, "<cell>", mode, flags | ast.PyCF_ONLY_AST, dont_inherit=True)


def unparse(node: ast.AST) -> str:
    """*node* as code, whatever numbers are in it."""
    try:
        return ast.unparse(node)
    except ValueError:
        return ast.unparse(_InHexadecimal().visit(copy.deepcopy(node)))


def dump(node: ast.AST) -> str:
    """*node* as text that is the same for the same code, whatever numbers are in it."""
    try:
        return ast.dump(node)
    except ValueError:
        return ast.dump(_InHexadecimal().visit(copy.deepcopy(node)))


class _InHexadecimal(ast.NodeTransformer):
    """Python refuses to write an integer of many thousand digits, though not in hexadecimal."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if type(node.value) is not int or node.value.bit_length() < _LONG:
            return node
        return ast.copy_location(ast.Name(hex(node.value), ast.Load()), node)
