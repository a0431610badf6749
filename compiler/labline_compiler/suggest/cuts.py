"""Where to cut the cells into steps: the cheapest way, by dynamic programming over all ways there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MOST_STEPS = 12
_HANDED = 0.5  # what a value that crosses a cut costs
_MOST_HANDED = 12  # from so many on it makes no difference
_HEADING = 5.0  # what a heading at the cut is worth
_STEP = 1.0  # what a step costs without headings
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
    headings: frozenset[int] = frozenset()
    forbidden: set[int] = field(default_factory=set)

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
        price = 0.0
        while True:
            starts = self._cheapest(allowed, handed, price, by_headings=by_headings)
            if len(starts) <= MOST_STEPS:
                return starts
            price += 0.5

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

    def _cheapest(
        self, allowed: Sequence[int], handed: Mapping[int, float], price: float, *, by_headings: bool
    ) -> list[int]:
        ends = [*allowed, self.count]
        best: dict[int, tuple[float, list[int]]] = {
            0: (0.0, [])
        }  # cost of the cells above, and where their steps start
        for end in ends:
            choices = []
            for start, (cost, starts) in best.items():
                if start < end:
                    choices.append((cost + self._cost(start, end, handed, price, by_headings), [*starts, start]))
            best[end] = min(choices)
        return best[self.count][1]

    def _cost(self, start: int, end: int, handed: Mapping[int, float], price: float, by_headings: bool) -> float:
        cost = price
        if not by_headings:
            cost += _STEP + ((end - start - _LENGTH) / _LENGTH) ** 2
        if start > 0:
            cost += _HANDED * min(handed.get(start, 0.0), _MOST_HANDED)
            cost -= _HEADING if start in self.headings else 0.0
        return cost


def weight_of(name: str, size: int | None, *, light: bool) -> float:
    """What a value weighs: functions and classes little, large values more with every power of ten."""
    if light:
        return 0.2
    return 1.0 + (max(0.0, math.log10(size / _LARGE)) if size else 0.0) + 0.5 * name.startswith("@")
