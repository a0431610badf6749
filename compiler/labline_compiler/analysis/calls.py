"""Follow calls: into the notebook's own functions, by tables into libraries, by the worst case anywhere else."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labline_compiler.analysis import hidden_state, operations, scopes
from labline_compiler.analysis.heap import NOTHING, ClassInfo, FunctionInfo, Heap, Value
from labline_compiler.analysis.state import Frame, State

if TYPE_CHECKING:
    from labline_compiler.analysis.operations import Operation

_MAXIMUM_DEPTH = 12
_BUDGET = 600  # statements and calls followed in functions for one cell


@dataclass
class Arguments:
    """Evaluated arguments of a call. ``rest`` is what came by ``*`` and ``**``."""

    positional: list[Value]
    keywords: dict[str, Value] = field(default_factory=dict)
    rest: Value = NOTHING
    starred: bool = False
    node: ast.Call | None = None

    @property
    def all(self) -> Value:
        """Everything that is handed over."""
        return self.rest.union(*self.positional, *self.keywords.values())

    def constant(self, position: int | None, keyword: str | None = None) -> object:
        """The literal at a place, or an unlikely object where there is none."""
        if self.node is None:
            return Ellipsis
        found: ast.expr | None = None
        if position is not None and position < len(self.node.args):
            found = self.node.args[position]
        for word in self.node.keywords:
            if keyword is not None and word.arg == keyword:
                found = word.value
        return found.value if isinstance(found, ast.Constant) else Ellipsis

    def has_state(self) -> bool:
        """Whether a random_state other than None is given."""
        given = "random_state" in self.keywords or "seed" in self.keywords
        return given and self.constant(None, "random_state") is not None


class Calls:
    """What calls do."""

    heap: Heap
    state: State
    context: tuple[int, ...]
    active: list[int]
    invoked: dict[int, tuple[int, Value]]  # functions called by nobody knows whom in this cell, and with what
    assumed: dict[int, int]  # functions of which the worst was assumed, and the state they met
    budget: int

    def site(self, node: ast.AST, extra: object = None) -> tuple[object, ...]:
        """The key of what *node* makes, at this place of the program."""
        raise NotImplementedError

    def eval(self, node: ast.expr) -> Value:
        """The value of an expression."""
        raise NotImplementedError

    def run(self, statements: Sequence[ast.stmt]) -> None:
        """Follow a block."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind or store *value*."""
        raise NotImplementedError

    def make_function(self, node: scopes.FunctionNode, binding: str | None = None) -> Value:
        """The function object that a definition makes."""
        raise NotImplementedError

    def spend(self) -> None:
        """Count what is followed in functions, so that no notebook takes for ever."""
        if self.active:
            self.budget -= 1

    def arguments_of(self, values: list[Value]) -> Arguments:
        """Arguments that stand in no call's text."""
        return Arguments(values)

    # ----------------------------------------------------------------------------------------------- harmless uses

    def use(self, value: Value, *, call_methods: bool = False) -> None:
        """The value takes part in something harmless; special methods of the notebook's classes may run."""
        for number in sorted(value):
            thing = self.heap.things[number]
            if thing.instance_of is not None:
                for name, functions in self._all_members(thing.instance_of).items():
                    special = name.startswith("__") and name not in ("__init__", "__new__", "__call__", "__del__")
                    if special or (call_methods and name.startswith("__set")):
                        self.invoke(functions, frozenset((number,)))

    def iterate(self, value: Value, *, members: bool = False) -> Value:
        """Go through *value*; what that gives. An iterator is used up by it."""
        for number in sorted(value):
            thing = self.heap.things[number]
            own = frozenset((number,))
            if thing.instance_of is not None:
                self.use(own)
                self.state.alter(own)
            elif thing.kind == "iterator":
                self.state.alter(own | self._iterators_in(own))
                self.invoke(self.heap.reach(own), NOTHING)
            elif thing.kind is None and not thing.parted and thing.function is None and thing.klass is None:
                self.state.alter(own)
                self.invoke(self.heap.reach(own), NOTHING)
            elif thing.kind in ("rng", "file"):
                self.state.alter(own)
        return NOTHING if members else self.heap.elements(value)

    def _iterators_in(self, value: Value) -> Value:
        """What going on in *value* changes: iterators, and what methods that it calls belong to."""
        kinds, reached = ("iterator", "file", "rng", None), self.heap.reach(value)
        return frozenset(n for n in reached if self.heap.things[n].kind in kinds) | self._behind_methods(reached)

    def _behind_methods(self, value: Value) -> Value:
        """What calling the bound methods of containers (``items.append``) among *value* may change."""
        methods = frozenset(n for n in value if self.heap.things[n].kind == "bound")
        return self.heap.reach(methods) if methods else NOTHING

    # ------------------------------------------------------------------------------------------------------- calls

    def call(self, callee: Value, arguments: Arguments, node: ast.AST) -> Value:
        """Call *callee*, which may be several things."""
        if not callee:
            return self._worst(callee, arguments, node)
        result: Value = NOTHING
        unknown: set[int] = set()
        for number in sorted(callee):
            thing = self.heap.things[number]
            if thing.function is not None:
                result |= self.enter_function(number, thing.function, arguments, node)
            elif thing.klass is not None:
                result |= self._construct(number, thing.klass, arguments, node)
            elif thing.origin is not None and thing.kind in ("module", "library"):
                result |= self._library(thing.origin, arguments, node)
            elif thing.instance_of is not None:
                result |= self.call_method(frozenset((number,)), "__call__", arguments, node)
            else:
                unknown.add(number)
        if unknown:
            result |= self._worst(frozenset(unknown), arguments, node)
        return result

    def call_method(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """``receiver.name(arguments)``."""
        if not receiver:
            self.callbacks(arguments)
            self._files(None, name, arguments, known_value=False)
            return self.heap.make(
                self.site(node), "data", self.heap.reach(arguments.all) if name != "format" else NOTHING
            )
        if name in ("setLevel", "addHandler", "addFilter", "removeHandler", "cache_info"):
            self.note_process_change(name)
        result: Value = NOTHING
        by_kind: dict[str | None, set[int]] = {}
        for number in sorted(receiver):
            thing = self.heap.things[number]
            if thing.origin is not None and thing.kind in ("module", "library"):
                result |= self._library(f"{thing.origin}.{name}", arguments, node)
            elif thing.instance_of is not None or thing.klass is not None:
                result |= self._notebook_method(number, name, arguments, node)
            elif thing.function is not None:
                result |= self._worst(frozenset((number,)), arguments, node)
            else:
                by_kind.setdefault(thing.kind, set()).add(number)
        for kind, numbers in by_kind.items():
            result |= self._kind_method(kind, frozenset(numbers), name, arguments, node)
        return result

    # ---------------------------------------------------------------------------------- the notebook's own functions

    def enter_function(
        self, number: int, info: FunctionInfo, arguments: Arguments, node: ast.AST, receiver: Value | None = None
    ) -> Value:
        """Run a function of the notebook on *arguments*; *receiver* is its self, where it is a method."""
        own = frozenset((number,))
        handed = arguments.all | (receiver or NOTHING)
        if number in self.active or len(self.active) >= _MAXIMUM_DEPTH or self.budget <= 0:
            if number not in self.active and self.assumed.get(number) != self.state.bindings:
                self._assume_everything(number)
            self._mix(handed, node)
            return self.heap.reach(handed | own)
        frame = Frame(self._scope_of(info), info.frame, callee=own)
        frame.names = self._bound_parameters(info, arguments, node, receiver)
        outer_context, outer_depth = self.context, len(self.state.frames)
        self.context = (*self.context[-_MAXIMUM_DEPTH:], id(node))
        self.state.frames.append(frame)
        self.active.append(number)
        try:
            if isinstance(info.node, ast.Lambda):
                frame.returns = self.eval(info.node.body)
            else:
                self.run(info.node.body)
        finally:
            self.active.pop()
            del self.state.frames[outer_depth:]
            self.context = outer_context
        if scopes.is_generator(info.node):
            held = frame.returns.union(own, *frame.names.values())
            return self.heap.make(self.site(node, "generator"), "iterator", held)
        return frame.returns

    def _scope_of(self, info: FunctionInfo) -> scopes.Scope:
        return info.scope

    def _bound_parameters(
        self, info: FunctionInfo, arguments: Arguments, node: ast.AST, receiver: Value | None
    ) -> dict[str, Value]:
        spec = info.node.args
        positional = list(arguments.positional) if receiver is None else [receiver, *arguments.positional]
        names = [argument.arg for argument in [*spec.posonlyargs, *spec.args]]
        bound = dict(zip(names, positional, strict=False))
        extra = frozenset().union(*positional[len(names) :])
        keyword_names = {*names, *(argument.arg for argument in spec.kwonlyargs)}
        unmatched: Value = NOTHING
        for name, value in arguments.keywords.items():
            if name in keyword_names:
                bound[name] = value
            else:
                unmatched |= value
        for name in keyword_names - set(bound):
            bound[name] = info.defaults.get(name, NOTHING)
            if arguments.starred:
                bound[name] |= arguments.rest
        if spec.vararg is not None:
            held = extra | arguments.rest
            bound[spec.vararg.arg] = self.heap.make(self.site(node, "varargs"), "tuple", held) if held else NOTHING
        if spec.kwarg is not None:
            bound[spec.kwarg.arg] = self.heap.make(self.site(node, "kwargs"), "dict", unmatched | arguments.rest)
        return bound

    def _assume_everything(self, number: int) -> None:
        """The worst of a function that is not followed: it alters all that it and what it calls mention."""
        waiting, seen = [number], {number}
        while waiting:
            number = waiting.pop()
            self.assumed[number] = self.state.bindings
            info = self.heap.things[number].function
            met = frozenset((number,))
            for name in sorted(scopes.free_names(info.node)) if info is not None else ():
                if name in self.state.module.names:
                    met |= self.state.global_value(name) or NOTHING
            for name in sorted(self.function_globals(info)) if info is not None else ():
                self.state.bind_global(name, NOTHING, inside=True)
            reached = self.heap.reach(met)
            self.state.alter(reached)
            new = {n for n in reached if self.heap.things[n].function is not None} - seen
            seen |= new
            waiting.extend(sorted(new))
        self.unknown_draws()

    def function_globals(self, info: FunctionInfo) -> set[str]:
        """The names that a function declares global anywhere inside."""
        return {name for node in ast.walk(info.node) if isinstance(node, ast.Global) for name in node.names}

    def invoke(self, value: Value, handed: Value) -> None:
        """Functions among *value* may be called with parts of *handed*."""
        for number in sorted(value):
            info = self.heap.things[number].function
            if info is not None and number not in self.active:
                bindings, before = self.invoked.get(number, (-1, NOTHING))
                if bindings == self.state.bindings and handed <= before:
                    continue  # the same again would do the same again
                self.invoked[number] = (
                    self.state.bindings,
                    handed | before if bindings == self.state.bindings else handed,
                )
                count = len(scopes.arguments(info.node))
                context, self.context = self.context, ()  # who calls it is not known, so all such calls are one
                self.enter_function(number, info, Arguments([handed] * count), info.node)
                self.context = context

    def callbacks(self, arguments: Arguments) -> Value:
        """Functions among the arguments may be called. Returns all functions found."""
        handed = arguments.all
        if not handed:
            return NOTHING
        reached = self.heap.reach(handed)
        functions = frozenset(n for n in reached if self.heap.things[n].function is not None)
        if functions:
            self.invoke(functions, reached - functions)
        self.state.alter(self._behind_methods(reached), handed)
        self.use(reached)
        return functions

    # ----------------------------------------------------------------------------------- the notebook's own classes

    def _mro(self, number: int, seen: frozenset[int] = frozenset()) -> list[int]:
        """The class and its bases of the notebook, nearest first."""
        info = self.heap.things[number].klass
        if info is None or number in seen:
            return []
        order = [number]
        for base in info.bases:
            for parent in base:
                order += [n for n in self._mro(parent, seen | {number}) if n not in order]
        return order

    def _foreign_bases(self, number: int) -> bool:
        """Whether the class inherits from one that the notebook does not define."""
        harmless = ("builtins.object", "abc.ABC", "enum.", "typing.", "sklearn.base.")
        for klass in self._mro(number):
            info = self.heap.things[klass].klass
            if info is None:
                continue
            for base in info.bases:
                origin = self.heap.origin(base)
                if origin is not None and origin.startswith(harmless):
                    continue
                if not base or any(self.heap.things[n].klass is None for n in base):
                    return True
        return False

    def _all_members(self, number: int) -> dict[str, Value]:
        members: dict[str, Value] = {}
        for klass in reversed(self._mro(number)):
            info = self.heap.things[klass].klass
            if info is not None:
                members |= info.members
        return members

    def member(self, number: int, name: str, node: ast.AST) -> Value:
        """An attribute of a class of the notebook or of its instance."""
        thing = self.heap.things[number]
        own = frozenset((number,))
        klass = thing.instance_of if thing.instance_of is not None else number
        found = self._all_members(klass).get(name, NOTHING)
        result: Value = NOTHING
        for function in found:
            info = self.heap.things[function].function
            if info is not None and info.binding == "property":
                result |= self.enter_function(function, info, Arguments([]), node, own)
        # The attributes that were ever stored are what the object holds; a bound method holds its object.
        return result | self.heap.mutable(self.heap.reach(own)) | found

    def _notebook_method(self, number: int, name: str, arguments: Arguments, node: ast.AST) -> Value:
        thing = self.heap.things[number]
        own = frozenset((number,))
        klass = thing.instance_of if thing.instance_of is not None else number
        found = self._all_members(klass).get(name, NOTHING)
        result: Value = NOTHING
        functions = [n for n in sorted(found) if self.heap.things[n].function is not None]
        for function in functions:
            info = self.heap.things[function].function
            if info is None:
                continue
            receiver = own if thing.instance_of is not None or info.binding == "class" else None
            if info.binding == "static":
                receiver = None
            result |= self.enter_function(function, info, arguments, node, receiver)
        if functions and len(functions) == len(found):
            return result
        # An inherited method, or a callable kept in an attribute: any method may run.
        self.invoke(frozenset().union(*self._all_members(klass).values()), own | arguments.all)
        self.callbacks(arguments)
        reached = self.heap.reach(own)
        self.state.alter(reached if self._foreign_bases(klass) or found else own, arguments.all)
        if found or not self._conventional(name):
            self.state.alter(self.heap.reach(arguments.all), NOTHING)
        return result | self.heap.mutable(reached | self.heap.reach(arguments.all))

    @staticmethod
    def _conventional(name: str) -> bool:
        known = operations.SKLEARN_FITS | operations.SKLEARN_FRESH | operations.CONVENTION_FRESH
        return name in known or name.startswith("__")

    def _construct(self, number: int, info: ClassInfo, arguments: Arguments, node: ast.AST) -> Value:
        """Make an instance of a class of the notebook."""
        own = frozenset((number,))
        instance = self.heap.make(self.site(node, number), "instance", own, instance_of=number)
        self.made_class(info.metaclass, "__call__", own | arguments.all)
        members = self._all_members(number)
        followed = False
        for name in ("__new__", "__init__", "__post_init__"):
            for function in sorted(members.get(name, NOTHING)):
                method = self.heap.things[function].function
                if method is not None:
                    followed |= name == "__init__"
                    receiver = instance if name != "__new__" else own
                    self.enter_function(function, method, arguments, node, receiver)
        if not followed:
            self.heap.put(instance, arguments.all)
            if self._foreign_bases(number):
                self.callbacks(arguments)
        return instance

    def made_class(self, above: Value, name: str, handed: Value) -> bool:
        """A class is made or called: the method *name* of the classes *above* it runs. Whether there is one."""
        found = frozenset().union(*(self._all_members(number).get(name, NOTHING) for number in above))
        self.invoke(found, handed | above)
        return bool(found)

    # --------------------------------------------------------------------------------------------------- libraries

    def _library(self, origin: str, arguments: Arguments, node: ast.AST) -> Value:
        """Call something of a library."""
        name = origin.rpartition(".")[2]
        self._hidden(origin, arguments)
        self._files(origin, name, arguments, known_value=True)
        if special := self._special(origin, arguments, node):
            return special
        operation = operations.library_operation(origin)
        if operation is None:
            return self._worst(NOTHING, arguments, node, library=True)
        functions = self.callbacks(arguments)
        self._side_arguments(arguments)
        handed = arguments.all
        for position in operation.alters:
            if position < len(arguments.positional):
                target = arguments.positional[position]
                self.state.alter(target | self._iterators_in(target), handed - target)
        result = self._result(operation, handed, arguments, node, origin)
        if operation.result in ("holds", "elements") and functions:
            self.heap.put(result, functions)
        return result

    def _side_arguments(self, arguments: Arguments) -> None:
        """What even a harmless call changes: where it writes its result, and what is used up by being read."""
        for keyword in ("out", "ax", "fig", "axes", "memo", "file", "buf"):
            if keyword in arguments.keywords:
                self.state.alter(self.heap.reach(arguments.keywords[keyword]))
        for value in (*arguments.positional, *arguments.keywords.values(), arguments.rest):
            for number in sorted(value):
                thing = self.heap.things[number]
                if thing.kind in ("rng", "iterator", "file"):
                    self.state.alter(frozenset((number,)) | self._iterators_in(frozenset((number,))))

    def _result(self, operation: Operation, handed: Value, arguments: Arguments, node: ast.AST, origin: str) -> Value:
        kind = operation.kind
        first = arguments.positional[0] if arguments.positional else handed
        match operation.result:
            case "scalar":
                return NOTHING
            case "fresh":
                parted = kind in ("numpy", "data") and origin.startswith(("numpy", "sklearn"))
                if kind == "data":
                    kinds = {self.heap.kind(value) for value in arguments.positional}
                    kind = kinds.pop() if len(kinds) == 1 and kinds <= {"pandas", "numpy"} else "data"
                return self.heap.make(self.site(node), kind, parted=parted)
            case "same":
                return handed or self.heap.make(self.site(node), "data")
            case "element":
                return self.iterate(first) | (handed if len(arguments.positional) > 1 else NOTHING)
            case "elements":
                held = frozenset().union(*(self.iterate(value) for value in arguments.positional))
                held |= arguments.rest.union(*arguments.keywords.values())
                last = origin.rpartition(".")[2]
                return self.heap.make(self.site(node), kind or _CONTAINER_KINDS.get(last, "container"), held)
            case "holds":
                draws = origin.rpartition(".")[2] in operations.RANDOM_ESTIMATORS and not arguments.has_state()
                return self.heap.make(self.site(node), kind, handed, draws=draws)
        return self.heap.make(self.site(node), None, self.heap.reach(handed))

    def _special(self, origin: str, arguments: Arguments, node: ast.AST) -> Value | None:
        """Calls that need more than a line in a table. None where *origin* is an ordinary one."""
        if origin in ("builtins.exec", "builtins.eval", "builtins.globals", "builtins.locals", "builtins.vars"):
            inside = origin in ("builtins.locals", "builtins.vars") and (
                self.state.frame is not self.state.module or arguments.positional
            )
            if not inside:
                self._everything(origin, node)
            return self.heap.make(self.site(node), None, self.heap.reach(arguments.all))
        if origin in ("builtins.iter", "builtins.map", "builtins.filter", "functools.partial"):
            self.callbacks(arguments)
            held = self.heap.reach(arguments.all)
            return self.heap.make(self.site(node), "iterator" if origin.startswith("builtins") else None, held)
        if origin == "builtins.getattr" and arguments.positional:
            return self.heap.reach(arguments.all) or self.heap.make(self.site(node))
        if origin == "builtins.super":
            for frame in reversed(self.state.frames):
                if frame.scope is not None and not frame.is_class and not frame.is_comprehension:
                    return next(iter(frame.names.values()), NOTHING) or None
        if origin == "builtins.type" and len(arguments.positional) == 1:
            classes = {self.heap.things[n].instance_of for n in arguments.positional[0]} - {None}
            return frozenset(n for n in classes if n is not None) or None
        return None

    def _everything(self, origin: str, node: ast.AST) -> None:
        """All names may be read and changed."""
        name = origin.rpartition(".")[2]
        self.state.sink.note("LL204", f"The cell uses {name}(), through which any name can be read and changed.", node)
        for each in list(self.state.module.names):
            value = self.state.global_value(each)
            if value:
                self.state.alter(self.heap.reach(value))
            if self.heap.kind(value or NOTHING) not in ("module", "library"):
                self.state.bind_global(each, NOTHING, inside=True)
        self.state.sink.star_import(name)

    # ---------------------------------------------------------------------------------------------- library objects

    def _kind_method(self, kind: str | None, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """A method of an object of a known kind, or of an unknown one."""
        self._files(None, name, arguments, known_value=kind not in (None, "file"))
        if arguments.constant(None, "inplace") not in (Ellipsis, False, None) or "inplace" in arguments.keywords:
            self.callbacks(arguments)
            self.state.alter(self.heap.reach(receiver), arguments.all)
            return NOTHING
        if name in operations.RANDOM_METHODS and not arguments.has_state():
            self._draws_of(kind, receiver, name, arguments)
        if kind in operations.CONTAINERS:
            return self._container_method(receiver, name, arguments, node)
        if kind in ("rng", "file", "iterator"):
            self.callbacks(arguments)
            self.state.alter(
                receiver | self._iterators_in(receiver), arguments.all if name in ("send", "write") else NOTHING
            )
            if kind == "rng" and name == "shuffle":
                self.state.alter(arguments.all)
            return self.heap.make(
                self.site(node),
                {"rng": "numpy", "file": "data"}.get(kind),
                self.heap.reach(receiver) if kind == "iterator" else NOTHING,
            )
        if kind in ("numpy", "pandas", "data"):
            return self._data_method(kind, receiver, name, arguments, node)
        if kind == "matplotlib":
            self.callbacks(arguments)
            self.state.alter(self.heap.reach(receiver))
            return receiver
        if kind == "sklearn" or name in operations.SKLEARN_FITS:
            return self._estimator_method(kind, receiver, name, arguments, node)
        if name in operations.CONVENTION_FRESH:
            self.callbacks(arguments)
            self._side_arguments(arguments)
            return self.heap.make(self.site(node), "data")
        if name in operations.CONVENTION_VIEWS:
            self.callbacks(arguments)
            return self.heap.reach(receiver)
        return self._worst(receiver, arguments, node)

    def _container_method(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        handed = arguments.all
        self.callbacks(arguments)
        elements = self.heap.elements(receiver)
        if name in operations.CONTAINER_ALTERS:
            if name in ("extend", "update", "extendleft"):
                handed = frozenset().union(
                    *(self.iterate(value) for value in arguments.positional)
                ) | arguments.rest.union(*arguments.keywords.values())
            self.state.alter(receiver, handed)
            return elements | handed if name in operations.CONTAINER_TAKES else NOTHING
        if name == "get":
            return elements | handed
        if name == "copy":
            return self.heap.make(self.site(node), self.heap.kind(receiver), elements)
        if name in operations.CONTAINER_ITERABLES:
            if name == "items":
                elements = self.heap.make(self.site(node, "pair"), "tuple", elements)
            view = self.heap.make(self.site(node), "list", elements | receiver)
            for number in view:
                self.heap.things[number].of |= receiver - elements
            return view
        if name in operations.CONTAINER_READS:
            return (
                self.heap.make(self.site(node), "container", elements | self.heap.elements(handed))
                if elements
                else NOTHING
            )
        return self._worst(receiver, arguments, node)

    def _data_method(self, kind: str, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        functions = self.callbacks(arguments)
        self._side_arguments(arguments)
        alters, views = operations.PANDAS_ALTERS, operations.PANDAS_VIEWS
        if kind == "numpy":
            alters, views = operations.NUMPY_ALTERS, operations.NUMPY_VIEWS
        elif kind == "data":
            alters = alters | operations.NUMPY_ALTERS | operations.CONTAINER_ALTERS
            views = views | operations.NUMPY_VIEWS | operations.CONVENTION_VIEWS | operations.CONTAINER_ITERABLES
        if name in alters:
            self.state.alter(self.heap.reach(receiver), arguments.all)
            return receiver if kind != "numpy" else NOTHING
        if name in operations.PANDAS_PLOTS and kind != "numpy":
            return self.heap.make(self.site(node), "matplotlib")
        if arguments.constant(None, "copy") is False or functions:
            return self.heap.reach(receiver | arguments.all)
        if name == "pipe":
            return self._worst(receiver, arguments, node)
        if name in views:
            return receiver | (self.heap.reach(arguments.all) if name in ("assign", "get") else NOTHING)
        return self.heap.make(self.site(node), kind)

    def _estimator_method(
        self, kind: str | None, receiver: Value, name: str, arguments: Arguments, node: ast.AST
    ) -> Value:
        """By scikit-learn's convention an estimator changes itself, and never the data."""
        self.callbacks(arguments)
        self._side_arguments(arguments)
        parts = self._estimator_parts(receiver)
        if name in operations.SKLEARN_FITS or name not in operations.SKLEARN_FRESH:
            self.state.alter(parts, self.heap.mutable(arguments.all - parts))
        if name in operations.SKLEARN_FRESH:
            return self.heap.make(self.site(node), "data", parted=True)
        return receiver

    def _estimator_parts(self, receiver: Value) -> Value:
        """The estimator with those it is made of. Lists of columns and other settings are not touched by a fit."""
        parts = {"sklearn", None, "instance", "rng"}
        found, stack = set(receiver), list(receiver)
        while stack:
            new = {
                n for n in self.heap.things[stack.pop()].holds if self.heap.things[n].kind in parts | _SETTINGS
            } - found
            found |= new
            stack.extend(new)
        return receiver | frozenset(n for n in found if self.heap.things[n].kind in parts)

    # ----------------------------------------------------------------------------------------------- the worst case

    def _worst(self, callee: Value, arguments: Arguments, node: ast.AST, *, library: bool = False) -> Value:
        """A call of which nothing is known: it alters all it can reach and gives any of it."""
        handed = callee | arguments.all
        reached = self.heap.reach(handed)
        self.invoke(reached, reached)
        self.unknown_draws()
        self._mix(handed, node)
        return self.heap.mutable(reached) or self.heap.make(self.site(node, "unknown"))

    def _mix(self, handed: Value, node: ast.AST) -> None:
        """All that is handed over is altered, and any of it may hold any other afterwards."""
        reached, parties = self.heap.reach(handed), self.heap.mutable(handed)
        if len(parties) > 1:
            meeting = self.heap.make(self.site(node, "meeting"), "meeting", parties)
            self.state.alter(reached, meeting)
        else:
            self.state.alter(reached)

    def unknown_draws(self) -> None:
        """Code that is not known may draw random numbers."""
        for state in hidden_state.RANDOM_STATES:
            self.state.sink.hidden(state, "draw")

    # -------------------------------------------------------------------------------------- hidden state and files

    def _hidden(self, origin: str, arguments: Arguments) -> None:
        sink = self.state.sink
        if use := hidden_state.call_use(origin):
            if use.use == "set" and arguments.constant(0) is None:
                sink.hidden(use.state, "draw")
            else:
                sink.hidden(*use)
        if hidden_state.is_process_state(origin):
            self.note_process_change(origin)
        if hidden_state.is_unrepeatable(origin):
            sink.unrepeatable()
        if origin in hidden_state.DRAW_WITHOUT_STATE and not arguments.has_state():
            if not (origin.endswith("train_test_split") and arguments.constant(None, "shuffle") is False):
                sink.hidden("@numpy.random", "draw")
        elif origin.startswith(hidden_state.FITTING_FUNCTIONS):
            self._draws_of("sklearn", arguments.all, "fit", arguments)

    def _draws_of(self, kind: str | None, receiver: Value, name: str, arguments: Arguments) -> None:
        """Whether a fit, a split or a sample draws from NumPy's global generator."""
        if name == "sample":
            draws = kind in ("pandas", "data", "sklearn", None)
        else:
            draws = any(self.heap.things[n].draws for n in self.heap.reach(receiver | arguments.all))
            draws |= kind is None
        if draws:
            self.state.sink.hidden("@numpy.random", "draw")

    def _files(self, origin: str | None, name: str, arguments: Arguments, *, known_value: bool) -> None:
        if origin == "builtins.open":
            mode = arguments.constant(1, "mode")
            if mode is Ellipsis and len(arguments.positional) < 2 and "mode" not in arguments.keywords:
                mode = "r"
            writes = not isinstance(mode, str) or any(letter in mode for letter in "wax+")
            self._file("write" if writes else "read", arguments.constant(0, "file"))
        elif use := hidden_state.file_use(origin, name, known_value=known_value):
            path = arguments.constant(use.position) if use.position is not None else Ellipsis
            self._file(use.mode, path)

    def _file(self, mode: str, path: object) -> None:
        self.state.sink.file(mode, path if isinstance(path, str) else None)
        self.state.sink.hidden("@cwd", "read")

    # ------------------------------------------------------------------------------------ for the rest of the walker

    def enter(self, manager: Value, node: ast.AST) -> Value:
        """``with manager as value``."""
        for number in sorted(manager):
            thing = self.heap.things[number]
            if thing.instance_of is not None:
                self._notebook_method(number, "__enter__", Arguments([]), node)
                self._notebook_method(number, "__exit__", Arguments([NOTHING, NOTHING, NOTHING]), node)
        return manager | (self.heap.reach(manager) if self.heap.kind(manager) is None else NOTHING)

    def is_transparent(self, decorator: Value) -> bool:
        """Whether a decorator, given as a configured call, leaves the function as it was."""
        return bool(decorator) and all(
            self.heap.things[n].kind is None and self.heap.things[n].origin in operations.TRANSPARENT_DECORATORS
            for n in decorator
        )

    def note_module_change(self, origin: str, node: ast.AST) -> None:
        """An attribute of a module is assigned."""
        self.state.sink.note("LL303", f"The cell changes an attribute of {origin}.", node)

    def note_process_change(self, what: str) -> None:
        """The process is changed in a way that no step hands on."""
        self.state.sink.note("LL303", f"The cell calls {what}(), whose effect ends with the step.", None)

    def ipython_call(self, node: ast.Call) -> bool:
        """Whether the call is one that IPython's transformer made of a magic or a shell line, and was dealt with."""
        return False


_SETTINGS = {"list", "tuple", "dict", "container"}
_CONTAINER_KINDS = {
    "list": "list",
    "tuple": "tuple",
    "set": "set",
    "frozenset": "set",
    "dict": "dict",
    "sorted": "list",
}
