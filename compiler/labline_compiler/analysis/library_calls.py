"""Calls into libraries: by tables, with rules for the few that a line in a table cannot describe."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from labline_compiler.analysis import files, generators, hidden_state, methods, operations, quiet_objects
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.file_calls import FileCalls
from labline_compiler.analysis.heap import MAIN, NOTHING, Value

if TYPE_CHECKING:
    from labline_compiler.analysis.operations import Operation

_CONTAINER_KINDS = {
    "list": "list",
    "tuple": "tuple",
    "set": "set",
    "frozenset": "set",
    "dict": "dict",
    "sorted": "list",
}


class LibraryCalls(FileCalls):
    """What functions and classes of libraries do."""

    handlers_count = False  # whether anything in the notebook depends on the root logger's having a handler
    root_has_handler = False  # surely: the root logger

    def unbound_method(
        self, receiver: Value, name: str, arguments: Arguments, attribute: object, node: ast.AST
    ) -> Value:
        """``list.append(items, 1)``; *attribute*: the name that ``object.__setattr__`` is told."""
        raise NotImplementedError

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:
        """``value.name``."""
        raise NotImplementedError

    @staticmethod
    def is_function(origin: str) -> bool:
        """Whether *origin* is most likely a function, by the tables and by its name."""
        known = operations.library_operation(origin) is not None and origin.rpartition(".")[2].islower()
        return known and hidden_state.assignment_state(origin) is None

    def library(self, origin: str, arguments: Arguments, node: ast.AST) -> Value:
        """Call what a library itself has there."""
        self._hidden(origin, arguments)
        self.function_files(origin, arguments)
        if origin in operations.PICKLING:
            self.read_definitions()
        evaluated = self.read_expression(arguments, marked=False) if origin in operations.EVALUATING else NOTHING
        if origin.startswith("IPython.core.magic.register_"):
            self.state.sink.hidden("@ipython", "change")
            self.keep_functions(arguments.all)
            return arguments.all & self.heap.functions or self.heap.library(origin)  # its name alone comes first
        if origin in operations.RUNNING_TEXT and arguments.node is not None:
            self.run_mentioned(arguments.node, origin)
        if origin in operations.RUNNING_MAIN:
            self.run_definitions()
        if origin in operations.ANNOTATED:
            self.read_annotations(arguments.all)
        if operations.registers_class(origin):  # which is carried with the class
            self.state.alter(arguments.all)
            return arguments.all
        if special := self._special(origin, arguments, node):
            return special | evaluated
        holder, _, name = origin.rpartition(".")
        if arguments.positional and methods.is_unbound(holder, name):  # list.append(items, 1)
            rest = Arguments(arguments.positional[1:], arguments.keywords, arguments.rest, arguments.starred)
            return self.unbound_method(arguments.positional[0], name, rest, arguments.constant(1), node)
        known = origin in operations.LIBRARY or bool(hidden_state.call_uses(origin))
        if name in methods.CONTAINER_ALTERS and "." in holder and not known:
            self.change_library(holder, arguments.all, inside=True)  # most likely a list or a dict that a module holds
        operation = operations.library_operation(origin)
        if operation is None:
            drawn = self.drawn_by_call(origin, arguments)
            return self.worst(NOTHING, arguments, node, origin=origin, drawn=drawn) | evaluated
        handed = arguments.all
        functions = NOTHING
        if origin in operations.QUIET and "file" not in arguments.keywords:
            self.use(self.heap.reach(handed))
        elif origin in operations.GOING_THROUGH and not arguments.keywords and self.heap.lazy_in(handed) is not None:
            self.use(handed)
            self.go_on(handed)
        else:
            functions = self.callbacks(arguments)
            if functions and any(use.use == "change" for use in hidden_state.call_uses(origin)):
                self.keep_functions(functions)
        self.side_arguments(arguments)
        if origin in quiet_objects.PLOTTING and "plot" in arguments.keywords:
            self.state.alter(self.heap.reach(arguments.keywords["plot"]))
            self.figures(self.drawn_with(arguments))
        viewing = origin in operations.VIEWS_WITHOUT_COPY or origin.startswith("pandas.")
        given = self.taken_liberties(arguments, handed, operation.plain, viewing=viewing)
        for position in operation.alters:
            if position < len(arguments.positional):
                target = arguments.positional[position]
                self.state.alter(target | self.iterators_in(target), handed - target)
        if self.draws_figures(origin):
            result = self.figures(self.drawn_with(arguments))
            if origin.endswith("pyplot.close") and arguments.constant(0, "fig") == "all":
                self.close_figures()
            elif origin.endswith("pyplot.close") and not arguments.positional:
                self.close_figure()
            return result
        result = self._result(operation, handed, arguments, node, origin)
        if origin in operations.ORDERING:
            return result | given | evaluated
        if operation.result in ("holds", "elements") and functions:
            self.heap.put(result, functions)
        elif functions and operation.kind == "matplotlib":
            self.heap.put(result, functions)  # FuncFormatter(function)
        elif functions:  # json.loads(text, object_hook=function): what these gave may be in it
            self.heap.put(result, self.heap.mutable(NOTHING.union(*(self.heap.things[n].holds for n in functions))))
        return result | given | evaluated

    def taken_liberties(
        self, arguments: Arguments, handed: Value, plain: int | None, *, viewing: bool = False
    ) -> Value:
        """What a call writes into, and may give back, though it is known for making something new.

        That is where its result is to go (``out``), and what it does not copy because it is told so. ``viewing``: it
        writes into nothing then.
        """
        given = NOTHING
        for keyword, harmless in operations.HARMLESS_OPTIONS.items():
            if keyword in arguments.keywords and arguments.constant(None, keyword) not in harmless:
                if keyword in operations.WRITTEN_INTO:
                    given |= arguments.keywords[keyword]
                    self.state.alter(self.heap.reach(given))
                else:
                    given |= handed
                    self.heap.take_array(handed)
                    self.state.alter(NOTHING if viewing and keyword == "copy" else self.heap.reach(handed))
        if plain is None:
            return given
        for place, value in enumerate(arguments.positional[plain:], plain):
            if value or isinstance(arguments.constant(place), bool):
                given |= value or handed
                self.state.alter(self.heap.reach(value or handed))
        if arguments.starred:
            given |= handed
            self.state.alter(self.heap.reach(handed))
        return given

    def side_arguments(self, arguments: Arguments) -> None:
        """What even a harmless call changes: where it writes its result, and what is used up by being read."""
        for keyword in ("ax", "fig", "axes", "memo", "file", "buf", "evals_result", "callbacks"):
            if keyword in arguments.keywords:
                self.state.alter(self.heap.reach(arguments.keywords[keyword]))
        if moving := self.heap.only(arguments.all, "rng", "iterator", "file"):
            self.state.alter(moving | self.iterators_in(moving))

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
                held = NOTHING
                if origin.startswith("datetime."):
                    held = handed & self.heap.instances  # zones
                elif origin.startswith("matplotlib."):
                    held = self.drawn_with(arguments)  # ScalarMappable(norm)
                elif origin.startswith("networkx."):
                    held = self.heap.reach(handed) & self.heap.instances  # as nodes
                elif origin.startswith("numpy."):
                    held = self.array_objects(handed, arguments) if origin == "numpy.array" else self._referred(handed)
                made = self.heap.make(self.site(node), kind, held, parted=parted and not held, maker=origin)
                return self.heap.copy_late(made, self.heap.reach(handed)) if origin.startswith("pandas.") else made
            case "same":
                if origin == "numpy.einsum" and "," in str(arguments.constant(0)):  # only of one array it gives a view
                    return self.heap.make(self.site(node), "numpy", parted=True)
                if operation.shares is not None:
                    new = self.heap.make(self.site(node, "new"), kind, parted=True)
                    shared = arguments.deciding(operation.shares)
                    return new | (self._result(operations.SAME, shared, arguments, node, origin) if shared else NOTHING)
                if origin.startswith(("numpy.", "pandas.")):  # a type is what its items are, never the result
                    types = handed & self.heap.libraries
                    origins = {number: self.heap.things[number].origin or "" for number in types}
                    handed -= {number for number, its in origins.items() if its.startswith(("builtins.", "numpy."))}
                containers = self.heap.only(handed, *operations.CONTAINERS)
                if containers and origin.startswith(("numpy.", "pandas.")):  # made an array
                    kind = origin.partition(".")[0]
                    held = self.array_objects(containers, arguments)
                    return handed - containers | self.heap.make(self.site(node, "array"), kind, held)
                handed = self.heap.take_array(handed) if origin.startswith("numpy.") else handed
                return handed or self.heap.make(self.site(node), "data")
            case "arithmetic":
                first = self.iterate(first) if origin == "builtins.sum" else first
                operands = [first, *arguments.positional[1:], *arguments.keywords.values()]
                result = NOTHING.union(*operands[1:])
                for operand in operands:
                    result |= self.binary(operand, result, node)
                return result
            case "element":
                other = handed if len(arguments.positional) > 1 else arguments.keywords.get("default", NOTHING)
                if origin in operations.ORDERING and not arguments.rest:
                    several = NOTHING.union(*arguments.positional) if len(arguments.positional) > 1 else NOTHING
                    other = several | arguments.keywords.get("default", NOTHING)
                return self.iterate(first) | other | (arguments.rest and handed)
            case "elements":
                held = frozenset().union(*(self.iterate(value) for value in arguments.positional))
                kept = [
                    value
                    for word, value in arguments.keywords.items()
                    if origin not in operations.ORDERING or word != "key"
                ]
                held |= arguments.rest.union(*kept)
                last = origin.rpartition(".")[2]
                if kind != "iterator":
                    return self.heap.make(self.site(node), kind or _CONTAINER_KINDS.get(last, "container"), held)
                # It gives pairs, and goes on through what it was made of as that is then.
                held |= self.heap.make(self.site(node, "pair"), "tuple", held)
                gone_through = NOTHING.union(*arguments.positional)
                made = self.heap.make(self.site(node), kind, held | gone_through)
                self.heap.look(made, gone_through - held)
                return made
            case "holds":
                name = origin.rpartition(".")[2]
                draws = self.draws_when_fitted(name, arguments) or (kind == "rng" and self.is_shared(arguments.all))
                passes = name in operations.PASSING or any(
                    word.startswith("copy") and arguments.constant(None, word) is not True
                    for word in arguments.keywords
                )
                keeps = name in operations.KEEPING
                return self.heap.make(
                    self.site(node), kind, handed, draws=draws, passes=passes, keeps=keeps, maker=origin
                )
        return self.heap.make(self.site(node), None, self.heap.reach(handed), maker=origin)

    def _special(self, origin: str, arguments: Arguments, node: ast.AST) -> Value | None:
        """Calls that need more than a line in a table. None where *origin* is an ordinary one."""
        if any(self.heap.things[n].origin == MAIN for n in arguments.all):
            return self.main_attribute(origin, arguments, node)
        if origin in ("builtins.exec", "builtins.eval") and (code := self.code_in(origin, arguments)) is not None:
            return self.run_code(code)
        if origin in ("builtins.exec", "builtins.eval", "builtins.globals", "builtins.locals", "builtins.vars"):
            inside = origin in ("builtins.locals", "builtins.vars") and (
                self.state.frame is not self.state.module or arguments.positional
            )
            any_name = NOTHING if inside else self.everything(origin, node)
            if origin in ("builtins.exec", "builtins.eval"):
                self.unknown_draws(seeds=True)
            any_name |= self.seeds_in(NOTHING if inside else NOTHING.union(*self.state.module.names.values()))
            made = self.heap.make(self.site(node), None, self.heap.reach(arguments.all) | any_name)
            if not inside:
                self.namespaces |= made
            return any_name | made
        if (
            origin == "builtins.dir"
            and not (arguments.positional or arguments.starred)
            and self.state.frame is self.state.module
        ):
            self.list_names("dir()", node)
        if origin in ("builtins.iter", "builtins.map", "builtins.filter", "functools.partial"):
            return self.postponed_calls(origin, arguments, node)
        if origin == "functools.reduce" and (reduced := self.reduced(arguments, node)) is not None:
            return reduced
        if origin in ("builtins.setattr", "builtins.delattr") and arguments.positional:
            holder, name = self.heap.origin(arguments.positional[0]), arguments.constant(1)
            if holder is not None and isinstance(name, str):
                self.patch(f"{holder}.{name}", arguments.positional[2] if len(arguments.positional) > 2 else NOTHING)
                return self.heap.make(self.site(node), "data")
        if path := self.accessor_path(origin, arguments):
            self.patch(path, NOTHING)
        if origin in ("builtins.getattr", "builtins.hasattr") and arguments.positional:
            got = self._got(arguments, node)
            if origin == "builtins.hasattr":
                return None
            return got | self.heap.mutable(self.heap.reach(arguments.all)) or self.heap.make(self.site(node))
        if origin == "numpy.random.default_rng":
            return self.heap.only(arguments.all, "rng", None) | self.heap.make(self.site(node), "rng", arguments.all)
        if origin.endswith(operations.CHECKING_STATE):
            return self.checked_state(arguments, node)
        if origin in generators.GIVING_SHARED:
            return self.heap.library(generators.GIVING_SHARED[origin])
        if origin == "builtins.dict.fromkeys" and arguments.positional:
            held = self.iterate(arguments.positional[0]).union(*arguments.positional[1:], arguments.rest)
            return self.heap.make(self.site(node), "dict", held)
        if origin in ("importlib.import_module", "builtins.__import__", "sys.modules.get", "sys.modules.[]"):
            first = arguments.node.args[0] if arguments.node is not None and arguments.node.args else None
            return self.module_called(first, node, top=origin == "builtins.__import__")
        if origin in ("sympy.var", "sympy.init_session"):
            return self.injected(origin, arguments, node)
        if origin in operations.CACHES:
            return self._caching(origin, arguments, node)
        if origin == "builtins.super":
            for frame in reversed(self.state.frames):
                if frame.scope is not None and not frame.is_class and not frame.is_comprehension:
                    return next(iter(frame.names.values()), NOTHING) or None
        if origin in ("builtins.id", "numpy.shares_memory", "numpy.may_share_memory"):
            self.same_identity(arguments.all)
        if origin == "builtins.vars" and arguments.positional:
            self.heap.vague |= arguments.all & self.heap.instances
            return arguments.all or None
        if origin == "builtins.type" and len(arguments.positional) > 1:
            return self.worst(NOTHING, arguments, node)
        if origin == "copy.copy":
            return self.copied_instances(arguments.all, node, deep=False) or None
        if origin in ("copy.deepcopy", "sklearn.base.clone"):
            return self.deep_copy(arguments.all, node)
        if origin in operations.REVIVING:
            # What was put away somewhere may be an instance of any of the notebook's classes.
            return self.heap.make(self.site(node), None, frozenset(self.heap.classes))
        if origin == "builtins.setattr":
            name = arguments.constant(1)
            for number in sorted(arguments.positional[0] if arguments.positional else NOTHING):
                thing = self.heap.things[number]
                if thing.instance_of is not None or thing.klass is not None:
                    self.store_attribute(number, name if isinstance(name, str) else "*", arguments.all, node)
                    self.special(number, "__setattr__", Arguments([NOTHING, arguments.all]), node)
            return None
        if origin == "builtins.type" and len(arguments.positional) == 1:
            classes = {self.heap.things[n].instance_of for n in arguments.positional[0]} - {None}
            return frozenset(n for n in classes if n is not None) or None
        return None

    def array_objects(self, handed: Value, arguments: Arguments) -> Value:
        """The objects that an array made of *handed* refers to: it copies only what it can have as numbers or text."""
        things, node = self.heap.things, arguments.node
        given = [word.value for word in node.keywords if word.arg == "dtype"] if node is not None else []
        if any(self.origin_of(each) == "builtins.object" or self.text(each) in ("O", "object") for each in given):
            return self.heap.elements(handed)
        reached = self.heap.reach(handed) & (self.heap.instances | self.heap.classes)
        return reached | frozenset(
            n for n in self.heap.elements(handed) if things[n].kind in ("dict", "set", "sklearn")
        )

    def _referred(self, handed: Value) -> Value:
        """The objects that arrays among *handed* refer to: what is made of their elements refers to them, too."""
        arrays = self.heap.only(self.heap.reach(handed), "numpy")
        data = ("numpy", "pandas", "data")
        return (
            frozenset(n for n in self.heap.reach(arrays) if self.heap.things[n].kind not in data) if arrays else arrays
        )

    def _got(self, arguments: Arguments, node: ast.AST) -> Value:
        """What an attribute is that is asked for by name, with what runs when it is: properties, ``__getattr__``."""
        result, name = NOTHING, arguments.constant(1)
        for number in sorted(arguments.positional[0]):
            thing = self.heap.things[number]
            if number in self.heap.dotted:
                one = frozenset((number,))
                if isinstance(name, str):
                    result |= self.attribute(one, name, node)
                else:  # any of its functions
                    result |= self.heap.make(self.site(node, "any"), None, one)
            if thing.instance_of is not None or thing.klass is not None:
                result |= self.member(number, name if isinstance(name, str) else "*", node)
                if not isinstance(name, str):
                    members = self.members(thing.instance_of if thing.instance_of is not None else number)
                    self.invoke(NOTHING.union(*members.values()), arguments.all)
        return result

    def _caching(self, origin: str, arguments: Arguments, node: ast.AST) -> Value | None:
        """``lru_cache(function)`` or, to be called with the function, ``lru_cache(maxsize=None)``."""
        given = arguments.positional[0] if arguments.positional else NOTHING
        functions = frozenset(number for number in given if self.heap.things[number].function is not None)
        if arguments.rest or (functions and functions != given):
            return None
        for number in functions:
            self.heap.things[number].caches = True
        return functions or self.heap.make(self.site(node), origin=origin)

    def is_transparent(self, decorator: Value) -> bool:
        """Whether a decorator, given as a configured call, leaves the function as it was."""
        return bool(decorator) and all(
            self.heap.things[n].kind is None and self.heap.things[n].maker in operations.TRANSPARENT_DECORATORS
            for n in decorator
        )

    # ------------------------------------------------------------------------------------------ hidden state and files

    def _hidden(self, origin: str, arguments: Arguments) -> None:
        sink = self.state.sink
        for use in hidden_state.call_uses(origin):
            if use.use == "set" and arguments.constant(0) is None:
                sink.hidden(use.state, "draw")
            elif use == ("@numpy.random", "draw") and self.has_own_state(
                arguments
            ):  # scipy.stats.norm.rvs(random_state=1)
                continue
            elif origin != "locale.setlocale" or len(arguments.positional) > 1 or arguments.keywords:
                sink.hidden(*use)
        own = f"{origin.removesuffix('.rvs')}.random_state"  # that a distribution was given
        if own in self.patched.get("random_state", ()):
            self.patch(own, self.patches("random_state", own))
        if origin == "importlib.reload":
            self._reloaded({self.heap.things[number].origin for number in arguments.all & self.heap.dotted})
        self._log(origin, arguments)
        self.note_backend(origin, arguments)
        if files.is_foreign(origin):
            known = self.beside.knows(origin)
            sink.hidden(
                hidden_state.module_state(origin), "read" if known and not self.beside.keeps(origin) else "change"
            )
            for state in () if known else hidden_state.RANDOM_STATES:  # it may well be there to seed them
                sink.hidden(state, "unknown")
            self.done_beside(self.beside.calling(origin))
        self.note_draws(origin, arguments)
        if hidden_state.is_process_state(origin, arguments.constant(0)):
            self.note_process_change(origin)
        if hidden_state.is_unrepeatable(origin):
            sink.unrepeatable()
        if hidden_state.DRAW_WHERE_GIVEN.get(origin) in arguments.keywords and not self.has_own_state(arguments):
            sink.hidden("@numpy.random", "draw")
        if origin in hidden_state.DRAW_WITHOUT_STATE and not self.has_own_state(arguments):
            if not (origin.endswith("train_test_split") and arguments.constant(None, "shuffle") is False):
                sink.hidden("@numpy.random", "draw")
        elif origin.startswith(hidden_state.FITTING_FUNCTIONS):
            self.draws_of("sklearn", arguments.all, "fit", arguments)
            self.state.alter(self.heap.only(self.heap.reach(arguments.all), "rng"))

    def _reloaded(self, origins: set[str | None]) -> None:
        """``reload(helpers)`` makes a module anew: one beside the notebook, or Python's own for logging.

        What the notebook has put into it is what the module's own text says again.
        """
        if "logging" in origins or not origins:
            self.change_logging()
        for origin in sorted(filter(None, origins)):
            for path in [path for paths in self.patched.values() for path in paths if path.startswith(f"{origin}.")]:
                self.patch(path, NOTHING)
            if files.is_foreign(origin):
                self.state.sink.hidden(hidden_state.module_state(origin), "change")

    def _log(self, origin: str, arguments: Arguments) -> None:
        """``logging.warning()`` sets the root logger up if nothing has."""
        if origin in hidden_state.ROOT_LOGGING and not self.root_has_handler:
            if self.handlers_count:
                self.state.sink.hidden("@logging", "change")
            self.root_has_handler = self.state.depth == 0 and len(self.state.frames) == 1
        elif any(use.state == "@logging" for use in hidden_state.call_uses(origin)):
            self.root_has_handler &= origin == "logging.basicConfig" and "force" not in arguments.keywords
        if any(use.state == "@logging" for use in hidden_state.call_uses(origin)):
            self.keep_in_loggers(arguments.all)

    def change_logging(self, handed: Value = NOTHING) -> None:
        """Loggers are set up otherwise, maybe with something of *handed*."""
        self.root_has_handler = False
        self.state.sink.hidden("@logging", "change")
        self.keep_in_loggers(handed)

    def called_back(self, origin: str) -> None:
        """A function of a library is handed over, and may be called with whatever there is. Classes do not count."""
        if not origin.rpartition(".")[2][:1].islower():
            return
        uses = list(hidden_state.call_uses(origin))
        if files.is_foreign(origin):
            uses += [hidden_state.HiddenUse(hidden_state.module_state(origin), "change")]
            if not self.beside.knows(origin):
                uses += [hidden_state.HiddenUse(state, "set") for state in hidden_state.RANDOM_STATES]
            self.done_beside(self.beside.calling(origin))
        for state, use in uses:
            unknown: hidden_state.Use = "unknown" if state in hidden_state.RANDOM_STATES else "change"
            self.state.sink.hidden(state, unknown if use == "set" else use)
        for access in files.function_uses(origin):
            self.state.sink.file(access.mode, None, tree=access.tree)

    def read_module(self, origin: str) -> None:
        """Something of a module is read, which may be one of the notebook's own that changes."""
        if files.is_foreign(origin):
            self.state.sink.hidden(hidden_state.module_state(origin), "read")

    def change_library(self, path: str, value: Value, *, inside: bool) -> None:
        """Something of a library is assigned, or changed *inside* where it is a container."""
        if path.startswith(hidden_state.MACHINERY):
            self.state.sink.note("LL303", f"The cell changes {path}, which no step hands on.", None)
        elif state := hidden_state.assignment_state(path):
            self.root_has_handler &= state != "@logging"
            self.state.sink.hidden(state, "change")
            self.keep_functions(value)
        else:
            if files.is_foreign(path):  # it may be among the data of a module of the notebook's own
                self.state.sink.hidden(hidden_state.module_state(path), "change")
            self.patch(f"{path}{hidden_state.INSIDE}" if inside else path, value)

    def note_process_change(self, what: str) -> None:
        """The process is changed in a way that no step hands on."""
        self.state.sink.note("LL303", f"The cell calls {what}(), whose effect ends with the step.", None)
