"""Which steps can start, and which never will. Pure: knows names and states, starts nothing.

Each edge is looked at once when its source ends, so a whole run costs O(steps + edges).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labline_backend.store.records import DONE_STEP, ENDED_STEP, StepState
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Decision:
    """What follows from a transition: steps to start, and steps to skip because one above them has failed."""

    ready: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


class Scheduler:
    """The graph of one run. ``predecessors`` is in the pipeline's order, which decides between equals."""

    def __init__(self, predecessors: Mapping[str, Sequence[str]], states: Mapping[str, StepState]) -> None:
        self._open = {name for name in predecessors if states[name] not in ENDED_STEP}
        self._states = dict(states)
        self._order = list(predecessors)
        self._missing = {name: len(set(above)) for name, above in predecessors.items()}
        self._successors: dict[str, list[str]] = {name: [] for name in predecessors}
        for name, above in predecessors.items():
            for source in dict.fromkeys(above):
                self._successors[source].append(name)

    def begin(self) -> Decision:
        """What to do first, given the states that the run begins or goes on with."""
        ready = [name for name in self._order if name in self._open and not self._missing[name]]
        skipped: list[str] = []
        for name in self._order:
            if self._states[name] in ENDED_STEP:
                decision = self._spread(name, self._states[name])
                ready += decision.ready
                skipped += decision.skipped
        return Decision(tuple(ready), tuple(skipped))

    def ended(self, name: str, state: StepState) -> Decision:
        """What follows when a step that was ready has ended."""
        self._open.discard(name)
        return self._spread(name, state)

    def _spread(self, name: str, state: StepState) -> Decision:
        if state not in DONE_STEP:
            return Decision(skipped=tuple(self._skip_below(name)))
        ready = []
        for successor in self._successors[name]:
            self._missing[successor] -= 1
            if not self._missing[successor] and successor in self._open:
                ready.append(successor)
        return Decision(ready=tuple(ready))

    def _skip_below(self, name: str) -> list[str]:
        skipped = []
        ahead = [name]
        while ahead:
            for successor in self._successors[ahead.pop()]:
                if successor in self._open:
                    self._open.discard(successor)
                    skipped.append(successor)
                    ahead.append(successor)
        return skipped
