"""Order in graphs of steps: cycles, and the topological order that keeps the notebook's."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence, Set


def cycle_in(waits: Mapping[str, Set[str]]) -> list[str] | None:
    """A cycle, each step waiting for the next and the last for the first, or None."""
    done: set[str] = set()
    for start in sorted(waits):
        if start in done:
            continue
        path, on_path = [start], {start}
        pending = [iter(sorted(waits.get(start, ())))]
        while pending:
            following = next(pending[-1], None)
            if following is None:
                pending.pop()
                step = path.pop()
                on_path.discard(step)
                done.add(step)
            elif following in on_path:
                return path[path.index(following) :]
            elif following not in done:
                path.append(following)
                on_path.add(following)
                pending.append(iter(sorted(waits.get(following, ()))))
    return None


def topological(names: Sequence[str], waits: Mapping[str, Set[str]]) -> list[str]:
    """*names* such that every step comes after those it waits for, else in their old order. There must be no cycle."""
    position = {name: i for i, name in enumerate(names)}
    missing = {name: len(waits.get(name, ())) for name in names}
    waiting: dict[str, list[str]] = {}
    for name in names:
        for before in waits.get(name, ()):
            waiting.setdefault(before, []).append(name)
    ready = [position[name] for name in names if not missing[name]]
    heapq.heapify(ready)
    order = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for other in waiting.get(name, ()):
            missing[other] -= 1
            if not missing[other]:
                heapq.heappush(ready, position[other])
    return order
