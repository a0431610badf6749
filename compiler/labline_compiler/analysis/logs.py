"""What is logged, and where it goes: files, and handlers that hold objects of the notebook.

Handlers, filters and the like that hold something are a value that each message alters, under the name ``@logging``.
Those that only write to a stream or a file are not altered, so steps that log through them run side by side.
"""

from __future__ import annotations

import ast

from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.classes import Classes
from labline_compiler.analysis.heap import NOTHING, Value

LOGGING = "@logging"
WRITING = frozenset(("debug", "info", "warning", "warn", "error", "critical", "exception", "fatal", "log", "handle"))
# Methods of handlers, filters and formatters, and of streams, that a message goes through.
_CALLED = ("filter", "handle", "emit", "format", "formatMessage", "formatTime", "formatException", "write", "flush")
# Methods of loggers that leave them as they are.
READING = frozenset(
    ("isEnabledFor", "getEffectiveLevel", "hasHandlers", "getChild", "getChildren", "findCaller", "makeRecord")
)


class Logs(Classes):
    """What logging does to files and to the objects of the notebook."""

    log_files: dict[str | None, None]  # by their paths; None for one that is not known

    def sets_up_logging(self, origin: str, arguments: Arguments) -> bool:
        """Whether *origin* sets up a handler. If it writes into a file, whatever is logged from now on does."""
        is_handler = origin.startswith("logging.") and origin.endswith("FileHandler")
        if not is_handler and origin != "logging.basicConfig":
            return False
        call = arguments.node
        given = {word.arg: word.value for word in call.keywords} if call is not None else {}
        path = given.get("filename", call.args[0] if is_handler and call is not None and call.args else None)
        if is_handler or path is not None:
            self.log_files[self.text(path)] = None
        self.logged()
        return True

    def keep_in_loggers(self, handed: Value) -> None:
        """Loggers are set up otherwise, maybe with handlers or filters, or what those are made of, of *handed*.

        What they hold already stays with them: handlers that came from elsewhere would be others.
        """
        value = self.state.peek_global(LOGGING)
        if value is not None:
            self.state.alter(value)
        kept = self.heap.mutable(handed) | self.heap.callable_in(handed)
        if not kept:
            return
        value = value or self.heap.make(("logging",), "logging")
        self.state.bind_global(LOGGING, value, inside=True)
        self.heap.put(value, kept)
        self.state.alter(value, kept)

    def logged(self, name: str = "log", arguments: Arguments | None = None, node: ast.AST | None = None) -> None:
        """The function or method *name* of logging was called."""
        if name not in WRITING:
            return
        for path in self.log_files:
            self.state.sink.file("write", path)
        if self.state.peek_global(LOGGING) is None:
            return
        kept = self.heap.reach(self.state.maybe_global_value(LOGGING))
        handed = arguments.all if arguments is not None else NOTHING
        node = node or self.state.statement
        if node is None:
            return
        record = self.heap.make(self.site(node, "record"), None, self.heap.mutable(handed))
        own = kept & self.heap.instances
        for number in sorted(own):
            for method in _CALLED:
                self.special(number, method, Arguments([record]), node)
        self.invoke(self.heap.callable_in(kept), record)
        if filled := frozenset(n for n in kept - own if self.heap.things[n].kind in (None, "file")):
            self.state.alter(filled, record)
