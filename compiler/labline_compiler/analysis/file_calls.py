"""Files that calls use, those of modules beside the notebook included."""

from __future__ import annotations

import ast

from labline_compiler.analysis import files, hidden_state
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.beside import Effects
from labline_compiler.analysis.heap import NOTHING
from labline_compiler.analysis.iterators import Iterators
from labline_compiler.analysis.texts import ANY


class FileCalls(Iterators):
    """What calls do with files."""

    strangers = False  # whether a package was imported of which nothing is known

    def function_files(self, origin: str, arguments: Arguments) -> None:
        """Tell of the files that a call of a library's function uses."""
        if self.sets_up_logging(origin, arguments):
            return
        if origin.startswith("logging."):
            self.logged(origin.rpartition(".")[2], arguments, arguments.node)
        if origin in files.OPENERS:
            mode = self._open_mode(arguments, 1, "r")
            self._file(files.FileUse(mode), None, arguments)
            if mode == "write" and origin in files.ARCHIVES:
                self._file(files.FileUse("read", None, tree=True), None, arguments)
        elif origin == "importlib.import_module" and isinstance(module := arguments.constant(0, "name"), str):
            self.import_file(module)
        elif not self.beside.knows(origin):
            for use in files.function_uses(origin):
                self._file(use, None, arguments)

    def method_files(self, name: str, text: str | None, arguments: Arguments, *, known_value: bool) -> None:
        """Tell of the files that a method uses. *text*: the object, where it is a text or a path that is known."""
        if name == "open" and not known_value:
            place = 0 if text is not None or not isinstance(arguments.constant(0, "file"), str) else 1
            mode = self._open_mode(arguments, place, "r")
            self._file(files.FileUse(mode, "self"), text, arguments)
            return
        if "callbacks" in arguments.keywords:  # they may keep checkpoints and logs
            self.state.sink.file("write", None, tree=True)
        count = len(arguments.positional)
        uses = files.method_uses(name, is_path=text is not None, known_value=known_value, arguments=count)
        for use in uses:
            if name == "glob" and text and isinstance(pattern := arguments.constant(0), str):
                use, text = files.FileUse("read", "self"), f"{text}/{pattern}"
            self._file(use, text, arguments)

    def _open_mode(self, arguments: Arguments, place: int, default: str) -> files.Mode:
        mode = arguments.constant(place, "mode")
        if mode is Ellipsis and len(arguments.positional) <= place and "mode" not in arguments.keywords:
            mode = default
        return "write" if not isinstance(mode, str) or any(letter in mode for letter in "wax+") else "read"

    def _file(self, use: files.FileUse, text: str | None, arguments: Arguments) -> None:
        """Tell of one use. An argument that is an open file was told of when it was opened."""
        path = text if use.place == "self" else None
        if isinstance(use.place, int) and arguments.node is not None and not arguments.starred:
            given = dict(enumerate(arguments.node.args)).get(use.place)
            value = arguments.positional[use.place] if use.place < len(arguments.positional) else NOTHING
            for word in arguments.node.keywords:
                if given is None and word.arg in files.PATH_KEYWORDS:
                    given, value = word.value, arguments.keywords[word.arg]
            if given is None and use.place == 0 and not arguments.node.args:
                if arguments.positional:
                    return  # called for somebody else
                if use.mode != "read" and not use.tree:
                    return  # to_csv() gives a text
                path = "."  # os.listdir()
            elif given is not None:
                if (isinstance(given, ast.Constant) and given.value is None) or self.heap.kind(value) == "file":
                    return
                path = self.text(given)
        self.state.sink.file(use.mode, path, tree=use.tree)
        if path is None or not path.startswith(("/", "~")):
            self.state.sink.hidden("@cwd", "read")

    def import_file(self, module: str) -> None:
        """A module is imported, which may lie beside the notebook."""
        if files.is_foreign(module):
            self.strangers |= not self.beside.knows(module)
            self.state.sink.hidden("@sys.path", "read")
            self.state.sink.hidden("@cwd", "read")
            effects = self.beside.importing(module)
            self.done_beside(effects)
            state = hidden_state.module_state(module)
            draws = not (effects.draws | effects.changes).isdisjoint(hidden_state.RANDOM_STATES)
            if draws and self.beside.knows(module) and self.is_first_import(state):
                self.state.sink.hidden(state, "change")  # it may keep numbers that no other process would draw
            top = module.lstrip(".").partition(".")[0]
            self.state.sink.file("read", f"{ANY}/{top}.py" if top else None)
            self.state.sink.file("read", f"{ANY}/{top}/{ANY}" if top else None)

    def done_beside(self, effects: Effects) -> None:
        """Code of a module beside the notebook runs."""
        self.logged()
        for state in sorted(effects.changes):
            self.state.sink.hidden(state, "unknown" if state in hidden_state.RANDOM_STATES else "change")
        for state in sorted(effects.draws - effects.changes):
            self.state.sink.hidden(state, "draw")
        if effects.files:
            mode: files.Mode = "read" if effects.files == {"read"} else "write"
            self.state.sink.file(mode, None, tree=True)
            self.state.sink.hidden("@cwd", "read")
