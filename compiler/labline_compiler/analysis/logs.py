"""What is logged, and the files that it goes to from when they were set up."""

from __future__ import annotations

from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.classes import Classes

_WRITING = frozenset(("debug", "info", "warning", "warn", "error", "critical", "exception", "fatal", "log"))


class Logs(Classes):
    """What logging does to files."""

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

    def logged(self, name: str = "log") -> None:
        """The function or method *name* of logging was called."""
        if name in _WRITING:
            for path in self.log_files:
                self.state.sink.file("write", path)
