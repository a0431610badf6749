"""Whether the ``if`` that a cell is was true: noted while it is asked, so that nothing is asked twice."""

from __future__ import annotations

import ast
import builtins
import contextlib
from collections.abc import Iterator
from typing import Any

_NOTE = "__labline_condition__"


class Noted:
    """What the condition came to; None as long as it was not asked."""

    value: bool | None = None

    def __call__(self, value: Any) -> bool:
        """Note what *value* is as a condition."""
        self.value = bool(value)
        return self.value


@contextlib.contextmanager
def noted(shell: Any) -> Iterator[Noted]:
    """While inside, the outermost ``if`` of a cell that *shell*, an IPython shell, runs is noted."""
    found, asking = Noted(), _Asking()
    shell.ast_transformers.append(asking)
    setattr(builtins, _NOTE, found)
    try:
        yield found
    finally:
        delattr(builtins, _NOTE)
        with contextlib.suppress(ValueError):  # the cell, or IPython, may have taken it away
            shell.ast_transformers.remove(asking)


class _Asking(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.If:
        call = ast.Call(ast.Name(_NOTE, ast.Load()), [node.test], [])
        node.test = ast.fix_missing_locations(ast.copy_location(call, node.test))
        return node
