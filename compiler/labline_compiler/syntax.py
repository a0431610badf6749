"""Python's parser, one thread at a time.

Up to 3.11.7 and 3.12.1 CPython keeps the depth of the tree under construction in a place that all threads share
(python/cpython#106905): two that parse at once make each other fail with ``SystemError``. A server compiles on several.
"""

from __future__ import annotations

import ast
import threading
from typing import Any

_PARSING = threading.Lock()


def parse(source: str, mode: str = "exec", flags: int = 0) -> Any:
    """The tree of *source*, as ``ast.parse`` gives it, and with its errors."""
    with _PARSING:
        return compile(source, "<cell>", mode, flags | ast.PyCF_ONLY_AST, dont_inherit=True)
