"""What is looked for by equality, which for many objects is identity."""

from __future__ import annotations

from labline_compiler.analysis.classes import Classes
from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.operations import TRANSPARENT


class Lookups(Classes):
    """Which objects have to be the very same ones for a look-up to find what it finds in the notebook."""

    _by_parts: dict[int, bool]  # by class: whether its instances may be compared by their attributes

    def sought(self, value: Value) -> None:
        """*value* is looked for by equality, which is identity where its class has no other."""
        parts, more = value, value
        while more := self._compared_with(more) - parts:  # equal where all in them are
            parts |= more
        alike = self.heap.only(parts, "sklearn") | (parts & self.heap.functions) | (parts & self.heap.sentinels)
        alike |= {number for number in parts & self.heap.instances if not self._has_equality(number)}
        if alike:
            self.same_identity(alike)

    def _compared_with(self, value: Value) -> Value:
        """What is compared where objects of *value* are: the parts of containers, and of instances as dataclasses."""
        heap = self.heap
        found = set(heap.elements(wholes)) if (wholes := heap.only(value, *TRANSPARENT)) else set()
        for number in value & heap.instances:
            if not self._has_equality(number) and self._compares_parts(self._class_of(number)):
                found |= self._fields(number)
        if heap.namespaces:
            for number in value & heap.namespaces:
                found |= self._fields(number)
        return frozenset(found)

    def _has_equality(self, number: int) -> bool:
        """Whether an instance's class says itself what it is equal to, and not by what libraries have for that."""
        return not self._found(number, "__eq__") <= self.heap.libraries

    def _fields(self, number: int) -> Value:
        """What an object's attributes may be: not the methods of whatever that reaches."""
        thing = self.heap.things[number]
        held = NOTHING.union(thing.holds - self.heap.classes, *thing.stored.values())
        return held | (self.heap.reach(held) - self.heap.functions)

    def _compares_parts(self, number: int) -> bool:
        """Whether instances of a class may be compared by their attributes though it says nothing of that itself."""
        known = self._by_parts.get(number)  # decorators and bases stay what they are
        if known is None:
            infos = [self.heap.things[each].klass for each in self._mro(number)]
            decorated = any(info is not None and info.node.decorator_list for info in infos)
            known = self._by_parts[number] = decorated or self.foreign_bases(number)
        return known
