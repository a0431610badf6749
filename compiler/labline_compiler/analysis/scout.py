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
        self.start()

    def start(self) -> None:
        """Another step begins."""
        self.walker.state.always.clear()
        self._came: dict[str, Value] = {}  # the objects that this step has come to, by each name
        self._once: set[int] = set()  # by one name at least
        self._twice: set[int] = set()  # by several

    def read(self, name: str, node: ast.AST | None) -> None:
        """Earlier changes of what the name holds are seen now."""
        reached = self.heap.reach(self.walker.state.module.names.get(name, NOTHING))
        known = self._came.get(name, NOTHING)
        if reached is not known:
            new = reached - known
            self._twice |= self._once & new
            self._once |= new
            self._came[name] = reached if known <= reached else reached | known
        for number in self._unseen.keys() & reached:
            self.last[number] = self._unseen.pop(number)

    def compared(self, objects: Value) -> None:
        """Objects are compared by identity, which counts as much as a change."""
        self.last.update(dict.fromkeys(objects, self.walker.state.time))

    def alter(self, objects: Value) -> None:
        """The change is seen at once, or waits for a read."""
        self.last.update(dict.fromkeys(objects & self._twice, self.walker.state.time))
        self._unseen.update(dict.fromkeys(objects, self.walker.state.time))

    def _ignored(self, *_: object, **__: object) -> None:
        """All else that a sink is told is of no interest yet."""

    bind = delete = hidden = file = unrepeatable = unbound = star_import = note = _ignored
