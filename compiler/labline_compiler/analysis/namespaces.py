"""Code that finds names of the notebook other than by naming them: ``globals()``, ``__main__``, texts with names."""

from __future__ import annotations

import ast
import re

from labline_compiler.analysis import scopes
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.given_names import BUILTINS
from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.plots import Plots
from labline_compiler.analysis.texts import ANY

ATTRIBUTES = frozenset(("__globals__", "f_globals", "f_locals"))  # that hold names of the notebook
MARKED = re.compile(r"@\s*([A-Za-z_]\w*)")  # a name in a text that a frame is queried with
_WORD = re.compile(r"[A-Za-z_]\w*")
_USES = frozenset(f"builtins.{name}" for name in ("getattr", "setattr", "delattr", "hasattr", "vars", "dir"))


class Namespaces(Plots):
    """What reaches the notebook's names from outside its code."""

    unseen: bool  # whether names may have been bound out of sight
    marked: dict[str, None]  # names that stand after "@" in texts of the notebook
    written_names: dict[str, None]  # names that code mentions which the notebook writes to files

    def bound_out_of_sight(self, what: str) -> None:
        """*what* may have bound any name."""
        raise NotImplementedError

    def list_names(self, how: str, node: ast.AST | None) -> None:
        """The cell lists all names that there are, by *how*."""
        raise NotImplementedError

    def everything(self, origin: str, node: ast.AST | None) -> Value:
        """All names may be read and changed, and stand for what another does. Returns all that they may stand for."""
        return self.once(("everything", origin), lambda: self._everything(origin, node))

    def _everything(self, origin: str, node: ast.AST | None) -> Value:
        name = origin.rpartition(".")[2]
        shown = name if name.startswith("%") else f"{name.removesuffix('()')}()"
        self.state.sink.note("LL204", f"The cell uses {shown}, through which any name can be read and changed.", node)
        if self.unseen:
            self._read_what_is_unseen()
        names = list(self.state.module.names)
        value = NOTHING.union(*(self.heap.mutable(self.state.look_up(each)) for each in names))
        self.state.alter(self.heap.reach(value))
        kinds = {each: self.heap.kind(held) for each, held in self.state.module.names.items()}
        self.state.bind_inside([each for each in names if kinds[each] not in ("module", "library")], value)
        self.bound_out_of_sight(name)
        return value

    def _read_what_is_unseen(self) -> None:
        """Names that nothing in sight binds may be there: those of functions and of code written to files."""
        functions = [self.heap.things[number].function for number in sorted(self.heap.functions)]
        mentioned = {name for each in functions if each is not None for name in scopes.free_names(each.node)}
        self.state.forgiving += 1
        for name in sorted((mentioned | self.written_names.keys()) - self.state.module.names.keys() - BUILTINS):
            if self.state.global_value(name) is None:
                self.unbound(name)
        self.state.forgiving -= 1

    def unbound(self, name: str) -> Value:
        """The value of a name that the notebook does not bind."""
        raise NotImplementedError

    def main_attribute(self, origin: str, arguments: Arguments, node: ast.AST) -> Value | None:
        """``getattr(__main__, name)`` and the like; None for other calls that are handed the module."""
        if origin not in _USES:
            return None
        if origin == "builtins.setattr" and isinstance(name := arguments.constant(1), str):
            self.state.bind_global(name, arguments.all, inside=True)
        found = self.everything("builtins.globals", node)
        return found | self.heap.make(self.site(node), None, found)

    def run_mentioned(self, call: ast.Call, origin: str) -> None:
        """Do what code may do that *call* is handed as texts: anything with what it names, or with all names."""
        given = [*call.args, *(word.value for word in call.keywords)]
        texts = [self.text(each) for each in given if not isinstance(each, ast.Starred)]
        if not origin.startswith("timeit.") and any(text is None or ANY in text for text in texts[:1]):
            self.everything(origin, call)
        names = {name for text in texts if text is not None for name in _WORD.findall(text)}
        self.worst(NOTHING.union(*(self._global(name) for name in sorted(names))), Arguments([]), call)

    def run_definitions(self) -> None:
        """The notebook's classes and functions are looked for by name, and called."""
        self.callbacks(Arguments([self.read_definitions()]))

    def read_annotations(self, value: Value) -> None:
        """Read the names of the notebook that stand in texts among the annotations of classes and functions."""
        for number in sorted(self.heap.reach(value)):
            thing = self.heap.things[number]
            info = thing.klass or thing.function
            for node in ast.walk(info.node) if info is not None else ():
                annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
                for each in ast.walk(annotation) if isinstance(annotation, ast.AST) else ():
                    if isinstance(each, ast.Constant) and isinstance(each.value, str):
                        for name in sorted(set(_WORD.findall(each.value))):
                            self._global(name)

    def _global(self, name: str) -> Value:
        """What a variable of the notebook stands for, which is read; nothing where there is none of that name."""
        return (self.state.global_value(name) or NOTHING) if name in self.state.module.names else NOTHING

    def read_expression(self, arguments: Arguments, *, marked: bool) -> Value:
        """Read the names in a text that is evaluated where it is handed over; *marked*: those after ``@`` only.

        Where the text is not known, the marked names of all texts are read that the notebook has spelled out so far.
        """
        call, pattern, found = arguments.node, MARKED if marked else _WORD, NOTHING
        given = [*call.args, *(word.value for word in call.keywords)] if call is not None else []
        texts = [self.text(each) for each in given if not isinstance(each, ast.Starred)]
        names = {name for text in texts if text is not None for name in pattern.findall(text)}
        if not names and (not given or texts[0] is None or ANY in texts[0]):
            names |= self.marked.keys()
        for name in sorted(names):
            if self.state.peek(name) is not None:
                found |= self.state.lookup(name) or NOTHING
        self.callbacks(Arguments([found]))
        return self.heap.only(found, "pandas", "numpy", "data", None)

    def read_definitions(self) -> Value:
        """Read the names of the notebook's classes and functions, by which pickles know them, and return these."""
        things, found = self.heap.things, NOTHING
        for name, value in list(self.state.module.names.items()):
            kinds = {things[number].kind for number in value if things[number].origin is None}
            if kinds & {"class", "function", "library"}:  # a named tuple is of the last kind
                found |= self.state.global_value(name) or NOTHING
        return found
