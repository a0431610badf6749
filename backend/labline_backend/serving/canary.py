"""When a version on trial is taken back: decided from counts alone, against what the other versions do meanwhile.

Only differences count. Clients' mistakes and a busy machine hit all versions alike, for requests are shared by a hash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from labline_backend.serving.tally import Counts, total
from labline_runtime.dataclass import dataclass

QUANTILE = 0.9
SLOWER_SECONDS = 0.005
"""A latency that differs by less than this is no reason, whatever the factor."""


@dataclass(frozen=True)
class Guard:
    """What a canary may do worse than the others.

    ``errors``: how much larger its share of faults may be. ``latency``: how many times as long nine tenths of its
    answers may take. ``requests``: how many of its answers there must be before anything is decided. ``seconds``: how
    long an answer counts.
    """

    errors: float = 0.05
    latency: float = 3.0
    requests: int = 50
    seconds: float = 60.0


class Trial:
    """A version on trial. Told what was counted, it says when the version is to be taken back, and why."""

    def __init__(self, version: str, guard: Guard) -> None:
        self.version = version
        self._guard = guard
        self._seen: deque[tuple[float, Mapping[str, Counts]]] = deque()

    def observe(self, now: float, counts: Mapping[str, Counts]) -> str | None:
        """Take in what was counted since the last call, by version; a sentence when the canary has failed.

        *now* is any clock's seconds.
        """
        guard = self._guard
        self._seen.append((now, counts))
        while self._seen[0][0] < now - guard.seconds:
            self._seen.popleft()
        canary = total(each[self.version] for _, each in self._seen if self.version in each)
        others = total(part for _, each in self._seen for name, part in each.items() if name != self.version)
        if canary.requests < guard.requests:
            return None
        if canary.share > others.share + guard.errors:
            return f"{canary.share:.1%} of its {canary.requests} answers were errors, of the others' {others.share:.1%}"
        if others.requests < guard.requests:
            return None
        own, usual = canary.quantile(QUANTILE), others.quantile(QUANTILE)
        if own > max(usual * guard.latency, usual + SLOWER_SECONDS):
            return f"nine tenths of its answers took up to {own * 1000:.3g} ms, of the others' {usual * 1000:.3g} ms"
        return None
