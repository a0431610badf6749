"""What becomes of a notebook that is too much to be followed: all that its names stand for is one object.

The work that following takes is counted in steps that no busy machine changes, and what is allowed grows with the
notebook's lines, so that no notebook takes for ever. Where it is spent, names stand from there on for one object that
anything may change, and every cell does, besides what stands in it, what any function that was defined above may do.
That is the worst there is: steps run in the notebook's order, and what shares objects travels together.
"""

from __future__ import annotations

from labline_compiler.analysis.functions import ANY_NAME
from labline_compiler.analysis.generators import NONE
from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.magics import Magics

_ALLOWED = 1_500_000  # steps of work for any notebook: one or two seconds
_ALLOWED_A_LINE = 150  # and for each of its lines
_ALLOWED_A_STATEMENT = 1_000_000  # beyond that: values are in its hands, so names cannot become one meanwhile
_ALLOWED_AGAIN = 50_000  # within a cell, until names that it has bound since are one with the others


class TooMuchError(Exception):
    """A single statement takes more work to be followed than any notebook may take."""


class Blurring(Magics):
    """Counts the work, and sees to it that there is an end of it."""

    allowed = _ALLOWED
    anything: Value = NOTHING  # the one object, once there is one

    def allow(self, lines: int) -> None:
        """The notebook has so many lines."""
        self.allowed = _ALLOWED + _ALLOWED_A_LINE * lines

    def bear(self) -> None:
        """Raises :class:`TooMuchError` within a statement that would take for ever, and all memory there is."""
        if self.heap.work > self.allowed + _ALLOWED_A_STATEMENT:
            raise TooMuchError

    def between_statements(self) -> None:
        """A statement of a cell comes next, at which no value is in anybody's hands but those that names stand for."""
        if self.heap.work < self.allowed:
            return
        self.allowed = self.heap.work + _ALLOWED_AGAIN
        if not self.anything:
            self.anything = self.heap.make("anything")
            self.remaining = 0  # no function is followed any more
            if not self.told_all:
                message = (
                    "Up to this cell the notebook takes more work than is spent on following it: from here on any cell "
                    "is taken to change all that those above have made."
                )
                self.state.sink.note("LL213", message, None)
            self.told_spent = self.told_all = True
        self.blur()
        self.run_anything()

    def blur(self) -> None:
        """Names that stand for anything but what is of a library stand for the one object, which may be changed."""
        parts, one = self.heap.libraries, self.anything
        sharp = {name: value for name, value in self.state.module.names.items() if value - one - parts}
        lost = self.heap.mutable(self.heap.reach(one.union(*sharp.values())))
        self.state.alter(lost)
        self.state.sink.compared(lost)  # whoever reads a name later may see it, though names lead to them no more
        for name, value in sharp.items():
            self.state.retake(name, one | (value & parts))
        self.last_value = one | (self.last_value & parts)
        self.done.clear()
        self.invoked.clear()
        self.settled.clear()

    def run_anything(self) -> None:
        """All functions that were defined so far may run now: they read what they mention, and change it."""
        drawn, changed, values, declared, seen = NONE, NONE, self.anything, frozenset[str](), set[int]()
        for number in sorted(self.heap.functions):
            if number in seen:
                continue
            mentions = self.mentioned(number)
            values, declared = values | mentions.values, declared | mentions.declared
            drawn |= mentions.drawn
            changed |= mentions.changed
            seen |= mentions.functions
            for name in ANY_NAME.intersection(mentions.names).difference(self.state.module.names):
                values |= self.everything(f"builtins.{name}", None)
        for name in sorted(declared):
            self.state.bind_global(name, self.anything, inside=True)
        reached = self.heap.reach(values)
        self.state.alter(reached)
        self.unknown_draws(reached, drawn=drawn, fits=True)
        for state in sorted(changed):
            self.state.sink.hidden(state, "change")
        self.state.sink.file("write", None, tree=True)
