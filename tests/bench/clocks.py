"""A benchmark by two clocks: CPU seconds, which a busy machine hardly changes, and seconds, in which cores count."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Benchmark:
    """The same contenders, by one clock."""

    NAME: str
    TITLE: str
    REFERENCE: str
    clock: Clock
    by: Callable[[Clock], Samples]

    def measure(self) -> Samples:
        """Seconds of the clock a round, by contender."""
        return self.by(self.clock)


def by_both(name: str, title: str, reference: str, by: Callable[[Clock], Samples]) -> tuple[Benchmark, Benchmark]:
    """What *by* measures with either clock, held against the contender *reference*."""
    return (
        Benchmark(name, f"{title}, in CPU seconds", reference, time.process_time, by),
        Benchmark(f"{name}-seconds", f"{title}, in seconds", reference, time.perf_counter, by),
    )
