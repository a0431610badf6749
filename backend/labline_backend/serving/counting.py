"""Counters and histograms in plain numbers, for what every request adds to: a lock each, as Prometheus' own have, is a
tenth of what a small prediction costs. They belong to one thread, which also reads them.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


class Count:
    """A number that grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Spread:
    """Values, by the bucket that they fall into."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value


class Counts:
    """A counter of Prometheus', with one number for each set of labels."""

    def __init__(self, name: str, words: str, labels: Labels) -> None:
        self._family: Callable[[], CounterMetricFamily] = lambda: CounterMetricFamily(name, words, labels=labels)
        self._found: dict[Labels, Count] = {}

    def of(self, *labels: str) -> Count:
        """The number for these labels."""
        return self._found.setdefault(labels, Count())

    def collect(self) -> Iterator[Metric]:
        """As Prometheus' registry asks for it."""
        family = self._family()
        for labels, count in self._found.items():
            family.add_metric(labels, float(count.value))
        yield family


class Spreads:
    """A histogram of Prometheus', with buckets for each set of labels."""

    def __init__(self, name: str, words: str, labels: Labels, bounds: Sequence[float]) -> None:
        self._family: Callable[[], HistogramMetricFamily] = lambda: HistogramMetricFamily(name, words, labels=labels)
        self._bounds = bounds
        self._names = [*map(floatToGoString, bounds), "+Inf"]
        self._found: dict[Labels, Spread] = {}

    def of(self, *labels: str) -> Spread:
        """The buckets for these labels."""
        return self._found.setdefault(labels, Spread(self._bounds))

    def collect(self) -> Iterator[Metric]:
        """As Prometheus' registry asks for it."""
        family = self._family()
        for labels, spread in self._found.items():
            buckets = list(zip(self._names, itertools.accumulate(spread.counts), strict=True))
            family.add_metric(labels, buckets, spread.sum)
        yield family
