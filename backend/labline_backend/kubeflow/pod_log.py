"""A pod's log as it grows: what was read before is not asked for again.

Kubernetes gives a log from so many seconds ago, with the time of each line. So a little is asked for twice, and the
lines' times tell what is new. What KFP's executor says of itself is left out.
"""

from __future__ import annotations

import re
from dataclasses import field

from labline_backend.kubeflow.executor_words import ExecutorWords
from labline_runtime.dataclass import dataclass

LONGEST_LOG = 8 << 20  # bytes
OVERLAP = 2.0  # seconds asked for twice, for clocks that go on unevenly
STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\S+")


@dataclass
class PodLog:
    """What has been read of one pod's log: up to which line, of those of the same time, and how much.

    ``asked`` is when that was, by a clock that only goes on; ``is_complete`` that nothing can come any more.
    """

    asked: float | None = None
    is_complete: bool = False
    size: int = 0
    _last: bytes = b""
    _at_last: int = 0
    _executor: ExecutorWords = field(default_factory=ExecutorWords)

    def since(self, now: float) -> int | None:
        """For the next look at *now*: of how many seconds to ask for the lines; None for all."""
        return None if self.asked is None else int(now - self.asked + OVERLAP) + 1

    def take(self, answer: bytes, *, is_whole: bool) -> bytes:
        """What *answer*, lines with their times, has that is new.

        Of a line that is still being written nothing is taken, unless *is_whole*: the pod has ended.
        """
        lines = answer.split(b"\n")
        rest = lines.pop()
        if rest and is_whole:
            lines.append(rest)
        found = []
        at_last = 0
        for line in lines:
            stamp, _, text = line.partition(b" ")
            if not STAMP.fullmatch(stamp):  # Kubernetes' own words
                continue
            if stamp < self._last:
                continue
            if stamp == self._last:
                at_last += 1
                if at_last <= self._at_last:
                    continue
                self._at_last = at_last
            else:
                self._last, self._at_last, at_last = stamp, 1, 1
            if not self._executor.has(text):
                found.append(text + b"\n")
        new = b"".join(found)[: LONGEST_LOG - self.size]
        self.size += len(new)
        return new
