"""Calls into libraries: by tables, with rules for the few that a line in a table cannot describe."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from labline_compiler.analysis import hidden_state, operations
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.classes import Classes
from labline_compiler.analysis.heap import NOTHING, Value

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


class LibraryCalls(Classes):
    """What functions and classes of libraries do."""

    def library(self, origin: str, arguments: Arguments, node: ast.AST) -> Value:
        """Call something of a library."""
        name = origin.rpartition(".")[2]
        self._hidden(origin, arguments)
        self.files(origin, name, arguments, known_value=True)
        if special := self._special(origin, arguments, node):
            return special
        operation = operations.library_operation(origin)
        if operation is None:
            return self.worst(NOTHING, arguments, node, library=True)
        functions = self.callbacks(arguments)
        self.side_arguments(arguments)
        handed = arguments.all
        viewing = origin in operations.VIEWS_WITHOUT_COPY or origin.startswith("pandas.")
        given = self.taken_liberties(arguments, handed, operation.plain, viewing=viewing)
        for position in operation.alters:
            if position < len(arguments.positional):
                target = arguments.positional[position]
                self.state.alter(target | self.iterators_in(target), handed - target)
        result = self._result(operation, handed, arguments, node, origin)
        if operation.result in ("holds", "elements") and functions:
            self.heap.put(result, functions)
        return result | given

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
                if keyword == "out":
                    given |= arguments.keywords[keyword]
                    self.state.alter(self.heap.reach(given))
                else:
                    given |= handed
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
        for keyword in ("ax", "fig", "axes", "memo", "file", "buf"):
            if keyword in arguments.keywords:
                self.state.alter(self.heap.reach(arguments.keywords[keyword]))
        for value in (*arguments.positional, *arguments.keywords.values(), arguments.rest):
            for number in sorted(value):
                thing = self.heap.things[number]
                if thing.kind in ("rng", "iterator", "file"):
                    self.state.alter(frozenset((number,)) | self.iterators_in(frozenset((number,))))

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
            case "arithmetic":
                operands = [first, self.iterate(first), *arguments.positional[1:], *arguments.keywords.values()]
                result = NOTHING.union(*operands[2:])
                for operand in operands:
                    result |= self.binary(operand, result, node)
                return result
            case "element":
                other = handed if len(arguments.positional) > 1 else arguments.keywords.get("default", NOTHING)
                return self.iterate(first) | other | (arguments.rest and handed)
            case "elements":
                held = frozenset().union(*(self.iterate(value) for value in arguments.positional))
                held |= arguments.rest.union(*arguments.keywords.values())
                last = origin.rpartition(".")[2]
                return self.heap.make(self.site(node), kind or _CONTAINER_KINDS.get(last, "container"), held)
            case "holds":
                name = origin.rpartition(".")[2]
                draws = name in operations.RANDOM_ESTIMATORS and not arguments.has_state()
                passes = name in operations.PASSING or any(
                    word.startswith("copy") and arguments.constant(None, word) is not True
                    for word in arguments.keywords
                )
                keeps = name in operations.KEEPING
                return self.heap.make(self.site(node), kind, handed, draws=draws, passes=passes, keeps=keeps)
        return self.heap.make(self.site(node), None, self.heap.reach(handed))

    def _special(self, origin: str, arguments: Arguments, node: ast.AST) -> Value | None:
        """Calls that need more than a line in a table. None where *origin* is an ordinary one."""
        if origin in ("builtins.exec", "builtins.eval", "builtins.globals", "builtins.locals", "builtins.vars"):
            inside = origin in ("builtins.locals", "builtins.vars") and (
                self.state.frame is not self.state.module or arguments.positional
            )
            any_name = NOTHING if inside else self._everything(origin, node)
            return any_name | self.heap.make(self.site(node), None, self.heap.reach(arguments.all) | any_name)
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
        if origin in ("builtins.id", "numpy.shares_memory", "numpy.may_share_memory"):
            self.same_identity(arguments.all)
        if origin == "builtins.vars" and arguments.positional:
            return arguments.all or None
        if origin == "builtins.type" and len(arguments.positional) > 1:
            return self.worst(NOTHING, arguments, node, library=True)
        if origin == "copy.copy":
            return self._copied_instances(arguments.all, node, deep=False) or None
        if origin == "copy.deepcopy":
            return self._deep_copy(arguments.all, node)
        if origin in operations.REVIVING:
            # What was put away somewhere may be an instance of any of the notebook's classes.
            return self.heap.make(self.site(node), None, frozenset(self.heap.classes))
        if origin == "builtins.setattr":
            name = arguments.constant(1)
            for number in sorted(arguments.positional[0] if arguments.positional else NOTHING):
                thing = self.heap.things[number]
                if thing.instance_of is not None or thing.klass is not None:
                    self.store_attribute(number, name if isinstance(name, str) else "*", arguments.all, node)
            return None
        if origin == "builtins.type" and len(arguments.positional) == 1:
            classes = {self.heap.things[n].instance_of for n in arguments.positional[0]} - {None}
            return frozenset(n for n in classes if n is not None) or None
        return None

    def _deep_copy(self, value: Value, node: ast.AST) -> Value | None:
        """A copy that shares nothing with the original but functions and classes."""
        reached = self.heap.reach(value)
        if copies := self._copied_instances(value, node, deep=True):
            return copies
        inner = self._copied_instances(frozenset(self.heap.instances & reached), node, deep=True)
        inner |= frozenset(n for n in reached if self.heap.things[n].klass or self.heap.things[n].function)
        return self.heap.make(self.site(node), self.heap.kind(value), inner) if inner else None

    def _copied_instances(self, value: Value, node: ast.AST, *, deep: bool) -> Value:
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
            for name, stored in things[number].stored.items():
                kept = stored & held if deep else stored
                for each in copied:
                    things[each].stored[name] = things[each].stored.get(name, NOTHING) | kept
            own = copied | frozenset((number,))
            for name in ("__copy__", "__deepcopy__", "__reduce__", "__getstate__", "__setstate__"):
                copied |= self.special(number, name, Arguments([own]), node)
            copies |= copied
        return copies

    def _everything(self, origin: str, node: ast.AST) -> Value:
        """All names may be read and changed, and stand for what another does. Returns all that they may stand for."""
        name = origin.rpartition(".")[2]
        self.state.sink.note("LL204", f"The cell uses {name}(), through which any name can be read and changed.", node)
        names = list(self.state.module.names)
        value = NOTHING.union(*(self.heap.mutable(self.state.global_value(each) or NOTHING) for each in names))
        self.state.alter(self.heap.reach(value))
        for each in names:
            if self.heap.kind(self.state.module.names[each]) not in ("module", "library"):
                self.state.bind_global(each, value, inside=True)
        self.state.sink.star_import(name)
        return value

    def is_transparent(self, decorator: Value) -> bool:
        """Whether a decorator, given as a configured call, leaves the function as it was."""
        return bool(decorator) and all(
            self.heap.things[n].kind is None and self.heap.things[n].origin in operations.TRANSPARENT_DECORATORS
            for n in decorator
        )

    # ------------------------------------------------------------------------------------------ hidden state and files

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
            self.draws_of("sklearn", arguments.all, "fit", arguments)

    def draws_of(self, kind: str | None, receiver: Value, name: str, arguments: Arguments) -> None:
        """Whether a fit, a split or a sample draws from NumPy's global generator."""
        if name == "sample":
            draws = kind in ("pandas", "data", "sklearn", None)
        else:
            draws = any(self.heap.things[n].draws for n in self.heap.reach(receiver | arguments.all))
            draws |= kind is None
        if draws:
            self.state.sink.hidden("@numpy.random", "draw")

    def files(self, origin: str | None, name: str, arguments: Arguments, *, known_value: bool) -> None:
        """Tell of the file that a call reads or writes, where it is one that does."""
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

    def note_module_change(self, origin: str, node: ast.AST) -> None:
        """An attribute of a module is assigned."""
        self.state.sink.note("LL303", f"The cell changes an attribute of {origin}.", node)

    def note_process_change(self, what: str) -> None:
        """The process is changed in a way that no step hands on."""
        self.state.sink.note("LL303", f"The cell calls {what}(), whose effect ends with the step.", None)
