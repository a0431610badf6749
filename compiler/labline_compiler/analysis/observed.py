"""What earlier runs saw the steps do, taken into account as if it stood in their code.

Every fact only adds to what a step may do, so a fact that no longer holds costs parallelism and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from labline_compiler.analysis.flows import Unit
from labline_compiler.analysis.heap import NOTHING
from labline_compiler.analysis.walker import Walker
from labline_runtime.specification import Observation


class Observed:
    """The facts, by the place in the notebook from which on they hold."""

    def __init__(self, units: Sequence[Unit], facts: Sequence[Observation]) -> None:
        ends: dict[str, list[int]] = {}  # the last unit of each of a step's stretches
        for place, unit in enumerate(units):
            if place + 1 == len(units) or units[place + 1].step != unit.step:
                ends.setdefault(unit.step, []).append(place)
        self._facts = [
            (ends[fact.step][fact.stretch if fact.stretch < len(ends[fact.step]) else -1], fact)
            for fact in facts
            if fact.step in ends
        ]
        self._linked: set[tuple[Walker, Observation]] = set()

    def after(self, place: int, walker: Walker) -> None:
        """The unit at *place* has been followed: add what was seen of it."""
        for since, fact in self._facts:
            if fact.kind == "shares" and place >= since:
                if _link(walker, *fact.names) and (walker, fact) not in self._linked:
                    self._linked.add((walker, fact))
                    names = walker.state.module.names
                    walker.state.alter(names[fact.names[0]] | names[fact.names[1]])  # so this step hands on both
            elif place == since:
                _do(walker, fact)


def _link(walker: Walker, first: str, second: str) -> bool:
    """From now on the two names, if both are bound, may stand for objects that hold each other's."""
    names = walker.state.module.names
    if first not in names or second not in names:
        return False
    for name in (first, second):
        names[name] = names[name] or walker.heap.make(("observed", name))
    walker.heap.put(names[first], names[second])
    walker.heap.put(names[second], names[first])
    return True


def _do(walker: Walker, fact: Observation) -> None:
    state = walker.state
    for name in fact.names:
        if fact.kind == "changes":
            state.sink.hidden(name, "change")
        elif fact.kind == "writes":
            state.sink.file("write", name)
        elif fact.kind == "binds" or name in state.module.names:
            value = state.global_value(name) if name in state.module.names else NOTHING
            if fact.kind == "alters" and value:
                state.alter(walker.heap.reach(value))
            state.bind_global(name, value or NOTHING, inside=True)
