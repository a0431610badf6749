"""Where to cut the cells into steps: the cheapest way, by dynamic programming over all ways there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field

from labline_runtime.dataclass import dataclass

MOST_STEPS = 12
_HANDED = 0.5  # what a value that crosses a cut costs
_MOST_HANDED = 12  # from so many on it makes no difference
_HEADING = 5.0  # what a heading of the highest level is worth at a cut; each level below it one less
_LEAST_HEADING = 2.0
_BALANCE = 0.01  # what the square of a step's cells costs: of equal ways the even one
_STEP = 0.3  # what a step costs without headings
_LENGTH = 4  # cells a step, without headings
_SECTION = 15  # cells a step, at which headings are too few
_LARGE = 1e6  # bytes, from which on a value costs more


@dataclass(frozen=True)
class Crossing:
    """A value that cell *source* makes and cell *target* takes, both counted among the cells to cut."""

    source: int
    target: int
    name: str
    weight: float = 1.0


@dataclass
class Cuts:
    """The cells to cut, *count* of them. A cut at ``i`` stands before cell ``i``."""

    count: int
    crossings: Sequence[Crossing]
    headings: Mapping[int, int] = field(default_factory=dict)  # by cut: the level of the heading there
    forbidden: set[int] = field(default_factory=set)
    worth: Mapping[int, float] = field(default_factory=dict)  # by cut: what there is for it where no heading is

    def forbid_between(self, first: int, last: int) -> None:
        """Keep the cells from *first* to *last* together."""
        self.forbidden |= set(range(first + 1, last + 1))

    def best(self) -> list[int]:
        """The first cells of the steps, beginning with 0. Deterministic."""
        by_headings = len(self.headings) + 1 >= max(2, self.count / _SECTION)
        allowed = [
            i for i in range(1, self.count) if i not in self.forbidden and (not by_headings or i in self.headings)
        ]
        handed = self._handed()
        ends = [0, *allowed, self.count]
        # Of the cells above a cut in so many steps: the cost, and where the steps start.
        best: dict[int, dict[int, tuple[float, list[int]]]] = {0: {0: (0.0, [])}}
        for number, end in enumerate(ends[1:], 1):
            found: dict[int, tuple[float, list[int]]] = {}
            for start in reversed(ends[:number]):  # the nearest first, as few that are farther away are better
                cost = self._cost(start, end, handed, by_headings=by_headings)
                for steps, (above, starts) in best[start].items():
                    known, whole = found.get(steps + 1), above + cost
                    if steps == MOST_STEPS or (known is not None and known[0] < whole):
                        continue
                    way = (whole, [*starts, start])
                    if known is None or way < known:
                        found[steps + 1] = way
            best[end] = found
        return min(best[self.count].values())[1]

    def _handed(self) -> dict[int, float]:
        """By cut: the weight of what crosses it. A value counts once, however many cells take it."""
        last: dict[tuple[int, str], tuple[int, float]] = {}
        for crossing in self.crossings:
            key = (crossing.source, crossing.name)
            target, weight = last.get(key, (0, 0.0))
            last[key] = (max(target, crossing.target), max(weight, crossing.weight))
        result: dict[int, float] = {}
        for (source, _), (target, weight) in last.items():
            for cut in range(source + 1, target + 1):
                result[cut] = result.get(cut, 0.0) + weight
        return result

    def _cost(self, start: int, end: int, handed: Mapping[int, float], *, by_headings: bool) -> float:
        """What a step from cell *start* to before cell *end* costs, with the cut above it."""
        if by_headings:
            cost = _BALANCE * (end - start) ** 2
        else:
            cost = _STEP + ((end - start - _LENGTH) / _LENGTH) ** 2 - self.worth.get(start, 0.0)
        if start > 0:
            cost += _HANDED * min(handed.get(start, 0.0), _MOST_HANDED)
            if start in self.headings:
                deeper = self.headings[start] - min(self.headings.values())
                cost -= max(_HEADING - deeper, _LEAST_HEADING)
        return cost


def weight_of(name: str, size: int | None, *, light: bool) -> float:
    """What a value weighs: functions and classes little, large values more with every power of ten."""
    if light:
        return 0.2
    return 1.0 + (max(0.0, math.log10(size / _LARGE)) if size else 0.0) + 0.5 * name.startswith("@")
