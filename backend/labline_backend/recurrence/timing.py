"""When a recurring run begins: by a cron expression in a time zone, or after an interval each."""

from __future__ import annotations

import math
from dataclasses import replace

from labline_backend.recurrence import cron, reading
from labline_backend.recurrence.zones import here, zone_of
from labline_runtime.dataclass import dataclass

LONGEST_INTERVAL = 366 * 86_400  # seconds


class TimingError(ValueError):
    """It is not said when, or twice; the message is one sentence."""


@dataclass(frozen=True)
class Timing:
    """A ``cron`` expression in the time ``zone`` of that name, or an ``interval`` of so many seconds.

    Without a zone the expression is in the one of whoever follows it: this machine, or a cluster.
    """

    cron: str | None = None
    interval: int | None = None
    zone: str | None = None

    def over(self, before: Timing) -> Timing:
        """It in the place of *before*, whose time zone, or all but it, stays where this does not say."""
        if self.cron is None and self.interval is None:
            return replace(before, zone=self.zone or before.zone)
        return self if self.interval is not None else replace(self, zone=self.zone or before.zone)

    def checked(self) -> Timing:
        """It as it is kept, where it says one thing. Raises ``ValueError`` with a sentence."""
        if (self.cron is None) == (self.interval is None):
            raise TimingError("Say when to run: either by a cron expression, or after an interval each.")
        if self.interval is not None:
            if not 1 <= self.interval <= LONGEST_INTERVAL:
                raise TimingError("An interval is from one second to a year.")
            if self.zone is not None:
                raise TimingError("An interval has no time zone: leave it out.")
            return self
        if self.zone is not None:
            zone_of(self.zone)
        return replace(self, cron=cron.parse(self.cron or "").text)

    def placed(self) -> Timing:
        """It as this machine follows it: a cron expression has a time zone. Raises ``ValueError``."""
        checked = self.checked()
        return replace(checked, zone=checked.zone or here()) if checked.cron is not None else checked

    def next(self, after: float, begun: float) -> float:
        """The first moment later than *after*; intervals count from when it was *begun*. Raises ``ValueError``."""
        if self.interval is not None:
            return begun + self.interval * max(1, math.floor((after - begun) / self.interval) + 1)
        return cron.parse(self.cron or "").next(after, zone_of(self.zone or "UTC"))

    @property
    def reading(self) -> str:
        """In words, without a full stop. Raises ``ValueError``."""
        if self.interval is not None:
            return reading.of_interval(self.interval)
        return reading.of_cron(cron.parse(self.cron or ""))
