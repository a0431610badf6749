"""What following the notebook once has shown, in its order, whichever way its cells are made steps.

An event is the name of a method of who goes through the trace (:class:`~.scout.Scout`, :class:`~.recorder.Recorder`)
and what that is told. Each has events of its own, for a function that is not followed reads the same names again and
again: who needs them is plain from the first time, but each time tells which changes are seen. What depends on steps is
left to them: which names the current step has surely bound, what stays behind in other steps, and the cells of a step
that IPython's history has.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import field
from typing import Any, TypeAlias

from labline_compiler.analysis.files import Mode
from labline_compiler.analysis.flows import NO_STEPS, Unit
from labline_compiler.analysis.heap import Heap
from labline_compiler.analysis.hidden_state import Use
from labline_compiler.analysis.links import NOTHING, Value
from labline_compiler.analysis.state import Lacks, Ran, State
from labline_compiler.analysis.staying import Staying
from labline_runtime.dataclass import dataclass

Event: TypeAlias = tuple[str, tuple[Any, ...]]


@dataclass
class Events:
    """What happens in a stretch of the notebook, in order."""

    looked_at: list[Event] = field(default_factory=list)  # for the scout
    recorded: list[Event] = field(default_factory=list)  # for the recorder


@dataclass
class Part:
    """What one unit does. ``bound``: what it has surely bound when it ends; False for what it may have unbound."""

    events: Events = field(default_factory=lambda: Events())
    opening: Events = field(default_factory=lambda: Events())  # what happens besides, should a step begin with it
    bound: dict[str, bool] = field(default_factory=dict)
    staying: dict[str, Staying] = field(default_factory=dict)  # by the end, what cannot leave its process
    ran: Ran | None = None

    def all_events(self, unit: Unit, *, begins: bool) -> Iterator[Events]:
        """What happens, where the unit is this one, which *begins* a step or does not."""
        if begins and unit.step not in NO_STEPS:
            yield self.opening
        yield self.events

    def update(self, bound: set[str]) -> None:
        """Keep up with the names that a step has surely bound."""
        for name, surely in self.bound.items():
            (bound.add if surely else bound.discard)(name)


class Trace:
    """Is told of every use by the walker, and keeps it."""

    def __init__(self, heap: Heap) -> None:
        self.heap = heap
        self.parts: list[Part] = []
        self.state: State
        self.bound: frozenset[str] = frozenset()  # the notebook's names, by the end
        self._statement: ast.stmt | None = None
        self._events = Events()
        self._told: set[tuple[Any, ...]] = set()  # what would be the same again, as long as nothing is bound
        self._again: dict[tuple[str, ...], tuple[object, tuple[Any, ...]]] = {}  # the reads of many, as long
        self._used: dict[str, int] = {}  # hidden state: by how many units something other than an import has used it
        heap.listener = self._linked

    def watch(self, state: State) -> None:
        """Be told of what the names of *state* come to stand for."""
        self.state = state
        state.watch_names(self._named)

    def open(self) -> None:
        """What happens should a step begin with the next unit comes now."""
        self.parts.append(Part())
        self._events = self.parts[-1].opening
        self._statement = None
        self._forget()

    def start(self) -> None:
        """The next unit itself."""
        self._events = self.parts[-1].events
        self._statement = None
        self._forget()

    def finish(self, ran: Ran | None) -> None:
        """The unit ends."""
        part = self.parts[-1]
        part.bound, part.staying, part.ran = dict(self.state.always), dict(self.state.staying), ran

    def uses_later(self, state: str, units: int) -> bool:
        """Whether hidden state is used in the last of so many *units*, or below them."""
        return self._used.get(state, 0) >= units

    def end(self) -> None:
        """No unit is left. Who told of uses is let go: else they and this would hold each other, and all of the
        analysis would stay until the collector comes.
        """
        self.bound = frozenset(self.state.module.names)
        self.heap.listener = None
        del self.state

    def _linked(self, holder: int, new: Value) -> None:
        self._events.recorded.append(("link", (holder, new)))

    def _named(self, name: str, value: object) -> None:
        self._events.recorded.append(("name", (name, value)))

    def _tell(self, method: str, *told: Any) -> None:
        if self.state.statement is not self._statement:
            self._statement = self.state.statement
            self._events.recorded.append(("at", (self._statement,)))
        self._events.recorded.append((method, told))

    def _forget(self) -> None:
        self._told.clear()
        self._again.clear()

    def _is_new(self, *what: Any) -> bool:
        new = what not in self._told
        self._told.add(what)
        return new

    # ----------------------------------------------------------------------------------------------- the walker's sink

    def read(self, name: str, node: ast.AST | None, *, kept: bool) -> None:
        """With what the name's value reaches."""
        self._events.looked_at.append(("read", (name, kept, self._reached(name))))
        if self._is_new("read", name, kept):
            self._events.recorded.append(("read", (name, kept)))

    def read_again(self, names: tuple[str, ...]) -> None:
        """With what the names' values reach: the same list as long as that is the same."""
        state = self.state
        moment = state.moment, tuple(map(state.always.get, names))
        known = self._again.get(names)
        if known is None or known[0] != moment:
            reads = []
            for name, bound in zip(names, moment[1], strict=True):
                if bound:
                    continue
                if name not in state.module.names:
                    self.unbound(name, None, kept=bound is None, late=state.late, forgiven=True)
                else:
                    reads.append((name, bound is None, self._reached(name)))
                    if self._is_new("read", name, bound is None):
                        self._events.recorded.append(("read", (name, bound is None)))
            known = self._again[names] = moment, tuple(reads)
        self._events.looked_at.append(("reads", (known[1],)))

    def looked_up(self, name: str, *, kept: bool) -> None:
        """The same of a name that is read if it is there."""
        self._events.looked_at.append(("read", (name, kept, self._reached(name))))
        if self._is_new("looked up", name, kept):
            self._events.recorded.append(("looked_up", (name, kept)))

    def _reached(self, name: str) -> Value:
        return self.heap.reach(self.state.module.names.get(name, NOTHING))

    def bind(self, name: str, value: Value, *, always: bool, joined: bool = False) -> None:
        """With the moment."""
        self._forget()
        self._tell("bind", name, value, always, joined, self.state.time, self.state.bindings)

    def delete(self, name: str, *, always: bool) -> None:
        """Kept as it is."""
        self._forget()
        self._tell("delete", name, always)

    def alter(self, objects: Value) -> None:
        """With the moment."""
        self._events.looked_at.append(("alter", (objects, self.state.time)))
        self._tell("alter", objects, self.state.time, self.state.bindings)

    def compared(self, objects: Value) -> None:
        """Objects are compared by identity."""
        self._events.looked_at.append(("compared", (objects, self.state.time)))

    def hidden(self, state: str, use: Use) -> None:
        """With the call that was entered last, and whether this is sure to happen."""
        if use == "change" and state in self.state.restored:
            use = "read"
        if use not in ("import", "strange import"):
            self._used[state] = len(self.parts)
        plain = self.state.depth == 0 and len(self.state.frames) == 1
        self._tell("hidden", state, use, plain, self.state.call)

    def file(self, mode: Mode, path: str | None, *, tree: bool = False) -> None:
        """Kept as it is."""
        self._events.recorded.append(("file", (mode, path, tree)))

    def unrepeatable(self) -> None:
        """Kept as it is."""
        self._events.recorded.append(("unrepeatable", ()))

    def unbound(self, name: str, node: ast.AST | None, *, kept: bool, late: bool, forgiven: bool) -> None:
        """Kept as it is."""
        if self._is_new("unbound", name, node, kept, late, forgiven):
            self._tell("unbound", name, node, kept, late, forgiven)

    def star_import(self, module: str) -> None:
        """Kept as it is."""
        self._forget()
        self._tell("star_import")

    def history(self, what: str, lacks: Lacks) -> None:
        """Kept as it is."""
        self._tell("history", what, lacks)

    def note(self, code: str, message: str, node: ast.AST | None, *, lacks: Lacks | None = None) -> None:
        """Kept as it is."""
        self._tell("note", code, message, node, lacks)
