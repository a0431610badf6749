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
        for position in operation.alters:
            if position < len(arguments.positional):
                target = arguments.positional[position]
                self.state.alter(target | self.iterators_in(target), handed - target)
        result = self._result(operation, handed, arguments, node, origin)
        if operation.result in ("holds", "elements") and functions:
            self.heap.put(result, functions)
        return result

    def side_arguments(self, arguments: Arguments) -> None:
        """What even a harmless call changes: where it writes its result, and what is used up by being read."""
        for keyword in ("out", "ax", "fig", "axes", "memo", "file", "buf"):
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
