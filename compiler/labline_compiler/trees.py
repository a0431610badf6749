"""The trees of cells that were parsed before: who edits a notebook has it compiled again and again, mostly unchanged.

Whoever has a tree only reads it. What is worked out of one (``scopes.py``) is kept with it.
"""

from __future__ import annotations

import ast
import threading
from collections import OrderedDict

from labline_compiler.ipython import parse_python

_MOST = 200_000  # characters of cells, whose trees take about a hundred times as many bytes


class Trees:
    """The trees that were asked for last, of so many characters of code."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._trees: OrderedDict[tuple[str, str, int], ast.Module] = OrderedDict()
        self._characters = 0
        self._lock = threading.Lock()

    def parse(self, source: str, cell: str, copy: int) -> ast.Module:
        """As :func:`~.ipython.parse_python`. No two cells of a notebook have one tree: what they make is not the same.

        So they are told apart by the text of the whole *cell*, and by *copy* where several have the same.
        """
        key = source, cell, copy
        with self._lock:
            if (known := self._trees.get(key)) is not None:
                self._trees.move_to_end(key)
                return known
        tree = parse_python(source)
        with self._lock:
            if len(source) <= self._most and key not in self._trees:
                self._trees[key] = tree
                self._characters += len(source)
            while self._characters > self._most:
                (gone, _, _), _ = self._trees.popitem(last=False)
                self._characters -= len(gone)
        return tree


TREES = Trees()
