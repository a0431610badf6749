"""What the notebook has put in the place of something of a library: ``json.dumps = mine``."""

from __future__ import annotations

import ast

from labline_compiler.analysis import hidden_state
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.copies import Copies
from labline_compiler.analysis.heap import ANY_PART, NOTHING, Value

# What registers a class under a name that it is given, and a function under its own: with which class of pandas.
_REGISTERING = ("pandas.api.extensions.register_", "pandas_flavor.register_", "janitor.register_")
_METHODS = {
    f"{package}.register_{kind}_method": f"pandas.{name}"
    for package in ("pandas_flavor", "janitor")
    for kind, name in (("dataframe", "DataFrame"), ("series", "Series"))
}


# What puts something in a stream's place for as long as it is open, and methods by which that is opened and closed.
_REDIRECTS = {"contextlib.redirect_stdout": "sys.stdout", "contextlib.redirect_stderr": "sys.stderr"}
KEEPING_OPEN = frozenset(("__enter__", "__exit__", "enter_context", "close", "pop_all", "start"))


class Replacements(Copies):
    """Attributes that are put into libraries, by ``patched``, and what then runs when something of them is called."""

    kept: Value = NOTHING  # functions that options of libraries are set to

    def origin_of(self, node: ast.expr) -> str | None:
        """The dotted name of what an expression is of a library."""
        raise NotImplementedError

    def keep_functions(self, value: Value) -> None:
        """An option of a library is set to *value*: functions that it reaches may be called from now on."""
        self.kept |= self.heap.reach(value) & self.heap.functions

    def patch(self, path: str, value: Value) -> None:
        """The attribute *path* of a library is set; later steps find it as it then is."""
        self.patched.setdefault(path.rpartition(".")[2], {})[path] = None
        inside = self.state.depth > 0 or len(self.state.frames) > 1 or ANY_PART in path
        if inside and ANY_PART not in path:
            self.state.bind_for_a_while(f"{hidden_state.PATCH}{path}", value)
        else:
            self.state.bind_global(f"{hidden_state.PATCH}{path}", value, inside=inside)
        content = f"{hidden_state.PATCH}{path}{hidden_state.INSIDE}"
        if content in self.state.module.names:  # what was in it has gone with it
            self.state.bind_global(content, value, inside=inside)

    def patches(self, name: str, path: str | None = None) -> Value:
        """What the notebook has put into libraries under a name, or at one path."""
        paths = self.patched.get(name, ()) if path is None or ANY_PART in path else [path]
        found = (self.state.peek(f"{hidden_state.PATCH}{each}") for each in paths)
        return frozenset().union(*(value for value in found if value is not None))

    def in_force(self, callee: Value) -> tuple[Value, list[str]]:
        """What runs when *callee* is called: the notebook's objects, and the library's own, by dotted name.

        What the notebook has put in the place of something of a library may be something of a library, too, which may
        be replaced as well. The original counts, too: it may have been kept or put back.
        """
        own, originals = set(callee - self.heap.dotted), dict[str, None]()
        stack = sorted(callee & self.heap.dotted)
        while stack:
            origin = self.heap.things[stack.pop()].origin or ""
            if origin in originals:
                continue
            originals[origin] = None
            if self.patched:
                patches = self.patches(origin.rpartition(".")[2] if ANY_PART in origin else "", origin)
                own |= patches - self.heap.dotted
                stack += sorted(patches & self.heap.dotted)
        return frozenset(own), list(originals)

    @staticmethod
    def accessor_path(origin: str, arguments: Arguments) -> str | None:
        """The attribute under which pandas has a class once a call of *origin* has registered it."""
        name = arguments.constant(0, "name")
        if not origin.startswith(_REGISTERING) or not isinstance(name, str):
            return None
        kinds = {"dataframe": "DataFrame", "series": "Series", "index": "Index"}
        return f"pandas.{kinds.get(origin.split('_')[-2], 'DataFrame')}.{name}"

    def registered(self, decorator: ast.expr, name: str, value: Value) -> None:
        """A class or a function called *name* may be registered with a library, by which others find it."""
        if isinstance(decorator, ast.Call):
            path = self.accessor_path(self.origin_of(decorator.func) or "", Arguments([], node=decorator))
        else:
            path = _METHODS.get(self.origin_of(decorator) or "")
            path = path and f"{path}.{name}"
        if path:
            self.patch(path, value)

    def kept_open(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST) -> None:
        """A method of KEEPING_OPEN is called: outside of a ``with``, what *receiver* replaces stays so for a while."""
        things = self.heap.things
        if name == "start":
            makers = (things[number].maker or "" for number in receiver)
            if any(maker.startswith(("unittest.mock.patch", "mock.patch")) for maker in makers):
                message = "The cell starts a patch of unittest.mock, whose effect ends with the step."
                self.state.sink.note("LL303", message, node)
            return
        managers = arguments.all if name == "enter_context" else receiver
        if name in ("close", "pop_all", "__exit__"):
            stacks = {number for number in receiver if things[number].maker == "contextlib.ExitStack"}
            managers |= self.heap.reach(frozenset(stacks))
        for number in sorted(self.heap.only(managers, None)):
            if (stream := _REDIRECTS.get(things[number].maker or "")) is not None:
                self.patch(stream, frozenset(things[number].holds))

    def begin_step(self) -> None:
        """Another step begins: libraries may call what the notebook has put into them, which then reads its globals."""
        self.read_here.clear()  # so that the names are read
        for number in sorted(self.kept):
            self.mentioned(number)
        for path in dict.fromkeys(path for paths in self.patched.values() for path in paths):
            value = self.state.peek(f"{hidden_state.PATCH}{path}")
            for number in sorted(self.heap.reach(value or NOTHING) & self.heap.functions):
                self.mentioned(number)
