"""What the notebook's names stand for at the moment that who goes through a trace has come to.

Sets of names are numbers here, a bit a name, so that what happens to many names at once costs about as much as what
happens to one. Names through which the same objects may be altered from now on are one entry of a table: it is gone
through at every change, and stays small where all share the same thing, and where each has things of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from labline_compiler.analysis.journal import ABSENT
from labline_compiler.analysis.links import NOTHING, Links, Value


class Scene(Links):
    """Names, what holds what, and who shares what is altered from now on.

    *until* says for every object that is ever altered, or whose identity counts, when that is the last time.
    """

    def __init__(self, until: Mapping[int, int]) -> None:
        super().__init__()
        self.names: dict[str, Value] = {}
        self.bits: dict[str, int] = {}
        self.stretch = 0  # of consecutive cells of one step
        self._by_bit: list[str] = []
        self._past: dict[str, list[tuple[int, Value | None]]] = {}  # by stretch: what each name stood for when it ended
        self._until = until
        self._ends = sorted(until, key=until.__getitem__, reverse=True)  # what is altered no more the last
        self._altered = set(until)  # now or later
        self._gone = 0  # how many objects are altered no more since the table was made
        self._keys: dict[str, Value] = {}  # by name: what it reaches of what is altered now or later
        self._table: dict[Value, int] = {}  # by that: the names
        self._stale: dict[str, None] = {}  # names of which that may have become more, or something else
        self._rooted: dict[int, set[str]] = {}  # by object: names which stand for it, among others

    def name(self, name: str, value: Any) -> None:
        """A name stands for *value* from now on, or is bound no more."""
        past = self._past.setdefault(name, [])
        if past and past[-1][0] == self.stretch:
            past.pop()
        past.append((self.stretch, None if value is ABSENT else value))
        if value is ABSENT:
            self.names.pop(name, None)
        else:
            self.names[name] = value
        if name not in self.bits:
            self.bits[name] = 1 << len(self._by_bit)
            self._by_bit.append(name)
        self._stale[name] = None

    def stood_for(self, name: str, stretch: int) -> Value | None:
        """What a name stood for when a stretch of cells ended; None where it was not bound."""
        past = self._past.get(name, [])
        at = bisect_right(past, stretch, key=lambda each: each[0])
        return past[at - 1][1] if at else None

    def named(self, names: int) -> Iterator[str]:
        """The names of a set of them."""
        while names:
            lowest = names & -names
            yield self._by_bit[lowest.bit_length() - 1]
            names ^= lowest

    def holding(self, objects: Value, now: int) -> int:
        """The names that may show a change of *objects*, which happens now."""
        self._refresh(now)
        found = 0
        for key, names in self._table.items():
            if not objects.isdisjoint(key):
                found |= names
        return found

    def sharing(self, objects: Value, later: set[int], now: int) -> int:
        """The same, with those that share with these what is altered *later*, and so on."""
        self._refresh(now)
        found, seen = 0, objects
        left = list(self._table.items())
        while objects:
            others, met = [], set[int]()
            for entry in left:
                if objects.isdisjoint(entry[0]):
                    others.append(entry)
                else:
                    found |= entry[1]
                    met |= entry[0] & later
            left = others
            objects = frozenset(met - seen) if left else NOTHING
            seen |= objects
        return found

    def _refresh(self, now: int) -> None:
        """Bring the table up to *now*."""
        while self._ends and self._until[self._ends[-1]] < now:
            self._altered.discard(self._ends.pop())
            self._gone += 1
        if self._gone > len(self.names):
            self._forget()
        self._gather()
        if not self._stale:
            return
        keys: dict[int, Value] = {}  # what many names reach is one set
        moved: dict[tuple[Value, Value], int] = {}
        for name in self._stale:
            value = self.names.get(name)
            key = NOTHING
            if value:
                reached, roots = self.reach(value), self.roots(value)
                key = keys.get(id(reached), NOTHING) or keys.setdefault(id(reached), reached & self._altered)
                for root in roots:
                    self._rooted.setdefault(root, set()).add(name)
            before = self._keys.get(name, NOTHING)
            if before is not key:
                self._keys[name] = key
                moved[before, key] = moved.get((before, key), 0) | self.bits[name]
        self._stale.clear()
        for (before, key), names in moved.items():
            if before:
                if rest := self._table[before] & ~names:
                    self._table[before] = rest
                else:
                    del self._table[before]
            if key:
                self._table[key] = self._table.get(key, 0) | names

    def _gather(self) -> None:
        """Names have become stale that stand for what has come to hold something."""
        grown, rooted = self.grown, self._rooted
        for root in grown & rooted.keys() if len(grown) > len(rooted) else [one for one in grown if one in rooted]:
            for name in list(rooted[root]):
                if root in self.names.get(name, NOTHING):
                    self._stale[name] = None
                else:
                    rooted[root].discard(name)
        grown.clear()

    def _forget(self) -> None:
        """Make the table anew, without the objects that are altered no more."""
        self._gone = 0
        keys = {key: key & self._altered for key in self._table}
        table: dict[Value, int] = {}
        for key, names in self._table.items():
            if keys[key]:
                table[keys[key]] = table.get(keys[key], 0) | names
        self._table = table
        self._keys = {name: keys.get(key, NOTHING) for name, key in self._keys.items() if key}
