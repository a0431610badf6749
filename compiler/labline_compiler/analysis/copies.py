"""Copies of objects: what they still share with their originals."""

from __future__ import annotations

import ast

from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.out_of_sight import OutOfSight

MOVING = ("rng", "iterator", "file")


class Copies(OutOfSight):
    """What ``copy.copy``, ``copy.deepcopy`` and scikit-learn's ``clone`` give."""

    def deep_copy(self, value: Value, node: ast.AST) -> Value | None:
        """A copy that shares nothing with the original but functions and classes."""
        reached = self.heap.reach(value)
        if copies := self.copied_instances(value, node, deep=True):
            return copies
        inner = self.copied_instances(frozenset(self.heap.instances & reached), node, deep=True)
        inner |= reached & (self.heap.classes | self.heap.functions)
        for kind in MOVING:  # whoever draws from, or goes on with, the copy changes it
            if self.heap.only(reached, kind):
                inner |= self.heap.make(self.site(node, kind), kind, inner)
        estimators = [self.heap.things[number] for number in self.heap.only(reached, "sklearn")]
        facts = {name: any(getattr(each, name) for each in estimators) for name in ("draws", "passes", "keeps")}
        if not inner and not any(facts.values()):
            return None
        if self.heap.kind(value) in MOVING:
            return self.heap.only(inner, *MOVING)
        return self.heap.make(self.site(node), self.heap.kind(value), inner, **facts)

    def copied_instances(self, value: Value, node: ast.AST, *, deep: bool) -> Value:
        """Copies of instances of the notebook's classes, which stay that. Nothing if there is anything else."""
        things, copies = self.heap.things, NOTHING
        self.use(value)
        for number in sorted(value):
            klass = things[number].instance_of
            if klass is None:
                return NOTHING
            # A deep copy holds copies of what the original holds, so it shares nothing but the classes.
            inner = self.heap.reach(things[number].holds) if deep else NOTHING
            held = (
                frozenset(n for n in inner if things[n].klass or things[n].function) if deep else things[number].holds
            )
            copied = self.heap.make(self.site(node, ("copy", number)), "instance", frozenset(held), instance_of=klass)
            self.heap.mixed |= copied
            for name, stored in things[number].stored.items():
                kept = stored & held if deep else stored
                for each in copied:
                    things[each].stored[name] = things[each].stored.get(name, NOTHING) | kept
            own = copied | frozenset((number,))
            for name in ("__copy__", "__deepcopy__", "__reduce__", "__getstate__", "__setstate__"):
                copied |= self.special(number, name, Arguments([own]), node)
            copies |= copied
        return copies
