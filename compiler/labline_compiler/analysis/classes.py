"""The notebook's own classes, and which of their methods run though nobody calls them by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from itertools import islice

from labline_compiler.analysis import generators, hidden_state, methods
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.functions import Functions
from labline_compiler.analysis.heap import NOTHING, ClassInfo, FunctionInfo, Value

_STORE = 5  # steps of work that setting an attribute is
_ASKED = re.compile(r"_repr_\w+_|_ipython_display_|_constructor\w*|utcoffset|dst|tzname|fromutc")
"""Methods that others ask an instance by: IPython how to show it, pandas what to make, times what their zone is."""
# Bases that give their instances no attributes that hold something.
_NO_MEMBERS = ("builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol")
_PLAIN = ("builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "sklearn.base.")


class Classes(Functions):
    """What classes of the notebook do, and harmless uses that may run their methods."""

    _members: dict[int, tuple[int, dict[str, Value]]]  # by class, and after how many assignments to classes
    _orders: dict[int, list[int]]  # by class: where its attributes are looked for
    _plain: dict[int, bool]  # by class: whether its instances have attributes of the notebook's only
    _assignments: int
    # By what was asked of classes: after how many assignments, of how many; the instances of those of which it holds.
    _asked: dict[tuple[str, ...], tuple[int, int, list[set[int]]]]
    _uses: dict[
        int, tuple[dict[str, Value], list[Value]]
    ]  # by class: what using an instance runs, and of which members
    _busy: tuple[int, set[int], set[int]]  # after how many assignments: of which classes, those that run when used
    _inherited: dict[int, frozenset[str]]  # by class: what its instances draw from by methods of libraries

    def called_back(self, origin: str) -> None:
        """A function of a library is handed over, and may be called with whatever there is."""
        raise NotImplementedError

    def call_method(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """``receiver.name(arguments)``."""
        raise NotImplementedError

    def go_on(self, iterators: Value) -> None:
        """Somebody goes through *iterators*: the functions that they hold run, with what these go through."""
        raise NotImplementedError

    # --------------------------------------------------------------------------------------------------------- members

    def _mro(self, number: int) -> list[int]:
        """The class and its bases of the notebook, nearest first. A class is made after its bases, which stay."""
        known = self._orders.get(number)
        if known is None:
            order: dict[int, None] = {}
            if (info := self.heap.things[number].klass) is not None:
                order[number] = None
                for base in info.bases:
                    for parent in base:
                        order |= dict.fromkeys(self._mro(parent))
            known = self._orders[number] = list(order)
        return known

    def foreign_bases(self, number: int) -> bool:
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

    def members(self, number: int) -> dict[str, Value]:
        """What the class and its bases of the notebook define, the nearest definition winning."""
        assignments, known = self._members.get(number, (None, {}))
        if assignments == self._assignments:
            return known
        members: dict[str, Value] = {}
        for klass in reversed(self._mro(number)):
            info = self.heap.things[klass].klass
            if info is not None:
                members |= info.members
                for name, value in self.heap.things[klass].stored.items():
                    members[name] = members.get(name, NOTHING) | value
        self._members[number] = self._assignments, members
        return members

    def _class_of(self, number: int) -> int:
        thing = self.heap.things[number]
        return thing.instance_of if thing.instance_of is not None else number

    def _found(self, number: int, name: str) -> Value:
        """What the class of the notebook, or that of the instance, has under a name."""
        members = self.members(self._class_of(number))
        return members.get(name, NOTHING) | members.get("*", NOTHING)

    def _assigned(self, number: int, name: str) -> Value:
        """What was assigned to the attribute of the instance itself."""
        thing = self.heap.things[number]
        stored = thing.stored if thing.instance_of is not None else {}
        return stored.get(name, NOTHING) | stored.get("*", NOTHING)

    def member(self, number: int, name: str, node: ast.AST) -> Value:
        """An attribute of a class of the notebook or of its instance."""
        thing = self.heap.things[number]
        own = frozenset((number,))
        found = self._found(number, name)
        result: Value = NOTHING
        for each in sorted(found & self.heap.functions):
            info = self.heap.things[each].function
            if info is not None and info.is_property:
                result |= self._property_of(number, name, each, info, node)
        for each in self._instances_with(found, "__get__"):
            result |= self.special(each, "__get__", Arguments([own, frozenset((self._class_of(number),))]), node)
        if thing.instance_of is not None:
            if name == "*" or name.startswith("__"):  # maybe its ``__dict__``, through which anything may be set
                self.heap.vague.add(number)
            result |= self.special(number, "__getattribute__", Arguments([NOTHING]), node)
            if name not in self.members(self._class_of(number)):
                result |= self.special(number, "__getattr__", Arguments([NOTHING]), node)
        # The attributes that were ever stored are what the object holds; a bound method holds its object.
        if found or not self._is_set_here(number, name):
            reached = self.heap.reach(own)
        elif self._is_plain_to_see(number):
            reached = self._assigned(number, name)
        else:
            reached = self.heap.reach(self._inside(number))
        kept = self._settings_in(thing.stored.get(name, NOTHING))
        if thing.klass is not None and not found and not name.startswith("__"):  # a method of its metaclass or library
            maker = None if self.drawn_by_bases(self._class_of(number)) else "builtins.object"
            result |= self.heap.make(("inherited", number), None, own, maker=maker)
        return result | self.heap.mutable(reached) | found | kept | self.seeds_in(reached)

    def _is_set_here(self, number: int, name: str) -> bool:
        """Whether an attribute that the class does not define is surely one that was set on the instance."""
        klass = self.heap.things[number].instance_of
        if klass is None or name == "*" or name.startswith("__") or not self.heap.mixed.isdisjoint((number, klass)):
            return False
        if klass not in self._plain:
            infos = [info for each in self._mro(klass) if (info := self.heap.things[each].klass) is not None]
            self._plain[klass] = not any(info.metaclass for info in infos) and all(
                base and (base <= self.heap.classes or (self.heap.origin(base) or "").startswith(_PLAIN))
                for info in infos
                for base in info.bases
            )
        return self._plain[klass]

    def _is_plain_to_see(self, number: int) -> bool:
        """Whether all that was ever set on the instance was set by attribute, so that each is what was set there."""
        return number not in self.heap.vague and not any(
            name.startswith("__") for name in self.heap.things[number].stored
        )

    def _has_no_other(self, number: int, name: str) -> bool:
        """Whether an instance surely has no attribute of the name but what was set there, for its class has none."""
        if not self._is_set_here(number, name) or not self._is_plain_to_see(number):
            return False
        klass = self._class_of(number)
        if not self.members(klass).keys().isdisjoint(("__getattribute__", "*")):
            return False
        infos = [info for each in self._mro(klass) if (info := self.heap.things[each].klass) is not None]
        return all(
            base <= self.heap.classes or self.heap.origin(base) in _NO_MEMBERS for info in infos for base in info.bases
        )

    def _inside(self, number: int) -> Value:
        """What was set on an instance, which has itself and its class among that only where they were set, too."""
        thing = self.heap.things[number]
        return self.heap.mutable(NOTHING.union(thing.holds - {number, thing.instance_of}, *thing.stored.values()))

    def _settings_in(self, value: Value) -> Value:
        """The modules among *value*, and what else of libraries has to do with hidden state."""
        things = self.heap.things
        return frozenset(
            number
            for number in value & self.heap.dotted
            if things[number].kind == "module" or hidden_state.is_process_wide(things[number].origin or "")
        )

    def _instances_with(self, value: Value, *names: str) -> list[int]:
        """Those of *value* that are instances of classes of the notebook with a special method of one of *names*."""
        return sorted(number for its in self._instances_by(names) for number in its & value)

    def _instances_by(self, names: tuple[str, ...]) -> list[set[int]]:
        """By class: its instances, of those classes that have a member of one of *names*."""
        wanted = (*names, "*")
        return self._instances_where(names, lambda klass: not self.members(klass).keys().isdisjoint(wanted))

    def _instances_where(self, what: tuple[str, ...], holds: Callable[[int], object]) -> list[set[int]]:
        """By class: its instances, of those classes of which *what* was asked *holds*. Each class is asked once."""
        classes = self.heap.instances_of
        assignments, asked, found = self._asked.get(what, (self._assignments, 0, []))
        if assignments != self._assignments:
            asked, found = 0, []
        if asked < len(classes):
            found += [its for klass, its in islice(classes.items(), asked, None) if holds(klass)]
        self._asked[what] = self._assignments, len(classes), found
        return found

    def special(self, number: int, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """Call a special method of an instance, if its class has it."""
        result: Value = NOTHING
        for function in sorted(self._found(number, name) & self.heap.functions):
            info = self.heap.things[function].function
            if info is not None:
                given = self.enter_function(function, info, arguments, node, frozenset((number,)))
                if given is not result:
                    result = result | given if result else given
        return result

    def _special_of_each(self, numbers: list[int], name: str, arguments: Arguments, node: ast.AST) -> None:
        """Call a special method of several instances, together where all of them would come to hold each other."""
        if not self.exhausted:
            for number in numbers:
                self.special(number, name, arguments, node)
            return
        together: dict[int, set[int]] = {}
        for number in numbers:
            together.setdefault(self._class_of(number), set()).add(number)
        for klass, instances in together.items():
            for function in sorted(self._found(klass, name) & self.heap.functions):
                if (info := self.heap.things[function].function) is not None:
                    self.enter_function(function, info, arguments, node, frozenset(instances))

    def store_attribute(self, number: int, name: str, value: Value, node: ast.AST) -> None:
        """``x.name = value`` of a class of the notebook or of its instance; "*" where the name is not known."""
        thing = self.heap.things[number]
        own = frozenset((number,))
        self.heap.work += _STORE
        if not value <= thing.stored.get(name, NOTHING):
            thing.stored[name] = thing.stored.get(name, NOTHING) | value
            self.state.bindings += 1
            self._assignments += thing.instance_of is None
        if thing.instance_of is None:
            return
        self.state.alter(thing.stored.get("__dict__", NOTHING), value)  # which others may have, too
        members = self.members(thing.instance_of)
        found = members.get(name, NOTHING) if name != "*" else NOTHING.union(*members.values())
        for each in sorted(found & self.heap.functions):
            info = self.heap.things[each].function
            if info is not None and info.binding == "accessor":
                self.enter_function(each, info, Arguments([value]), node, own)
        descriptors = self._instances_with(found, "__set__", "__delete__")
        self._special_of_each(descriptors, "__set__", Arguments([own, value]), node)
        self._special_of_each(descriptors, "__delete__", Arguments([own]), node)

    def is_asynchronous(self, number: int) -> bool:
        """Whether the instance is a context manager for ``async with`` only."""
        return bool(self._found(number, "__aenter__")) and not self._found(number, "__enter__")

    # ----------------------------------------------------------------------------------------------------------- calls

    def notebook_method(self, number: int, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """Call a method of a class of the notebook or of its instance."""
        thing = self.heap.things[number]
        own = frozenset((number,))
        klass = self._class_of(number)
        found = self._found(number, name)
        result: Value = NOTHING
        if assigned := self._assigned(number, name):
            result |= self._call_held(assigned, arguments, node)
        if thing.instance_of is not None:
            self.inherited_draws(number, name, arguments)
        functions = sorted(found & self.heap.functions)
        for function in functions:
            info = self.heap.things[function].function
            if info is None:
                continue
            if info.is_property:
                got = self._property_of(number, name, function, info, node)
                result |= self._call_held(got, arguments, node)
                continue
            receiver = own if thing.instance_of is not None or info.binding == "class" else None
            if info.binding == "static":
                receiver = None
            result |= self.enter_function(function, info, arguments, node, receiver)
        if name not in self.members(klass) and thing.instance_of is not None:
            got = self.special(number, "__getattr__", Arguments([NOTHING]), node)
            if got:
                result |= self._call_held(got, arguments, node)
        if functions and len(functions) == len(found):
            return result
        if not found and not assigned and thing.instance_of is not None and (runs := self._mixed_in(klass, name)):
            return result | self._run_mixed_in(own, runs, arguments, node)
        if not found and self._has_no_other(number, name):
            return result
        # An inherited method, or a callable kept in an attribute: any method may run.
        self.invoke(frozenset().union(*self.members(klass).values()), own | arguments.all)
        self.callbacks(arguments)
        reached = self.heap.reach(own)
        self.state.alter(reached if self.foreign_bases(klass) or found else own, arguments.all)
        if found or not self._conventional(name):
            self.state.alter(self.heap.reach(arguments.all), NOTHING)
        return result | self.heap.mutable(reached | self.heap.reach(arguments.all))

    def _property_of(self, number: int, name: str, function: int, info: FunctionInfo, node: ast.AST) -> Value:
        """What a property of an instance gives; one that is kept becomes an attribute of the instance."""
        own = frozenset((number,))
        got = self.enter_function(function, info, Arguments([]), node, own)
        if info.binding == "kept":
            self.state.alter(own, got)
            self.store_attribute(number, name, got, node)
        return got

    def _mixed_in(self, klass: int, name: str) -> tuple[str, ...]:
        """The methods that a method of scikit-learn's mixins runs one after the other, which the class inherits."""
        if self.foreign_bases(klass):
            return ()
        infos = [self.heap.things[each].klass for each in self._mro(klass)]
        origins = {self.heap.origin(base) for info in infos if info is not None for base in info.bases}
        return next((runs for mixin, runs in methods.MIXED_IN.get(name, {}).items() if mixin in origins), ())

    def _run_mixed_in(self, own: Value, runs: tuple[str, ...], arguments: Arguments, node: ast.AST) -> Value:
        """``self.fit(X, y).transform(X)``; the last of several is handed X only, and so is the only one."""
        first = arguments.positional[0] if arguments.positional else arguments.keywords.get("X", NOTHING)
        data = Arguments([first | arguments.rest])
        given = own
        for place, name in enumerate(runs):
            given = self.call_method(given, name, arguments if place < len(runs) - 1 else data, node)
        return given

    def _call_held(self, callee: Value, arguments: Arguments, node: ast.AST) -> Value:
        """Call what an attribute holds: functions are followed, of others all is assumed."""
        result: Value = NOTHING
        for number in sorted(callee):
            info = self.heap.things[number].function
            if info is not None:
                result |= self.enter_function(number, info, arguments, node)
        others = callee - self.heap.functions
        return result | (self.worst(others, arguments, node) if others else NOTHING)

    @staticmethod
    def _conventional(name: str) -> bool:
        known = methods.SKLEARN_FITS | methods.SKLEARN_FRESH | methods.CONVENTION_FRESH
        return name in known or name.startswith("__")

    def construct(self, number: int, info: ClassInfo, arguments: Arguments, node: ast.AST) -> Value:
        """Make an instance of a class of the notebook."""
        own = frozenset((number,))
        instance = self.heap.make(self.site(node, number), "instance", own, instance_of=number)
        self.made_class(info.metaclass, "__call__", own | arguments.all)
        self.made_with_state(instance, arguments)
        members = self.members(number)
        calling = NOTHING.union(*(self.members(above).get("__call__", NOTHING) for above in info.metaclass))
        kept = self.heap.reach(calling) - calling  # what it gave: maybe one that was made before
        followed = False
        for name in ("__new__", "__init__", "__post_init__"):
            for function in sorted(members.get(name, NOTHING)):
                method = self.heap.things[function].function
                if method is not None:
                    followed |= name == "__init__"
                    receiver = instance if name != "__new__" else own
                    given = self.enter_function(function, method, arguments, node, receiver)
                    kept |= given if name == "__new__" else NOTHING
        if not followed:
            self.heap.put(instance, arguments.all | self._default_values(members, node))
            if self.foreign_bases(number):
                self.callbacks(arguments)
        return instance | self.heap.mutable(kept)

    def _default_values(self, members: dict[str, Value], node: ast.AST) -> Value:
        """What functions give that the class's fields hold, as dataclasses and their like do for every instance."""
        things = self.heap.things
        held: set[int] = set()
        for number in NOTHING.union(*members.values()):
            if things[number].function is None:
                held |= things[number].holds
        makers = frozenset(held & self.heap.functions)
        return self._call_held(makers, Arguments([]), node)

    def made_class(self, above: Value, name: str, handed: Value) -> None:
        """A class is made or called: the method *name* of the classes *above* it runs."""
        found = frozenset().union(*(self.members(number).get(name, NOTHING) for number in above))
        self.invoke(found, handed | above)

    def drawn_by_bases(self, number: int) -> frozenset[str]:
        """What instances of the class draw from by methods that it inherits from classes of libraries."""
        known = self._inherited.get(number)  # bases stay what they are
        if known is None:
            known = generators.NONE
            for klass in self._mro(number):
                info = self.heap.things[klass].klass
                for base in info.bases if info is not None else ():
                    origins = [self.heap.things[each].origin for each in base - self.heap.classes]
                    known = known.union(*(generators.drawn_by_method(origin, "") for origin in origins))
                    if not base:
                        known = generators.EVERY
            self._inherited[number] = known
        return known

    # --------------------------------------------------------------------------------------------------- harmless uses

    def use(self, value: Value) -> None:
        """The value takes part in something harmless; special methods of the notebook's classes may run."""
        if not (self.heap.classes or self.heap.class_makers or self.heap.instances_of):
            return
        for number in sorted(self.heap.classes & value):
            self._use_class(number)
        running = self._instances_where((), self._run_by_use)
        unfollowed = self.heap.unfollowed.keys() if self.heap.classes or self.heap.class_makers else ()
        reached = self.heap.reach(value) if running or unfollowed else NOTHING
        waiting = sorted(reached.intersection(unfollowed))
        self.heap.work += len(waiting)
        for made in waiting:
            self.once(("use", made), lambda made=made: self._use_unfollowed(made))  # type: ignore[misc]
        if not (instances := NOTHING.union(*(its & reached for its in running))):
            return
        before, all_of_them = self.state.moment, ("use", instances)
        if self.done.get(all_of_them) == (before, NOTHING):
            return
        self.heap.work += len(instances)
        for number in sorted(instances):
            self.once(("use", number), lambda number=number: self._use_one(number))  # type: ignore[misc]
        if self.state.moment == before:  # else the first of them may have more to do
            self.done[all_of_them] = before, NOTHING

    def _use_one(self, number: int) -> Value:
        own, klass = frozenset((number,)), self.heap.things[number].instance_of
        for functions in self._run_by_use(klass) if klass is not None else ():
            self.invoke(functions, own, own)
        return NOTHING

    def _use_unfollowed(self, number: int) -> Value:
        """What a function has made that was not followed may be an instance of any class within its reach."""
        own = frozenset((number,))
        within = self.heap.reach(own)
        used: set[int] = set()
        while new := self._classes_used() & within - used:
            self.heap.work += len(new)
            used |= new
            for klass in sorted(new):
                for functions in self._run_by_use(klass):
                    self.invoke(functions, within, own)
        if not within.isdisjoint(self.heap.class_makers):
            self.call_unfollowed(own, NOTHING)
        return NOTHING

    def _classes_used(self) -> set[int]:
        """The classes whose instances run something when they are used. Each class is asked once."""
        assignments, asked, found = self._busy
        if assignments != self._assignments:
            asked, found = set(), set()
        if len(asked) < len(self.heap.classes):
            new = self.heap.classes - asked
            asked |= new
            found |= {klass for klass in new if self._run_by_use(klass)}
        self._busy = self._assignments, asked, found
        return found

    def _run_by_use(self, klass: int) -> list[Value]:
        """What may run when an instance of the class is used."""
        members = self.members(klass)
        known = self._uses.get(klass)
        if known is None or known[0] is not members:
            hidden = ("__init__", "__new__", "__call__", "__del__")
            special = [
                value
                for name, value in members.items()
                if (name.startswith("__") and name not in hidden) or _ASKED.fullmatch(name)
            ]
            known = self._uses[klass] = members, special
        return known[1]

    def _use_class(self, number: int) -> None:
        """``Class[key]``, and special methods of metaclasses."""
        info, own = self.heap.things[number].klass, frozenset((number,))
        runs = self.members(number).get("__class_getitem__", NOTHING)
        for above in sorted(info.metaclass & self.heap.classes) if info is not None else ():
            for name, functions in self.members(above).items():
                if name.startswith("__") and name not in ("__init__", "__new__", "__call__", "__prepare__"):
                    runs |= functions
        self.invoke(runs, own, own)

    def iterate(self, value: Value, *, members: bool = False) -> Value:
        """Go through *value*; what that gives. An iterator is used up by it."""
        if instances := value & self.heap.instances:
            self.use(instances)
            self.state.alter(instances)
        if iterators := self.heap.only(value, "iterator"):
            self.state.alter(iterators | self.iterators_in(iterators))
        self.draws_of_loaders(value | iterators)
        things = self.heap.things
        unknown = self.heap.only(value, None) - instances
        unknown = frozenset(n for n in unknown if not things[n].parted and things[n].klass is None)
        if moving := unknown | self.heap.only(value, "rng", "file", "quiet"):  # generators of networkx are used up
            self.state.alter(moving)
        if callers := iterators | unknown:
            self.go_on(callers)
        return NOTHING if members else self.heap.elements(value)

    def unpacked(self, value: Value) -> Value:
        """What ``**value`` gives."""
        for number in sorted(self.heap.instances & value):
            own = frozenset((number,))
            self.invoke(self._found(number, "keys"), own, own)
        self.use(value)
        return self.heap.elements(value)

    def iterators_in(self, value: Value) -> Value:
        """What going on in *value* changes: iterators, and what methods that it calls belong to."""
        reached = self.heap.reach(value)
        return self.heap.only(reached, "iterator", "file", "rng", None) | self.behind_methods(reached)

    def behind_methods(self, value: Value) -> Value:
        """What calling the bound methods of containers (``items.append``) among *value* may change."""
        methods = self.heap.only(value, "bound")
        return self.heap.reach(methods) if methods else NOTHING

    def callbacks(self, arguments: Arguments) -> Value:
        """Functions among the arguments may be called. Returns all functions found."""
        handed = arguments.all
        return self.once(("callbacks", handed), lambda: self._callbacks(handed)) if handed else NOTHING

    def _callbacks(self, handed: Value) -> Value:
        reached = self.heap.reach(handed)
        functions = self.heap.callable_in(reached)
        if functions:
            self.invoke(functions, reached - functions)
        for number in sorted(reached & self.heap.dotted):
            origin = self.heap.things[number].origin or ""
            if self.heap.things[number].kind == "library" and origin not in hidden_state.ASSIGNMENTS:  # os.environ
                self.called_back(origin)
        self.state.alter(self.behind_methods(reached), handed)
        self.use(reached)
        return functions
