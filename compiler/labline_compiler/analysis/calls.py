"""Follow calls: tell by what is called which of the rules holds."""

from __future__ import annotations

import ast

from labline_compiler.analysis import methods
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.generators import NONE
from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.library_objects import LibraryObjects
from labline_compiler.analysis.looking import Looking
from labline_compiler.analysis.operations import CACHES
from labline_compiler.analysis.replacements import KEEPING_OPEN

_STREAMS = ("sys.stdout", "sys.stderr")


class Calls(Looking, LibraryObjects):
    """What calls do."""

    printing = False

    def call(self, callee: Value, arguments: Arguments, node: ast.AST) -> Value:
        """Call *callee*, which may be several things."""
        if not callee:
            return self.worst(callee, arguments, node)
        result: Value = NOTHING
        unknown: set[int] = set()
        own, originals = self.in_force(callee)
        for origin in originals:
            result |= self.library(origin, arguments, node)
        for number in sorted(own):
            thing = self.heap.things[number]
            if thing.function is not None:
                result |= self.enter_function(number, thing.function, arguments, node)
            elif thing.klass is not None:
                result |= self.construct(number, thing.klass, arguments, node)
            elif thing.origin in CACHES:
                result |= self.library(thing.origin, arguments, node)
            elif thing.instance_of is not None:
                result |= self.call_method(frozenset((number,)), "__call__", arguments, node)
            elif thing.kind == "quiet":
                result |= self.call_quiet(frozenset((number,)), arguments, node)
            else:
                unknown.add(number)
        if unknown:
            others = frozenset(unknown)
            result |= self.worst(others, arguments, node, drawn=NONE)  # but by what it is
        return result

    def call_method(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """``receiver.name(arguments)``."""
        if not receiver:
            self.callbacks(arguments)
            self.method_files(name, self.receiver_text(arguments), arguments, known_value=False)
            return self.heap.make(
                self.site(node), "data", self.heap.reach(arguments.all) if name != "format" else NOTHING
            )
        result: Value = NOTHING
        if name in self.patched and (patches := self.mutable_patches(name)):
            with_receiver = Arguments([receiver, *arguments.positional], arguments.keywords, arguments.rest)
            result |= self.call(patches, with_receiver, node)
        if name in KEEPING_OPEN:
            self.kept_open(receiver, name, arguments, node)
        sure, dotted = len(receiver) == 1, receiver & self.heap.dotted
        libraries = sorted(dotted)
        if not sure and name in methods.CONTAINER_ALTERS:  # a function that is within reach is not what is filled
            libraries = [n for n in libraries if not self.is_function(self.heap.things[n].origin or "")]
        if libraries:
            found = (self.heap.library_part(number, name, sure=sure) for number in libraries)
            result |= self.call(NOTHING.union(*found), arguments, node)
        by_kind: dict[str | None, set[int]] = {}
        for number in sorted(receiver - dotted):
            thing = self.heap.things[number]
            if thing.instance_of is not None or thing.klass is not None:
                result |= self.notebook_method(number, name, arguments, node)
            elif thing.caches and name in ("cache_info", "cache_parameters"):
                continue  # it has been read
            elif thing.function is not None:
                result |= self.worst(frozenset((number,)), arguments, node, drawn=NONE)
            else:
                by_kind.setdefault(thing.kind, set()).add(number)
        for kind, numbers in by_kind.items():
            result |= self.kind_method(kind, frozenset(numbers), name, arguments, node)
        return result

    def accessors(self, value: Value, name: str, node: ast.AST) -> Value:
        """What asking *value* for an attribute runs that the notebook has put into libraries under that *name*."""
        found: Value = NOTHING
        for number in sorted(self.mutable_patches(name)):
            thing = self.heap.things[number]
            if thing.klass is not None:  # registered as an accessor
                found |= self.construct(number, thing.klass, Arguments([value]), node)
            elif thing.function is not None and thing.function.is_property:
                found |= self.enter_function(number, thing.function, Arguments([value]), node)
        return found

    def mutable_patches(self, name: str) -> Value:
        """The notebook's own objects among what it has put into libraries under a name."""
        return self.heap.mutable(self.patches(name))

    def printed(self) -> None:
        """A call has ended, which may have printed: that writes to what the notebook has put in a stream's place."""
        if self.printing or not self.patched:
            return
        streams = self.heap.mutable(NOTHING.union(*(self.patches(path.rpartition(".")[2], path) for path in _STREAMS)))
        if streams:
            self.printing = True  # what is written to may print itself
            self.callbacks(Arguments([streams]))
            self.state.alter(self.heap.reach(streams))
            self.printing = False

    def enter(self, manager: Value, node: ast.AST) -> Value:
        """``with manager as value``."""
        entered: Value = NOTHING
        for number in sorted(manager):
            thing = self.heap.things[number]
            if thing.instance_of is not None:
                kind = "a" if self.is_asynchronous(number) else ""
                entered |= self.notebook_method(number, f"__{kind}enter__", Arguments([]), node)
                gone = Arguments([NOTHING, self.raised(), NOTHING])
                self.notebook_method(number, f"__{kind}exit__", gone, node)
        if others := self.heap.only(manager, None) - self.heap.instances:  # such as an ExitStack with what it was told
            self.callbacks(Arguments([others]))
            self.state.alter(self.heap.reach(others))
        # A function under contextlib.contextmanager makes an iterator, and gives what that yields.
        unknown = self.heap.kind(manager) in (None, "iterator")
        return manager | entered | (self.heap.reach(manager) if unknown else NOTHING)

    def ipython_call(self, node: ast.Call) -> bool:
        """Whether the call is one that IPython's transformer made of a magic or a shell line, and was dealt with."""
        return False
