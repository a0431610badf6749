"""Counters, gauges and histograms in plain numbers: a lock each, as those of Prometheus' library have, is a tenth of
what a small prediction costs. They belong to one thread, which also reads them. And how they are written for
Prometheus.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from labline_runtime.dataclass import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """A number that Prometheus reads."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Family:
    """Samples that belong together; ``kind`` is a type of Prometheus'."""

    name: str
    kind: str
    words: str
    samples: tuple[Sample, ...]


def text(families: Iterable[Family]) -> bytes:
    """In Prometheus' text format."""
    lines: list[str] = []
    for family in families:
        lines += f"# HELP {family.name} {family.words}", f"# TYPE {family.name} {family.kind}"
        for sample in family.samples:
            labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(sample.labels.items()))
            lines.append(f"{sample.name}{{{labels}}} {sample.value!r}" if labels else f"{sample.name} {sample.value!r}")
    return "".join(f"{line}\n" for line in lines).encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


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
    """A counter, with one number for each set of labels."""

    def __init__(self, name: str, words: str, labels: Labels) -> None:
        self._name, self._words, self._labels = f"{name}_total", words, labels
        self._found: dict[Labels, Count] = {}

    def of(self, *labels: str) -> Count:
        """The number for these labels."""
        return self._found.setdefault(labels, Count())

    def family(self) -> Family:
        """What Prometheus reads."""
        samples = tuple(
            Sample(self._name, dict(zip(self._labels, labels, strict=True)), float(count.value))
            for labels, count in self._found.items()
        )
        return Family(self._name, "counter", self._words, samples)


class Spreads:
    """A histogram, with buckets for each set of labels."""

    def __init__(self, name: str, words: str, labels: Labels, bounds: Sequence[float]) -> None:
        self._name, self._words, self._labels = name, words, labels
        self._bounds = bounds
        self._names = [*(repr(float(bound)) for bound in bounds), "+Inf"]
        self._found: dict[Labels, Spread] = {}

    def of(self, *labels: str) -> Spread:
        """The buckets for these labels."""
        return self._found.setdefault(labels, Spread(self._bounds))

    def family(self) -> Family:
        """What Prometheus reads."""
        samples = []
        for labels, spread in self._found.items():
            told = dict(zip(self._labels, labels, strict=True))
            for name, count in zip(self._names, itertools.accumulate(spread.counts), strict=True):
                samples.append(Sample(f"{self._name}_bucket", {**told, "le": name}, float(count)))
            samples.append(Sample(f"{self._name}_count", told, float(sum(spread.counts))))
            samples.append(Sample(f"{self._name}_sum", told, spread.sum))
        return Family(self._name, "histogram", self._words, tuple(samples))


class Gauges:
    """What goes up and down: for each set of labels a number, or who tells it when it is read."""

    def __init__(self, name: str, words: str, labels: Labels = ()) -> None:
        self._name, self._words, self._labels = name, words, labels
        self._found: dict[Labels, Callable[[], float]] = {}

    def set(self, value: float, *labels: str) -> None:
        """It is *value* for these labels."""
        self._found[labels] = lambda: value

    def watch(self, told: Callable[[], float], *labels: str) -> None:
        """It is what *told* says for these labels."""
        self._found[labels] = told

    def forget(self, *labels: str) -> None:
        """Nothing is known for these labels."""
        self._found.pop(labels, None)

    def clear(self) -> None:
        """Nothing is known for any labels."""
        self._found.clear()

    def family(self) -> Family:
        """What Prometheus reads."""
        samples = tuple(
            Sample(self._name, dict(zip(self._labels, labels, strict=True)), float(told()))
            for labels, told in self._found.items()
        )
        return Family(self._name, "gauge", self._words, samples)
