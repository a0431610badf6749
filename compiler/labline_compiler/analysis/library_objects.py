"""Methods of library objects, by the kind of object: containers, data, estimators, iterators and files."""

from __future__ import annotations

import ast

from labline_compiler.analysis import methods, operations, quiet_objects
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.generators import NONE, drawn_by_method
from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.library_calls import LibraryCalls
from labline_compiler.analysis.logs import READING, WRITING


class LibraryObjects(LibraryCalls):
    """What methods of library objects do."""

    quiet_parts: set[int]

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:
        """``value.name``."""
        raise NotImplementedError

    def call_method(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """``receiver.name(arguments)``."""
        raise NotImplementedError

    def kind_method(self, kind: str | None, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """A method of an object of a known kind, or of an unknown one."""
        self.plot_method(receiver, name)
        if kind is None:
            self.done_beside(self.beside.calling_method(name))
            if name in WRITING:  # logging.LoggerAdapter
                self.logged(name, arguments, node)
        if kind not in operations.CONTAINERS and kind not in ("file", "iterator", "rng"):
            text = self.receiver_text(arguments) if kind is None else None
            self.method_files(name, text, arguments, known_value=kind is not None)
        if name in ("query", "eval") and kind in ("pandas", "data", None):
            self.read_expression(arguments, marked=True)
        if arguments.constant(None, "inplace") not in (Ellipsis, False, None) or "inplace" in arguments.keywords:
            self.callbacks(arguments)
            self.state.alter(self.written(receiver, name), arguments.all)
            return receiver  # arrays always give themselves back, frames since pandas 3.0
        if name == "set_params":
            self.heap.drawing |= self.told_to_draw(receiver, arguments) | self.told_without_state(receiver, arguments)
        if name in methods.RANDOM_METHODS and not self.has_own_state(arguments):
            self.draws_of(kind, receiver, name, arguments)
        if kind in operations.CONTAINERS:
            return self._container_method(receiver, name, arguments, node)
        if kind in ("rng", "file", "iterator"):
            self.callbacks(arguments)
            if kind == "iterator":
                self.go_on(receiver)
            if any(self.heap.things[number].draws for number in receiver):
                self.state.sink.hidden("@numpy.random", "draw")
            moved = self.heap.only(self.heap.reach(receiver), "rng") if kind == "rng" else NOTHING
            self.state.alter(
                receiver | moved | self.iterators_in(receiver), arguments.all if name in ("send", "write") else NOTHING
            )
            if kind == "rng" and name in methods.RNG_SPAWNS:
                made = self.heap.make(self.site(node, "spawned"), "rng")
                return made | self.heap.make(self.site(node), "list", made)
            if (kind == "rng" and name == "shuffle") or name in (
                "send",
                "asend",
                "readinto",
                "readinto1",
            ):  # a generator does with it what it does
                self.state.alter(self.heap.reach(arguments.all))
            given = self.taken_liberties(arguments, arguments.all, 1 if kind == "rng" else None)
            if kind == "rng" and name in methods.RNG_CHOOSES and (chosen := self._to_choose_from(arguments.all)):
                return given | chosen | self.heap.make(self.site(node), "list", chosen)
            return given | self.heap.make(
                self.site(node),
                {"rng": "numpy", "file": "data"}.get(kind),
                self.heap.reach(receiver) if kind == "iterator" else NOTHING,
            )
        if kind == "quiet":
            return self._quiet_method(receiver, name, arguments, node)
        if kind in ("numpy", "pandas", "data"):
            return self._data_method(kind, receiver, name, arguments, node)
        if kind == "matplotlib":
            kept = self.callbacks(arguments)
            if drawn := self.drawn_with(arguments):  # ax.imshow(image, norm=norm), ax.xaxis.set_major_formatter(months)
                self.heap.put(receiver, drawn)
            self.state.alter(self.heap.reach(receiver), kept)
            self.run_kept(receiver)
            return receiver
        if kind == "styler":  # it changes itself, and not the frame that it shows
            kept = self.callbacks(arguments)
            self.state.alter(receiver, kept)
            self.run_kept(receiver)
            return receiver
        if kind == "logger":
            self.callbacks(arguments)
            self.logged(name, arguments, node)
            if name not in WRITING | READING:  # also what is done to the list of its handlers
                self.change_logging(arguments.all)
            return receiver if name == "getChild" else NOTHING
        if kind == "ipython":
            return self.shell_method(name, arguments, node)
        if kind == "sklearn" or name in methods.SKLEARN_FITS:
            return self._estimator_method(kind, receiver, name, arguments, node)
        if name in methods.CONVENTION_FRESH:
            if name in methods.CONVENTION_FITTED and not self._is_model(receiver):
                self.state.alter(receiver, arguments.all)
            self.callbacks(arguments)
            self.run_kept(receiver)  # json.JSONDecoder(object_hook=function).decode(text)
            self.side_arguments(arguments)
            plain = methods.NUMPY_PLAIN.get(name)
            given = self.taken_liberties(arguments, self.heap.reach(receiver) | arguments.all, plain)
            if name in methods.DIFFERENTIABLE and (tensors := self._tensors_in(receiver)):
                return given | self.heap.make(self.site(node), None, tensors, maker="torch.Tensor")
            return self.heap.make(self.site(node), "data") | given
        if name in methods.CONVENTION_VIEWS:
            self.callbacks(arguments)
            self.run_kept(receiver)
            return self.heap.reach(receiver | arguments.all if name == "get" else receiver)
        if name.startswith("load"):  # weights
            self.heap.fitted |= receiver
        return self.worst(receiver, arguments, node, drawn=self.drawn_by_method(receiver, name))

    def _tensors_in(self, value: Value) -> Value:
        """What PyTorch has made of all that is in reach."""
        found = self.heap.only(self.heap.reach(value), None)
        return frozenset(n for n in found if (self.heap.things[n].maker or "").startswith("torch."))

    def unbound_method(
        self, receiver: Value, name: str, arguments: Arguments, attribute: object, node: ast.AST
    ) -> Value:
        """``list.append(items, 1)``; *attribute*: the name that ``object.__setattr__`` is told."""
        if name in ("__setattr__", "__delattr__", "__getattribute__"):
            for number in sorted(receiver):
                thing = self.heap.things[number]
                if name != "__getattribute__" and (thing.instance_of is not None or thing.klass is not None):
                    self.store_attribute(number, attribute if isinstance(attribute, str) else "*", arguments.all, node)
            if name == "__getattribute__":
                if not isinstance(attribute, str):
                    self.heap.vague |= receiver & self.heap.instances
                    return self.heap.reach(receiver)
                return self.attribute(receiver, attribute, node) | self.heap.reach(receiver)
            self.state.alter(receiver, arguments.all)
            return NOTHING
        plain = [n for n in sorted(receiver) if (thing := self.heap.things[n]).instance_of is None and not thing.klass]
        result = self.call_method(frozenset(plain), name, arguments, node) if plain else NOTHING
        if own := receiver.difference(plain):  # an instance of a subclass: not the notebook's own method
            self.callbacks(arguments)
            self.state.alter(own, self.heap.reach(arguments.all))
            result |= self.heap.reach(own | arguments.all)
        return result

    def receiver_text(self, arguments: Arguments) -> str | None:
        """The text of the object that a method is called on."""
        node = arguments.node
        return self.text(node.func.value) if node is not None and isinstance(node.func, ast.Attribute) else None

    def shell_method(self, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """A method of IPython's shell, reached through a name."""
        return self.worst(NOTHING, arguments, node)

    def _container_method(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        handed = arguments.all
        self.sought(handed | self.heap.elements(self.heap.only(handed, "set")))
        if name in methods.CONTAINER_ASKS and self.heap.instances:
            self.use(receiver)
        if name in methods.CONTAINER_COMPARES:
            self.use(handed)
        elif name == "sort":
            self.invoke(self.callbacks(arguments), self.heap.elements(receiver))
            handed = arguments.rest
        elif name not in methods.CONTAINER_STORES:
            self.callbacks(arguments)
        elements = self.heap.elements(receiver)
        if name in methods.CONTAINER_ALTERS:
            if name in ("extend", "update", "extendleft"):
                handed = frozenset().union(
                    *(self.iterate(value) for value in arguments.positional)
                ) | arguments.rest.union(*arguments.keywords.values())
            self.state.alter(receiver, handed)
            return elements | handed if name in methods.CONTAINER_TAKES else NOTHING
        if name in ("get", "__getitem__", "__iter__"):
            return elements | handed
        if name == "copy":
            return self.heap.make(self.site(node), self.heap.kind(receiver), elements)
        if name in methods.CONTAINER_ITERABLES:
            if name == "items":
                elements = self.heap.make(self.site(node, "pair"), "tuple", elements)
            view = self.heap.make(self.site(node), "list", elements | receiver)
            self.heap.look(view, receiver - elements)
            return view
        if name in methods.CONTAINER_READS:
            return (
                self.heap.make(self.site(node), "container", elements | self.heap.elements(handed))
                if elements
                else NOTHING
            )
        return self.worst(receiver, arguments, node, drawn=NONE)  # such an object has no other methods

    def _data_method(self, kind: str, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        called = arguments.positional[0] if arguments.positional else NOTHING
        if name == "pipe" and called and called <= self.heap.functions:
            handed = [receiver, *arguments.positional[1:]]
            return self.call(called, Arguments(handed, arguments.keywords, arguments.rest, arguments.starred), node)
        functions = self.callbacks(arguments)
        if kind == "data":
            self.use(receiver)  # a time asks its zone
        self.side_arguments(arguments)
        alters, views = methods.PANDAS_ALTERS, methods.PANDAS_VIEWS
        if kind == "numpy":
            alters, views = methods.NUMPY_ALTERS, methods.NUMPY_VIEWS
        elif kind == "data":
            alters = alters | methods.NUMPY_ALTERS | methods.CONTAINER_ALTERS
            views = views | methods.NUMPY_VIEWS | methods.CONVENTION_VIEWS | methods.CONTAINER_ITERABLES
        plain = methods.NUMPY_PLAIN.get(name)  # a frame gives arrays, which count as frames
        shallow = name == "copy" and kind != "numpy" and (arguments.positional or "deep" in arguments.keywords)
        shallow = shallow and arguments.constant(0, "deep") is not True
        viewing = kind == "pandas" or name == "astype"
        given = self.taken_liberties(arguments, receiver | arguments.all, plain, viewing=viewing)
        if name in alters:
            self.state.alter(self.written(receiver, name), arguments.all)
            return receiver if kind != "numpy" or name in views else NOTHING
        if name in methods.PANDAS_PLOTS and kind != "numpy":
            if "ax" in arguments.keywords:
                return self.figures(arguments.keywords["ax"])
            return self.figures()
        if name in methods.GROUPING and kind == "pandas":
            keys = self.heap.reach(arguments.all) - functions
            return self.heap.make(self.site(node, "groups"), kind, receiver | keys, maker=methods.GROUPS_ARE)
        things = self.heap.things
        grouped = kind == "pandas" and all(things[n].maker == methods.GROUPS_ARE for n in receiver)
        if functions:
            self.invoke(functions, self.objects_in(kind, receiver))
            if not grouped:
                return self.heap.reach(receiver | arguments.all) | given
        if grouped and name not in methods.GROUPED_VIEWS:
            held = self.heap.mutable(NOTHING.union(*(things[n].holds for n in functions)))
            made = self.heap.make(self.site(node), kind, self.objects_in(kind, receiver) | held)
            return self.heap.relate(made, self.heap.reach(receiver) | arguments.all) | given
        if plain_kind := methods.PLAIN_COPIES.get(name):
            objects = self.objects_in(kind, receiver)
            innermost = self.heap.make(self.site(node, "innermost"), "list") | objects
            inner = self.heap.make(self.site(node, "parts"), plain_kind, innermost) | objects
            if name == "to_dict" and arguments.constant(0, "orient") == "series":
                inner = receiver
            return self.heap.make(self.site(node), plain_kind, inner)
        if name == "pipe":
            return self.worst(receiver, arguments, node, drawn=NONE)
        if name in views or shallow:
            if name in methods.TAKING_ARRAYS:
                receiver = self.heap.take_array(receiver)
            return receiver | given | (self.heap.reach(arguments.all) if name == "get" else NOTHING)
        objects = self.objects_in(kind, receiver)
        if name in ("assign", "map"):  # columns are copied, what they refer to is not
            objects |= self.heap.reach(arguments.all) - self.heap.only(
                self.heap.reach(arguments.all), "numpy", "pandas", "data"
            )
        made = self.heap.make(self.site(node), kind, objects)
        if kind != "numpy" and name in methods.COPYING_LATE:
            self.heap.copy_late(made, receiver | arguments.all)
        return self.heap.relate(made, receiver | arguments.all) | given

    def written(self, receiver: Value, name: str) -> Value:
        """What a method that works in place changes: a frame's memory only where the method writes to that."""
        reached = self.heap.reach(receiver)
        writes = name in methods.WRITING_MEMORY or self.heap.kind(receiver) == "numpy"
        return reached if writes else reached - self.heap.memories

    def _to_choose_from(self, value: Value) -> Value:
        """The objects among which a generator of random numbers chooses: of an array only those that it refers to."""
        data = self.heap.only(value, "numpy", "pandas", "data")
        return self.heap.elements(value - data) | self.objects_in("numpy", data)

    def objects_in(self, kind: str | None, receiver: Value) -> Value:
        """What arrays refer to rather than hold themselves: a copy of the array refers to it too."""
        if kind != "numpy":  # what else frames are made of is mostly copied
            return self.heap.reach(receiver) & self.heap.instances if self.heap.instances else NOTHING
        kinds = ("numpy", "pandas", "data")
        return frozenset(n for n in self.heap.reach(receiver) - receiver if self.heap.things[n].kind not in kinds)

    def _quiet_method(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> Value:
        """An object that only few methods alter; what it gives may be, or look at, any part of it and the arguments."""
        drawn, reached = self.drawn_by_method(receiver, name), self.heap.reach(receiver)
        if self.is_loud(reached):
            return self.worst(receiver, arguments, node, drawn=drawn)
        if drawn and not self.has_own_state(arguments):
            for state in sorted(drawn):
                self.state.sink.hidden(state, "draw")
            self.state.alter(self.heap.only(reached, "rng") | (receiver & self.heap.drawing))
        given = self._handed_to_quiet(arguments)
        if name in quiet_objects.ALTERS:
            self.state.alter(reached, arguments.all)
            return receiver | reached | given
        made = self.heap.make(self.site(node, "quiet"), "quiet", reached | given, maker=self.made_by(receiver))
        return made | self.taken_liberties(arguments, receiver | arguments.all, None, viewing=True)

    def call_quiet(self, callee: Value, arguments: Arguments, node: ast.AST) -> Value:
        """Such an object is called: a spline, a distribution, what ``sympy.lambdify`` has made."""
        reached, maker = self.heap.reach(callee), self.made_by(callee)
        if self.is_loud(reached):
            return self.worst(callee, arguments, node, drawn=NONE)
        given = self._handed_to_quiet(arguments)
        if quiet_objects.gives_new_arrays(maker):
            return self.heap.make(self.site(node, "array"), "numpy")
        return self.heap.make(self.site(node, "quiet"), "quiet", reached | given, maker=maker)

    def quiet_attribute(self, number: int, name: str) -> Value:
        """A part of such an object, or a method of it that is not called here."""
        own, maker = frozenset((number,)), self.heap.things[number].maker
        if name in quiet_objects.ALTERS:
            return self.heap.make(("bound", number), "bound", own)
        if maker is None or drawn_by_method(maker, name):
            return self.heap.make(("drawing", number), None, own)
        if number in self.quiet_parts:  # a part of a part is a part of the whole
            return own
        part = self.heap.make(("part of quiet", number), "quiet", own, maker=maker)
        self.quiet_parts |= part
        return part

    def is_loud(self, reached: Value) -> bool:
        """Whether an object holds code of the notebook, or instances of its classes: using it may run these."""
        return bool(self.heap.callable_in(reached)) or not reached.isdisjoint(self.heap.instances | self.heap.classes)

    def _handed_to_quiet(self, arguments: Arguments) -> Value:
        """What a quiet object may keep of what it is handed, or give back: not the functions, but what they gave."""
        functions = self.callbacks(arguments)
        self.side_arguments(arguments)
        held = NOTHING.union(*(self.heap.things[n].holds for n in functions))
        return self.heap.mutable((self.heap.reach(arguments.all) - functions) | held)

    def _estimator_method(
        self, kind: str | None, receiver: Value, name: str, arguments: Arguments, node: ast.AST
    ) -> Value:
        """By scikit-learn's convention an estimator changes itself, and never the data."""
        self.callbacks(arguments)
        if functions := self.heap.callable_in(self.heap.reach(receiver)):  # as a FunctionTransformer has one
            self.invoke(functions, self.heap.reach(receiver | arguments.all) - functions)
        self.side_arguments(arguments)
        parts = self._estimator_parts(receiver)
        passed = arguments.all if any(self.heap.things[n].passes for n in parts) else NOTHING
        self.state.alter(self.heap.reach(passed))
        if name in methods.RANDOM_METHODS:
            self.state.alter(self.heap.only(parts, "rng"))
        if name in methods.CONVENTION_FRESH | methods.CONVENTION_VIEWS and name not in methods.SKLEARN_FRESH:
            plain = methods.NUMPY_PLAIN.get(name)  # of an array that it has learnt
            return receiver | self.taken_liberties(arguments, receiver | arguments.all, plain)
        if name in methods.SKLEARN_FITS:
            self.heap.fitted |= receiver
        if name in methods.SKLEARN_FITS or name not in methods.SKLEARN_FRESH:
            self.heap.take_array(arguments.all)  # neighbours are looked up in what they were fitted with
            self.state.alter(parts, self.heap.mutable(arguments.all - parts))
        if name == "score" and kind == "sklearn":
            return passed  # a number
        if name in methods.SKLEARN_FRESH:
            result = self.heap.make(self.site(node), "data", parted=True)
            things = self.heap.things
            if name == "fit_predict" or (name == "fit_transform" and any(things[n].keeps for n in parts)):
                self.heap.put(receiver, result)
            return result | passed
        return receiver

    def _is_model(self, receiver: Value) -> bool:
        """Whether all that a method is called on has been fitted or loaded, or comes from where nobody can tell."""
        unknown = (n for n in receiver - self.heap.fitted if self.heap.things[n].kind is None)
        makers = (self.heap.things[number].maker for number in unknown)
        return all(maker is None or methods.GIVING_FITTED.search(maker) for maker in makers)

    def _estimator_parts(self, receiver: Value) -> Value:
        """The estimator with those it is made of. Lists of columns and other settings are not touched by a fit."""
        things = self.heap.things
        found, stack = set(receiver), list(receiver)
        while stack:
            new = {n for n in things[stack.pop()].holds if things[n].kind in operations.ESTIMATOR_PATH} - found
            found |= new
            stack.extend(new)
        return receiver | frozenset(n for n in found if things[n].kind in operations.ESTIMATOR_PARTS)
