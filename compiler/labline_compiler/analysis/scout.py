"""The first time through the notebook: which objects are altered, and when for the last time."""

from __future__ import annotations

import ast

from labline_compiler.analysis.heap import NOTHING, Heap, Value
from labline_compiler.analysis.walker import Walker


class Scout:
    """The first time through: when is each object altered for the last time, with somebody left to see it?

    A change is seen by a later read of a name that holds the object, or at once where the step has come to the object
    by two names.
    """

    def __init__(self) -> None:
        self.heap = Heap()
        self.walker = Walker(self.heap, self)
        self.walker.identity_listener = self.compared
        self.last: dict[int, int] = {}
        self._unseen: dict[int, int] = {}
        self._names: dict[int, set[str]] = {}  # by object: the names by which this step has come to it

    def start(self) -> None:
        """Another step begins."""
        self.walker.state.always = set()
        self._names = {}

    def read(self, name: str, node: ast.AST | None) -> None:
        """Earlier changes of what the name holds are seen now."""
        for number in self.heap.reach(self.walker.state.module.names.get(name, NOTHING)):
            self._names.setdefault(number, set()).add(name)
            if number in self._unseen:
                self.last[number] = self._unseen.pop(number)

    def compared(self, objects: Value) -> None:
        """Objects are compared by identity, which counts as much as a change."""
        self.last.update(dict.fromkeys(objects, self.walker.state.time))

    def alter(self, objects: Value) -> None:
        """The change is seen at once, or waits for a read."""
        for number in objects:
            if len(self._names.get(number, ())) > 1:
                self.last[number] = self.walker.state.time
            self._unseen[number] = self.walker.state.time

    def _ignored(self, *_: object, **__: object) -> None:
        """All else that a sink is told is of no interest yet."""

    bind = delete = hidden = file = unrepeatable = unbound = star_import = note = _ignored
