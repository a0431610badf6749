"""What holds what, among objects that are numbers; ``heap.py`` says what these are.

A value is the set of objects that a name may stand for; the empty set is a value that shares nothing with anything
(numbers, text). Links between objects are only ever added, so every answer errs on the side of sharing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Value: TypeAlias = frozenset[int]
NOTHING: Value = frozenset()
_MOST_KEPT = 2_000_000  # objects in sets that were worked out, of which many are not asked for again


@dataclass(eq=False, slots=True)
class Node:
    """An object, as far as links go."""

    holds: set[int] = field(default_factory=set)
    held_by: set[int] = field(default_factory=set)


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
        self._below: dict[int, Value] = {}
        self._reached: dict[Value, _Reach] = {}
        self._kept = 0  # about how many objects are in there
        self.grown: set[int] = set()  # objects that reach more since somebody emptied this

    def link(self, holder: int, new: Value) -> None:
        """*holder* holds *new* from now on, none of which it has held before."""
        self._spread(holder, new)
        self.links += 1
        self.things[holder].holds |= new
        for number in new:
            self.things[number].held_by.add(holder)

    def _spread(self, holder: int, new: Value) -> None:
        """Keep what is known of *holder* and of all that holds it right, now that it comes to hold *new* as well."""
        if holder not in self._below and not self.things[holder].held_by:
            return
        added = self.reach(new)  # first of all: what this works out for the first time may have to grow, too
        grown: dict[Value, Value] = {}  # what is known of many objects that all hold each other is one set
        stack, seen = [holder], {holder}
        while stack:
            number = stack.pop()
            known = self._below.get(number)
            if known is not None:
                if added <= known:
                    continue
                if known not in grown:
                    grown[known] = known | added
                self._below[number] = grown[known]
                self.grown.add(number)
            above = self.things[number].held_by - seen
            seen |= above
            stack.extend(above)

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
            if all(self._below[root] is below for root, below in zip(known.roots, known.below, strict=True)):
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
        if self._kept > _MOST_KEPT:
            self._kept = 0
            self._reached.clear()
        self._reached[key] = known
        return known

    def below(self, number: int) -> Value:
        """The object with all it holds, directly or not."""
        known = self._below.get(number)
        if known is None:
            found, stack = {number}, [number]
            while stack:
                new = self.things[stack.pop()].holds - found
                found |= new
                for each in new:
                    below = self._below.get(each)
                    if below is None:
                        stack.append(each)
                    elif number in below:  # they hold each other, so they reach the same
                        self._below[number] = below
                        return below
                    else:
                        found |= below
            known = self._below[number] = frozenset(found)
        return known
