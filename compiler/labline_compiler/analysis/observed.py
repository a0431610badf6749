"""What earlier runs saw the steps do, taken into account as if it stood in their code.

Most facts only add to what a step may do, so one that no longer holds costs parallelism and nothing else. What type a
value had takes away from it: a method of a frame is looked up among those of frames. Should the value be of another
kind one day, the step that makes it fails (LL222).
"""

from __future__ import annotations

from collections.abc import Sequence

from labline_compiler.analysis.flows import Unit
from labline_compiler.analysis.heap import NOTHING
from labline_compiler.analysis.walker import Walker
from labline_runtime.outcome import Observation, kind_of


class Observed:
    """The facts, by the place in the notebook from which on they hold."""

    def __init__(self, units: Sequence[Unit], facts: Sequence[Observation]) -> None:
        ends: dict[str, list[int]] = {}  # the last unit of each of a step's stretches
        for place, unit in enumerate(units):
            if place + 1 == len(units) or units[place + 1].step != unit.step:
                ends.setdefault(unit.step, []).append(place)
        self.facts = [
            (ends[fact.step][fact.stretch if fact.stretch < len(ends[fact.step]) else -1], fact)
            for fact in facts
            if fact.step in ends and (fact.kind != "is" or len(ends[fact.step]) == 1)
        ]
        self._staying = [(number, place) for number, (place, fact) in enumerate(self.facts) if fact.kind == "shares"]
        self._once: dict[int, list[int]] = {}  # the numbers of the others, which are done once, by their place
        for number, (place, fact) in enumerate(self.facts):
            if fact.kind != "shares":
                self._once.setdefault(place, []).append(number)
        self._linked: set[Observation] = set()
        self.telling = {fact for fact in facts if fact.kind != "is"}  # those that made a difference, if only to names

    def after(self, place: int, walker: Walker) -> None:
        """The unit at *place* has been followed: add what was seen of it."""
        staying = [number for number, since in self._staying if place >= since]
        for number in sorted((*staying, *self._once.get(place, ()))):
            fact = self.facts[number][1]
            if fact.kind == "shares":
                if _link(walker, *fact.names) and fact not in self._linked:
                    self._linked.add(fact)
                    names = walker.state.module.names
                    walker.state.alter(names[fact.names[0]] | names[fact.names[1]])  # so this step hands on both
            elif fact.kind == "is":
                if _take_for(walker, *fact.names):
                    self.telling.add(fact)
            else:
                _do(walker, fact)


def _take_for(walker: Walker, name: str, type_name: str) -> bool:
    """The name stands for an object of a known type, which may hold all that it was taken to stand for.

    Unless it is known what the name stands for; whether that was not so.
    """
    names, heap, kind = walker.state.module.names, walker.heap, kind_of(type_name)
    value = names.get(name, NOTHING)
    if kind is None or not value or heap.kind(value) is not None:
        return False
    if kind == "scalar":
        walker.state.retake(name, NOTHING)
        return True
    # Of an estimator it is not known whether it was given a random_state.
    walker.state.retake(
        name, heap.make(("observed", name, type_name), kind, heap.reach(value), draws=kind == "sklearn")
    )
    return True


def _link(walker: Walker, first: str, second: str) -> bool:
    """From now on the two names, if both are bound, may stand for objects that hold each other's."""
    names = walker.state.module.names
    if first not in names or second not in names:
        return False
    for name in (first, second):
        walker.state.retake(name, names[name] or walker.heap.make(("observed", name)))
    walker.heap.put(names[first], names[second])
    walker.heap.put(names[second], names[first])
    return True


def _do(walker: Walker, fact: Observation) -> None:
    state = walker.state
    for name in fact.names:
        if fact.kind == "changes":
            state.sink.hidden(name, "change")
        elif fact.kind in ("writes", "reads"):
            state.sink.file("write" if fact.kind == "writes" else "read", name)
        elif fact.kind == "binds" or name in state.module.names:
            value = state.global_value(name) if name in state.module.names else NOTHING
            if fact.kind == "alters" and value:
                state.alter(walker.heap.reach(value))
            state.bind_global(name, value or NOTHING, inside=True)
