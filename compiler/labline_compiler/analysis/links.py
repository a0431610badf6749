"""What holds what, among objects that are numbers; ``heap.py`` says what these are.

A value is the set of objects that a name may stand for; the empty set is a value that shares nothing with anything
(numbers, text). Links between objects are only ever added, so every answer errs on the side of sharing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import field
from typing import Any, TypeAlias

from labline_runtime.dataclass import dataclass

Value: TypeAlias = frozenset[int]
NOTHING: Value = frozenset()
_SET_A_STEP = 50  # so many objects of a set cost as much as one step of Python
_LARGE = 8  # a ring of so many objects is sooner kept right than worked out again
_MOST_KEPT = 2_000_000  # objects in sets that were worked out, of which many are not asked for again


@dataclass(eq=False, slots=True)
class Node:
    """An object, as far as links go."""

    holds: set[int] = field(default_factory=set)


@dataclass(eq=False, slots=True)
class _Reach:
    """What a value reaches: right for so many links, and for more as long as its roots reach what they did."""

    links: int
    roots: list[int] = field(default_factory=list)
    below: list[Value] = field(default_factory=list)  # what each of the roots reaches
    all: Value = NOTHING


class Links:
    """Objects that hold others. What was worked out is kept as long as no link added since can change it."""

    things: Any  # nodes, by their numbers

    def __init__(self) -> None:
        self.things = defaultdict(Node)
        self.links = 0  # how many were added
        self._ring: dict[int, int] = {}  # of objects that hold each other
        self._within: dict[int, set[int]] = {}  # by ring: its members
        self._above: defaultdict[int, set[int]] = defaultdict(set)  # by ring: the rings that hold it
        self._below: dict[int, Value] = {}  # by ring
        self._forgotten: set[int] = set()  # rings of which nothing is kept, nor of any that holds them
        self._alone: dict[int, Value] = {}  # the same of what holds nothing: not to be kept right, once it does
        self._reached: dict[Value, _Reach] = {}
        self._kept = 0  # about how many objects are in there
        self.work = 0  # about how much was done, in steps of Python that a busy machine does not change
        self.grown: set[int] = set()  # objects that reach more, or are in another ring, since somebody emptied this

    def link(self, holder: int, new: Value) -> set[int]:
        """*holder* holds *new* from now on, none of which it has held before. Rings that now reach *new*."""
        reaching = self._spread(self.ring(holder), new)
        if self._alone.pop(holder, None) is not None:
            self.grown.add(holder)
        self.links += 1
        self.work += len(new)
        self.things[holder].holds |= new
        above = self.ring(holder)
        for number in new:
            ring = self.ring(number)
            if ring != above:
                self._above[ring].add(above)
        return reaching

    def ring(self, number: int) -> int:
        """Objects that all hold each other reach the same and are reached together: one of them stands for all."""
        return self._ring.get(number, number)

    def _spread(self, holder: int, new: Value) -> set[int]:
        """Keep what is known of *holder* and of all that holds it right, now that it comes to hold *new* as well.

        Of most that holds it nothing is kept until somebody asks: it may come to hold much more before that. Returns
        the rings that were gone through.
        """
        if holder not in self._below and not self._above.get(holder) and holder not in new:
            self.grown.add(holder)
            return {holder}
        added = self.reach(new)  # first of all: what this works out for the first time may have to grow, too
        stack, seen, forgotten = [holder], {holder}, True
        while stack:
            ring = stack.pop()
            known = self._below.get(ring)
            if known is not None:
                if added <= known:
                    forgotten = False
                    continue
                if ring == holder or len(self.members(ring)) > _LARGE:
                    self._below[ring] = known | added
                    forgotten = forgotten and ring == holder
                else:
                    del self._below[ring]
            elif ring in self._forgotten:
                continue
            self.grown.add(ring)
            if above := self._above.get(ring):
                rings = {self.ring(number) for number in above}
                rings.discard(ring)
                self._above[ring] = rings
                rings = rings - seen
                seen |= rings
                stack.extend(rings)
        if forgotten:
            self._forgotten |= seen - self._below.keys()
        self.work += len(seen) * (1 + len(added) // _SET_A_STEP)
        if holder in added:  # what it comes to hold holds it
            self._close([ring for ring in seen if ring in added])
        return seen

    def members(self, ring: int) -> set[int]:
        """The objects that it stands for."""
        return self._within.get(ring) or {ring}

    def _close(self, rings: list[int]) -> None:
        """These hold each other from now on."""
        if len(rings) < 2:
            return
        rings.sort(key=lambda ring: len(self.members(ring)))
        whole = rings.pop()
        self.grown.update(rings)  # whoever knows them by those has to ask again
        self.grown.add(whole)
        self._forgotten.difference_update(rings, (whole,))
        members = self._within.setdefault(whole, {whole})
        for ring in rings:
            smaller = self._within.pop(ring, None) or {ring}
            members |= smaller
            self._ring |= dict.fromkeys(smaller, whole)
            self._above[whole] |= self._above.pop(ring, set())
            below = self._below.pop(ring, None)
            if below is not None:
                self._below.setdefault(whole, below)

    def reach(self, value: Iterable[int]) -> Value:
        """*value* with all it holds, directly or not."""
        key = value if isinstance(value, frozenset) else frozenset(value)
        if len(key) == 1:
            (number,) = key
            return self.below(number)
        known = self._reached.get(key)
        if known is not None:
            if known.links == self.links:
                return known.all
            if all(self.below(root) is below for root, below in zip(known.roots, known.below, strict=True)):
                known.links = self.links
                return known.all
        return self._gathered(key, known.roots if known is not None else key).all

    def roots(self, value: Value) -> Collection[int]:
        """Some of *value*, of which :meth:`reach` was asked, that reach all of it."""
        return value if len(value) == 1 else self._reached[value].roots

    def _gathered(self, key: Value, roots: Iterable[int]) -> _Reach:
        """What *key* reaches, of which *roots* reach all."""
        found: set[int] = set()
        known = _Reach(self.links)
        for number in sorted(roots, reverse=True):  # the newest first, as they tend to hold the older
            if number not in found:  # else all that it reaches is there, too
                known.roots.append(number)
                known.below.append(self.below(number))
                found.update(known.below[-1])
        known.all = known.below[0] if len(known.below) == 1 else frozenset(found)
        self._kept += len(known.all)
        self.work += len(key) + len(known.all) // _SET_A_STEP
        if self._kept > _MOST_KEPT:
            self._kept = 0
            self._reached.clear()
        self._reached[key] = known
        return known

    def below(self, number: int) -> Value:
        """The object with all it holds, directly or not."""
        ring = self._ring.get(number, number)
        known = self._below.get(ring)
        if known is None and not self.things[number].holds:
            known = self._alone.get(number)
            if known is None:
                known = self._alone[number] = frozenset((number,))
        if known is None:
            found, stack = {number}, [number]
            self._forgotten.discard(ring)
            while stack:
                for each in sorted(self.things[stack.pop()].holds - found, reverse=True):
                    if each in found:  # the newest first, as they tend to hold the older
                        continue
                    below = self._below.get(self._ring.get(each, each))
                    if below is None:
                        found.add(each)
                        stack.append(each)
                        self._forgotten.discard(self._ring.get(each, each))
                    else:
                        found |= below
            known = self._below[ring] = frozenset(found)
            self.work += 1 + len(found) // _SET_A_STEP
        return known
