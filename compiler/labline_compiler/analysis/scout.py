"""Which objects are altered, and when for the last time, with somebody left to see it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from labline_compiler.analysis.flows import Unit
from labline_compiler.analysis.links import NOTHING, Value
from labline_compiler.analysis.trace import Trace


class Scout:
    """Goes through a trace: a change is seen by a later read of a name that holds the object.

    Or at once, where the step has come to the object by two names.
    """

    def __init__(self) -> None:
        self.last: dict[int, int] = {}
        self.until: dict[int, int] = {}
        self._unseen: dict[int, int] = {}
        self._seen: dict[str, Value] = {}  # by name: what it reached when it was read since the last change
        self._bound: set[str] = set()  # names that the step has surely bound in cells above
        self._came: dict[str, Value] = {}  # the objects that this step has come to, by each name
        self._once: set[int] = set()  # by one name at least
        self._twice: set[int] = set()  # by several

    def go(self, trace: Trace, units: Sequence[Unit]) -> dict[int, int]:
        """By object: the moment of the last change that counts. ``until`` tells of all changes, seen or not."""
        told: dict[str, Callable[..., None]] = {
            "read": self._read,
            "looked_up": self._looked_up,
            "compared": self._compared,
            "alter": self._alter,
        }
        step = None
        for unit, part in zip(units, trace.parts, strict=True):
            begins, step = unit.step != step, unit.step
            if begins:
                for gone in (self._bound, self._came, self._once, self._twice):
                    gone.clear()
            for method, what in part.all_events(unit, begins=begins):
                if method in told:
                    told[method](*what)
            part.update(self._bound)
        self.until = {**self.last, **self._unseen}
        return self.last

    def _read(self, name: str, node: ast.AST | None, kept: bool, reached: Value) -> None:
        """Earlier changes of what the name holds are seen now."""
        if kept and name in self._bound:
            return
        known = self._came.get(name, NOTHING)
        if reached is not known:
            new = reached - known
            self._twice |= self._once & new
            self._once |= new
            self._came[name] = reached if known <= reached else reached | known
        if self._seen.get(name) is not reached:  # else all its changes were seen
            self._seen[name] = reached
            small, large = sorted((self._unseen.keys(), reached), key=len)
            for number in [number for number in small if number in large]:
                self.last[number] = self._unseen.pop(number)

    def _looked_up(self, name: str, kept: bool, reached: Value) -> None:
        self._read(name, None, kept, reached)

    def _compared(self, objects: Value, time: int) -> None:
        """Objects are compared by identity, which counts as much as a change."""
        self.last.update(dict.fromkeys(objects, time))

    def _alter(self, objects: Value, time: int, bindings: int) -> None:
        """The change is seen at once, or waits for a read."""
        self.last.update(dict.fromkeys(objects & self._twice, time))
        self._unseen.update(dict.fromkeys(objects, time))
        self._seen.clear()
