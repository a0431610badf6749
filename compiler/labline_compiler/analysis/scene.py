"""What the notebook's names stand for at the moment that who goes through a trace has come to.

Sets of names are numbers here, a bit a name, so that what happens to many names at once costs about as much as what
happens to one. Names through which the same objects may be altered from now on are one entry of a table: it is gone
through at every change, and stays small where all share the same thing, and where each has things of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from labline_compiler.analysis.journal import ABSENT
from labline_compiler.analysis.links import NOTHING, Links, Value
from labline_runtime.dataclass import dataclass


@dataclass(eq=False, slots=True)
class _Spot:
    """Names that stand for the same as far as reaching goes, as that starts from one of the same *rings*."""

    rings: tuple[int, ...]
    names: int = 0
    key: Value = NOTHING
    entered: int = 0  # the names that the table has by this key


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
        self._stale: dict[str, None] = {}  # names that have come to stand for something else
        self._spots: dict[tuple[int, ...], _Spot] = {}  # by their rings
        self._spot_of: dict[str, _Spot] = {}
        self._of_ring: dict[int, dict[_Spot, None]] = {}
        self._table: dict[Value, int] = {}  # by what is reached of what is altered now or later: the names

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
        while True:
            met = set[int]()
            for key, names in [entry for entry in left if not objects.isdisjoint(entry[0])]:
                found |= names
                met |= key & later
            if not (more := frozenset(met - seen)):
                return found
            left = [entry for entry in left if objects.isdisjoint(entry[0])]
            objects = more
            seen |= more

    def _refresh(self, now: int) -> None:
        """Bring the table up to *now*."""
        while self._ends and self._until[self._ends[-1]] < now:
            self._altered.discard(self._ends.pop())
            self._gone += 1
        stale: dict[_Spot, None] = {}
        if self._gone > len(self._spots):
            self._gone = 0
            stale |= dict.fromkeys(self._spots.values())
        for ring in self.grown:
            stale |= dict.fromkeys(self._of_ring.get(ring, ()))
        self.grown.clear()
        for spot in stale:
            if spot.rings != self._rings(spot.rings):  # some of them are one now
                self._stale |= dict.fromkeys(self.named(spot.names))
        for name in self._stale:
            self._place(name, stale)
        self._stale.clear()
        for spot in stale:
            self._take(spot)
        keys: dict[int, Value] = {}  # what several reach is one set
        for spot in stale:
            if spot.names:
                reached = self.reach(frozenset(spot.rings))
                spot.key = keys.get(id(reached)) or keys.setdefault(id(reached), reached & self._altered)
                self._enter(spot)
            else:
                del self._spots[spot.rings]
                for ring in spot.rings:
                    del self._of_ring[ring][spot]

    def _rings(self, objects: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted({self.ring(each) for each in objects}))

    def _place(self, name: str, stale: dict[_Spot, None]) -> None:
        """Find the spot of a name anew, and tell which spots have others since."""
        bit, value = self.bits[name], self.names.get(name)
        before = self._spot_of.pop(name, None)
        if before is not None:
            before.names &= ~bit
            stale[before] = None
        if not value:
            return
        self.reach(value)
        rings = self._rings(self.roots(value))
        spot = self._spots.get(rings)
        if spot is None:
            spot = self._spots[rings] = _Spot(rings)
            for ring in rings:
                self._of_ring.setdefault(ring, {})[spot] = None
        spot.names |= bit
        self._spot_of[name] = spot
        stale[spot] = None

    def _take(self, spot: _Spot) -> None:
        """Take the names of a spot from the table."""
        if spot.entered:
            if rest := self._table[spot.key] & ~spot.entered:
                self._table[spot.key] = rest
            else:
                del self._table[spot.key]
            spot.entered = 0

    def _enter(self, spot: _Spot) -> None:
        """Enter its names into the table."""
        if spot.key:
            spot.entered = spot.names
            self._table[spot.key] = self._table.get(spot.key, 0) | spot.names
