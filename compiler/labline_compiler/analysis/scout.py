"""Which objects are altered, and when for the last time, with somebody left to see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from labline_compiler.analysis.flows import Unit
from labline_compiler.analysis.links import NOTHING, Value
from labline_compiler.analysis.trace import Trace

Reads: TypeAlias = tuple[tuple[str, bool, Value], ...]
_MOST_SETS = 64  # of objects that changed together


class Scout:
    """Goes through a trace: a change is seen by a later read of a name that holds the object.

    Or at once, where the step has come to the object by two names.

    Changes are kept as they come, as sets of objects: code that is not known alters hundreds of them again and again.
    """

    def __init__(self) -> None:
        self._seen_changes: dict[Value, int] = {}  # of sets of objects: when one was seen the last time
        self._unseen: dict[Value, int] = {}  # the changes that were not seen yet, the last of each set
        self._unseen_of: dict[int, int] = {}  # the same of objects that were changed alone
        self._last_of: dict[int, int] = {}
        self._seen: dict[int, Value] = {}  # by its identity: what was reached by a read since the last change
        self._lists: dict[int, tuple[Reads, list[Value]]] = {}  # gone through in this unit: what the names reached
        self._bound: set[str] = set()  # names that the step has surely bound in cells above
        self._came: dict[str, Value] = {}  # the objects that this step has come to, by each name
        self._once: set[int] = set()  # by one name at least
        self._twice: set[int] = set()  # by several
        self._ways: dict[tuple[int, int], tuple[Value, Value, Value, Value]] = {}  # from what was come to, to what is

    def go(self, trace: Trace, units: Sequence[Unit]) -> tuple[dict[int, int], dict[int, int]]:
        """By object: the moment of the last change that counts, and of the last one at all."""
        told: dict[str, Callable[..., None]] = {
            "read": self._read,
            "reads": self._reads,
            "compared": self._compared,
            "alter": self._alter,
        }
        step = None
        for unit, part in zip(units, trace.parts, strict=True):
            begins, step = unit.step != step, unit.step
            if begins:
                for gone in (self._bound, self._came, self._once, self._twice, self._ways):
                    gone.clear()
            self._lists.clear()
            for events in part.all_events(unit, begins=begins):
                for method, what in events.looked_at:
                    told[method](*what)
            part.update(self._bound)
        last = _flat(self._last_of, self._seen_changes)
        return last, _flat(
            _flat(last, self._unseen), {frozenset((one,)): time for one, time in self._unseen_of.items()}
        )

    def _read(self, name: str, kept: bool, reached: Value) -> None:
        """Earlier changes of what the name holds are seen now."""
        if kept and name in self._bound:
            return
        if self._came.get(name, NOTHING) is not reached:
            self._come(name, reached)
        self._see(reached)

    def _see(self, reached: Value) -> None:
        if id(reached) in self._seen:
            return
        self._seen[id(reached)] = reached
        small, large = sorted((self._unseen_of.keys(), reached), key=len)
        for number in [number for number in small if number in large]:
            self._last_of[number] = max(self._unseen_of.pop(number), self._last_of.get(number, 0))
        for objects in [objects for objects in self._unseen if not objects.isdisjoint(reached)]:
            time = self._unseen.pop(objects)
            self._put(self._seen_changes, self._last_of, objects & reached, time)
            if not objects <= reached:
                self._put(self._unseen, self._unseen_of, objects - reached, time)

    def _reads(self, reads: Reads) -> None:
        """The same of many names, often the same list again and again."""
        if (known := self._lists.get(id(reads))) is None:
            met: dict[int, Value] = {}
            for name, kept, reached in reads:
                if kept and name in self._bound:
                    continue
                if self._came.get(name, NOTHING) is not reached:
                    self._come(name, reached)
                met[id(reached)] = reached
            known = self._lists[id(reads)] = reads, list(met.values())
        for reached in known[1]:
            self._see(reached)

    def _come(self, name: str, reached: Value) -> None:
        """The step has come to *reached* by the name. Names that hold each other do so together."""
        known = self._came.get(name, NOTHING)
        way = id(known), id(reached)
        if way in self._ways:
            _, _, grown, new = self._ways[way]
            self._twice |= new
            new = NOTHING
        else:
            new = reached - known
            self._twice |= self._once & new
            self._once |= new
            grown = reached if known <= reached else reached | known
        self._ways[way] = known, reached, grown, new
        self._came[name] = grown

    def _compared(self, objects: Value, time: int) -> None:
        """Objects are compared by identity, which counts as much as a change."""
        self._put(self._seen_changes, self._last_of, objects, time)

    def _alter(self, objects: Value, time: int) -> None:
        """The change is seen at once, or waits for a read."""
        self._seen.clear()
        self._put(self._seen_changes, self._last_of, objects & self._twice, time)
        self._put(self._unseen, self._unseen_of, objects, time)

    @staticmethod
    def _put(changes: dict[Value, int], of_one: dict[int, int], objects: Value, time: int) -> None:
        """Keep a change of *objects*; those of many sets are kept object by object."""
        if len(objects) > 1:
            changes[objects] = max(time, changes.get(objects, 0))
            if len(changes) > _MOST_SETS:
                of_one.update(_flat(of_one, changes))
                changes.clear()
        else:
            for number in objects:
                of_one[number] = max(time, of_one.get(number, 0))


def _flat(of_one: Mapping[int, int], changes: Mapping[Value, int]) -> dict[int, int]:
    """By object: the moment of its last change."""
    flat: dict[int, int] = {}
    for objects, time in sorted(changes.items(), key=lambda change: change[1]):
        flat.update(dict.fromkeys(objects, time))
    for number, time in of_one.items():
        flat[number] = max(time, flat.get(number, 0))
    return flat
