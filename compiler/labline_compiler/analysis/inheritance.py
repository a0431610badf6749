"""``super().method(...)``: which method that is, where the classes of the notebook tell."""

from __future__ import annotations

import ast

from labline_compiler.analysis import generators
from labline_compiler.analysis.arguments import STATES, Arguments
from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.lookups import Lookups

_OF_OBJECT = ("__init__", "__init_subclass__")  # which do nothing there


class Inheritance(Lookups):
    """Calls methods of the classes above the one whose method is being followed."""

    _lines: dict[int, list[int]]  # by class: it and those above it, or nothing
    _with_state: set[int]  # instances that were made with a seed
    _defined_in: dict[int, int | None]  # by function: the class whose body has made it; None where several have

    def origin_of(self, node: ast.expr) -> str | None:
        """The dotted name of what an expression is of a library, without counting as a read."""
        raise NotImplementedError

    def defined_in(self, number: int, functions: Value) -> None:
        """A class has these among its members."""
        for each in functions & self.heap.functions:
            self._defined_in[each] = number if self._defined_in.get(each, number) == number else None

    def is_plain_super(self, node: ast.expr) -> bool:
        """Whether an expression is ``super()``."""
        return (
            isinstance(node, ast.Call)
            and not (node.args or node.keywords)
            and isinstance(node.func, ast.Name)
            and node.func.id == "super"
            and self.origin_of(node.func) == "builtins.super"
        )

    def super_method(self, name: str, arguments: Arguments, node: ast.AST) -> Value | None:
        """``super().name(arguments)``. None where it cannot be told which method that is."""
        found = self._above(name)
        if found is None:
            return None
        result: Value = NOTHING
        self.upward += 1
        try:
            for receiver, function in found:
                info = self.heap.things[function].function
                if info is not None:
                    own = frozenset((receiver,)) if info.binding != "static" else None
                    result |= self.enter_function(function, info, arguments, node, own)
        finally:
            self.upward -= 1
        return result

    def _above(self, name: str) -> list[tuple[int, int]] | None:
        """The objects that the method being followed has as its first argument, and the method that each inherits."""
        frame = next((f for f in reversed(self.state.frames) if not f.is_class and not f.is_comprehension), None)
        if frame is None or not self.active or frame.callee != frozenset(self.active[-1:]):
            return None
        here = self._defined_in.get(self.active[-1])
        info = self.heap.things[self.active[-1]].function
        if here is None or info is None or not (parameters := [*info.node.args.posonlyargs, *info.node.args.args]):
            return None
        found: list[tuple[int, int]] = []
        for number in sorted(frame.names.get(parameters[0].arg, NOTHING)):
            order = self.line(self._class_of(number))
            if here not in order:
                return None
            its = self._next(order[order.index(here) + 1 :], name)
            if its is None or not all(self._is_bound_to(number, each) for each in its):
                return None
            found += [(number, each) for each in sorted(its)]
        return found or None

    def inherited_draws(self, number: int, name: str, arguments: Arguments) -> None:
        """A method of an instance is called, which may be one of a library's class, or may call that."""
        klass = self._class_of(number)
        infos = [info for each in self._mro(klass) if (info := self.heap.things[each].klass) is not None]
        bases = NOTHING.union(*(base for info in infos for base in info.bases)) & self.heap.dotted
        drawn = generators.NONE.union(
            *(generators.drawn_by_inherited(self.heap.things[base].origin or "", name) for base in bases)
        )
        if not drawn or number in self._with_state or self.has_own_state(arguments):
            return
        if any(self._gives_state(info.node) for info in infos):
            return
        for state in sorted(drawn):
            self.state.sink.hidden(state, "draw")

    def made_with_state(self, instance: Value, arguments: Arguments) -> None:
        """An instance of a class of the notebook is made, maybe with a seed."""
        if self.has_own_state(arguments):
            self._with_state |= instance
        elif self._with_state:
            self._with_state -= instance

    def _gives_state(self, node: ast.ClassDef) -> bool:
        """Whether the code of a class hands on a seed, or a generator, that is none of everybody's."""
        return any(
            word.arg in STATES and not self.may_be_none(word.value)
            for each in ast.walk(node)
            if isinstance(each, ast.Call)
            for word in each.keywords
        )

    def line(self, klass: int) -> list[int]:
        """The class and those above it, where each has one base at most, and none of a library but ``object``.

        Nothing where there is more to them than their bodies.
        """
        order = self._lines.get(klass)
        if order is None:
            order = self._lines[klass] = self._mro(klass) if self._is_line(self._mro(klass)) else []
        if self._assignments and any(self.heap.things[each].stored for each in order):
            return []
        return order if self.heap.mixed.isdisjoint(order) else []

    def _is_line(self, order: list[int]) -> bool:
        for each, above in zip(order, [*order[1:], None], strict=False):
            info = self.heap.things[each].klass
            if info is None or info.metaclass or info.node.decorator_list:
                return False
            bases = [base for base in info.bases if self.heap.origin(base) != "builtins.object"]
            if bases != ([] if above is None else [frozenset((above,))]):
                return False
        return True

    def _next(self, order: list[int], name: str) -> Value | None:
        """What the nearest of some classes has under a name. None where it is not surely a method of theirs."""
        for each in order:
            info = self.heap.things[each].klass
            if info is not None and name in info.members:
                found = info.members[name]
                return found if found and found <= self.heap.functions else None
        return NOTHING if name in _OF_OBJECT else None

    def _is_bound_to(self, number: int, function: int) -> bool:
        """Whether the function is handed the object by being called as its method."""
        info, thing = self.heap.things[function].function, self.heap.things[number]
        if info is None or info.binding not in (None, "class", "static"):
            return False
        return info.binding == "static" or (thing.instance_of is None) == (info.binding == "class")
