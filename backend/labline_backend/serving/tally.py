"""How a version does: what is counted of its answers so that a canary can be judged. No clock, no transport."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import field

from labline_runtime.dataclass import dataclass

STEPS = 4
"""Buckets of latency for a factor of two: a quantile is known to a fifth."""

FAULTS = frozenset({400, 500, 503})
"""Statuses that may be the version's doing: it refuses, it fails, it is too late."""


@dataclass
class Counts:
    """Answers, those of them that were faults, and how many took about 2 ** (bucket / :data:`STEPS`) seconds."""

    requests: int = 0
    faults: int = 0
    latency: dict[int, int] = field(default_factory=dict)

    def add(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.requests += 1
        if status in FAULTS:
            self.faults += 1
        bucket = math.floor(math.log2(max(seconds, 1e-6)) * STEPS)
        self.latency[bucket] = self.latency.get(bucket, 0) + 1

    @property
    def share(self) -> float:
        """Of faults among the answers."""
        return self.faults / self.requests if self.requests else 0.0

    def quantile(self, share: float) -> float:
        """The seconds within which this *share* of the answers came, at most; 0 without answers."""
        waiting = share * sum(self.latency.values())
        for bucket in sorted(self.latency):
            waiting -= self.latency[bucket]
            if waiting <= 0:
                return float(2 ** ((bucket + 1) / STEPS))
        return 0.0

    def plain(self) -> list[object]:
        """As JSON has it."""
        return [self.requests, self.faults, [[bucket, count] for bucket, count in self.latency.items()]]

    @staticmethod
    def of(plain: list[object]) -> Counts:
        """What :meth:`plain` made."""
        requests, faults, latency = plain
        return Counts(requests, faults, dict(latency))  # type: ignore[arg-type, call-overload]


def total(parts: Iterable[Counts]) -> Counts:
    """All of them together."""
    requests, faults, latency = 0, 0, Counter[int]()
    for part in parts:
        requests += part.requests
        faults += part.faults
        latency.update(part.latency)
    return Counts(requests, faults, dict(latency))
