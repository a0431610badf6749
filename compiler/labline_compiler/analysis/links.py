"""What holds what, among objects that are numbers; ``heap.py`` says what these are.

A value is the set of objects that a name may stand for; the empty set is a value that shares nothing with anything
(numbers, text). Links between objects are only ever added, so every answer errs on the side of sharing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Value: TypeAlias = frozenset[int]
NOTHING: Value = frozenset()


@dataclass(eq=False, slots=True)
class Node:
    """An object, as far as links go."""

    holds: set[int] = field(default_factory=set)
    held_by: set[int] = field(default_factory=set)


class Links:
    """Objects that hold others. What was worked out is kept as long as no link added since can change it."""

    things: Any  # nodes, by their numbers

    def __init__(self) -> None:
        self.things = defaultdict(Node)
        self.links = 0  # how many were added
        self._below: dict[int, Value] = {}
        self._reached: dict[Value, Value] = {}
        self._holders: dict[Value, Value] = {}

    def link(self, holder: int, new: Value) -> None:
        """*holder* holds *new* from now on, none of which it has held before."""
        self._spread(holder, new)
        self._reached.clear()
        self._holders.clear()
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
        if known is None:
            below: list[Value] = []
            found: set[int] = set()
            for number in sorted(key, reverse=True):  # the newest first, as they tend to hold the older
                if number not in found:  # else all that it reaches is there, too
                    below.append(self.below(number))
                    found.update(below[-1])
            known = self._reached[key] = below[0] if len(below) == 1 else frozenset(found)
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

    def holders(self, value: Value, most: int) -> Value | None:
        """*value* with all that holds it, directly or not; None where that takes looking at more than *most*."""
        if len(value) > most:
            return None
        known = self._holders.get(value)
        if known is None:
            found, stack = set(value), list(value)
            while stack:
                if len(found) > most:
                    return None
                above = self.things[stack.pop()].held_by
                if not above <= found:
                    new = above - found
                    found |= new
                    stack.extend(new)
            known = self._holders[value] = frozenset(found)
        return known
