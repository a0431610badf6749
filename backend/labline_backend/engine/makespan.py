"""How long a run takes by the clock, foreseen: its steps laid out as the engine would start them.

List scheduling in the order of the queue, as ``capacity.py`` serves it: whoever waits longest goes first, and nobody is
overtaken. What else the machine does meanwhile is not known here.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence

from labline_backend.engine.capacity import Share
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Work:
    """One step to be laid out: how many ``seconds`` it takes, once those it runs ``after`` have ended."""

    name: str
    after: tuple[str, ...]
    seconds: float
    share: Share


@dataclass(frozen=True)
class Makespan:
    """``seconds`` from the first step's start to the last one's end, and the steps that make it so long.

    Each step of the ``path`` waits for the one before it: for what that hands on, or for the room that it takes.
    """

    seconds: float
    path: tuple[str, ...]


def makespan(works: Sequence[Work], limit: Share | None) -> Makespan:
    """Lay out *works*, which are in the pipeline's order, on a machine that has *limit*; None for no bound at all.

    What a step runs after and is not among *works* counts as there. Steps without seconds take none.
    """
    waits = {work.name: 0 for work in works}
    below: dict[str, list[Work]] = {work.name: [] for work in works}
    for work in works:
        for name in dict.fromkeys(work.after):
            if name in below:
                below[name].append(work)
                waits[work.name] += 1
    free = limit
    queue = deque(work for work in works if not waits[work.name])
    running: list[tuple[float, int, Work, Share]] = []  # until when; a number, so that equals keep their order
    waited_for: dict[str, str] = {}
    now, last, number = 0.0, "", 0
    while queue or running:
        while queue:
            work = queue[0]
            share = _within(work.share, limit)
            if free is not None and (share.cores > free.cores or share.memory > free.memory):
                break
            queue.popleft()
            free = free and Share(free.cores - share.cores, free.memory - share.memory)
            waited_for[work.name] = last  # it could not start before: that one handed on what it takes, or made room
            heapq.heappush(running, (now + work.seconds, number, work, share))
            number += 1
        now, _, ended, share = heapq.heappop(running)
        last = ended.name
        free = free and Share(free.cores + share.cores, free.memory + share.memory)
        for work in below[ended.name]:
            waits[work.name] -= 1
            if not waits[work.name]:
                queue.append(work)
    return Makespan(now, _back(last, waited_for))


def _within(share: Share, limit: Share | None) -> Share:
    """What asks for more than there is gets all of it."""
    return Share(min(share.cores, limit.cores), min(share.memory, limit.memory)) if limit is not None else share


def _back(last: str, waited_for: dict[str, str]) -> tuple[str, ...]:
    path = []
    while last:
        path.append(last)
        last = waited_for[last]
    return tuple(reversed(path))
