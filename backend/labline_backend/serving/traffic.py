"""What an endpoint has lately answered, in short stretches of time, for charts. No clock, no transport."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import field

from labline_backend.serving.tally import Counts, total
from labline_runtime.dataclass import dataclass

STRETCH_SECONDS = 2.0
_ENOUGH = 0.75 * STRETCH_SECONDS  # looks come a little later than they are meant to
KEPT = 150
"""Stretches: five minutes of them."""

USUAL, SLOW = 0.5, 0.9
"""The shares of the answers whose latency is told."""


@dataclass
class _Stretch:
    start: float
    end: float
    counts: dict[str, Counts] = field(default_factory=dict)

    def plain(self) -> dict[str, object]:
        return {
            "time": self.end,
            "seconds": self.end - self.start,
            "versions": {
                version: {
                    "requests": counts.requests,
                    "errors": counts.faults,
                    "median": counts.quantile(USUAL),
                    "slow": counts.quantile(SLOW),
                }
                for version, counts in self.counts.items()
                if counts.requests
            },
        }


class Traffic:
    """The last minutes of an endpoint, whichever of its processes answered."""

    def __init__(self) -> None:
        self._stretches: deque[_Stretch] = deque(maxlen=KEPT)
        self._since: float | None = None

    def observe(self, now: float, counts: Mapping[str, Counts]) -> None:
        """Take in what each version has answered since the last call. *now* is in seconds since the epoch."""
        start = now if self._since is None else min(self._since, now)  # clocks are set back now and then
        self._since = now
        last = self._stretches[-1] if self._stretches else None
        if last is None or last.end - last.start > _ENOUGH or now - last.start > 2 * STRETCH_SECONDS or now < last.end:
            last = _Stretch(start, now)
            self._stretches.append(last)
        last.end = now
        for version, more in counts.items():
            before = last.counts.get(version)
            last.counts[version] = more if before is None else total((before, more))

    def plain(self) -> dict[str, object]:
        """As JSON has it: the stretches that are over, the oldest first. Latencies are in seconds."""
        return {"points": [stretch.plain() for stretch in list(self._stretches)[:-1]]}
