"""LL409: what a value leaves behind when it goes to another step: its traceback, its file, its temporary folder."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from labline_compiler.analysis.operations import words
from labline_compiler.findings import Finding
from labline_compiler.lifetimes.holding import Holding
from labline_compiler.lifetimes.parts import Part, Story, calls_in, root_of, told

_MAPPING = {"numpy.memmap": 2, "numpy.lib.format.open_memmap": 1, "numpy.load": 1}  # where the mode is
_FLAGS = re.compile(r"getcontext\(\)\s*\.\s*flags\b")
_WRITING = words("fill sort partition put resize setfield byteswap flush itemset")
_WRITING_FIRST = words("numpy.copyto numpy.put numpy.place numpy.putmask numpy.fill_diagonal")
_TEMPORARY = frozenset(("tempfile.TemporaryDirectory", "tempfile.NamedTemporaryFile", "tempfile.SpooledTemporaryFile"))
_PATHS = ("os.path.", "pathlib.", "os.fspath", "builtins.str")


class _Caught(Holding):
    """Exceptions that were caught and kept."""

    what = "an exception"

    def __init__(self, story: Story) -> None:
        self._caught: list[str] = []
        super().__init__(story)

    def enter(self, handler: ast.ExceptHandler) -> None:
        self._caught.append(handler.name or "")

    def leave(self, handler: ast.ExceptHandler) -> None:
        self._caught.pop()

    def makes(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self._caught


class _Mapped(Holding):
    """Arrays mapped from a file that is written through them."""

    what = "an array mapped from a file"

    def makes(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call) or (origin := self.story.origin(node.func)) not in _MAPPING:
            return False
        place = _MAPPING[origin]
        words = {word.arg: word.value for word in node.keywords}
        mode = words.get("mmap_mode" if origin == "numpy.load" else "mode")
        if mode is None and len(node.args) > place:
            mode = node.args[place]
        if mode is None:
            return origin != "numpy.load"  # the default is to write
        return isinstance(mode, ast.Constant) and mode.value in ("r+", "w+", "readwrite", "write")


class _Temporary(Holding):
    """Paths in temporary folders, and of temporary files, that go with the object that made them."""

    what = "a path"

    def __init__(self, story: Story) -> None:
        self._owners: set[str] = set()
        super().__init__(story)

    def makes(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Attribute) or node.attr != "name":
            return False
        if isinstance(node.value, ast.Name):
            return node.value.id in self._owners
        return isinstance(node.value, ast.Call) and self._is_owner(node.value)

    def _is_owner(self, call: ast.Call) -> bool:
        kept = any(word.arg == "delete" for word in call.keywords)
        return self.story.origin(call.func) in _TEMPORARY and not kept

    def holds(self, node: ast.expr) -> bool:
        return not isinstance(node, (ast.List, ast.Dict, ast.Set, ast.Tuple)) and super().holds(node)

    def hides(self, call: ast.Call) -> bool:
        return not self.story.origin(call.func).startswith(_PATHS)

    def _bind(
        self, targets: list[ast.expr], value: ast.expr, function: frozenset[str] | None, owner: str | None
    ) -> None:
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        self._owners -= names
        if isinstance(value, ast.Call) and self._is_owner(value):
            self._owners |= names
        super()._bind(targets, value, function, owner)


def find(story: Story) -> Iterator[Finding]:
    """Where another step takes one of these and would see the difference."""
    sources = "\n".join(part.cell.source for part in story.telling)
    if "except" in sources:
        yield from _tracebacks(story)
    if "mmap" in sources or "memmap" in sources:
        yield from _written(story)
    if "getcontext" in sources:
        yield from _flags(story)
    if "tempfile" in sources or "Temporary" in sources:
        for taking in story.takings(_Temporary(story).names):
            maker = taking.made.part
            message = (
                f"Step {taking.step} (cell {taking.part.cell.number}) needs {taking.name}, a path that cell "
                f"{maker.cell.number} got from tempfile: what is there is removed when step {maker.step} ends."
            )
            fix = "Use a file in the notebook's folder, or tempfile.mkdtemp(), which nothing removes."
            yield told("LL409", message, taking.part, taking.node, fix)


def _flags(story: Story) -> Iterator[Finding]:
    for place, part in enumerate(story.parts):
        if part.step is None or not _FLAGS.search(part.cell.source):
            continue
        above = (each for each in story.parts[:place] if each.step not in (None, part.step))
        if any("ecimal" in each.cell.source for each in above):
            message = (
                f"Cell {part.cell.number} looks at the flags of the decimal context, which in step {part.step} tell of "
                "what that step has computed only."
            )
            yield told("LL409", message, part, None, "Look at the flags in the step that computes.")


def _tracebacks(story: Story) -> Iterator[Finding]:
    for taking in story.takings(_Caught(story).names):
        for part in story.parts:
            if part.step == taking.step and _looks_at_traceback(story, part):
                message = (
                    f"Step {taking.step} (cell {part.cell.number}) looks at the traceback of {taking.name}, which was "
                    f"caught in cell {taking.made.part.cell.number}: an exception comes without it."
                )
                fix = "Keep the text, traceback.format_exc(), where the exception is caught."
                yield told("LL409", message, part, None if part is not taking.part else taking.node, fix)
                break


def _looks_at_traceback(story: Story, part: Part) -> bool:
    if "__traceback__" in part.cell.source or "exc_info" in part.cell.source:
        return True
    return any(story.origin(call.func).startswith("traceback.") for call in calls_in(part.tree))


def _written(story: Story) -> Iterator[Finding]:
    for taking in story.takings(_Mapped(story).names):
        own = (part for part in story.parts if part.step == taking.step)
        altered = taking.name in story.flows.steps[taking.step].altered
        if altered and any(_writes_to(story, part.tree, taking.name) for part in own):
            message = (
                f"Step {taking.step} (cell {taking.part.cell.number}) may write to {taking.name}, which cell "
                f"{taking.made.part.cell.number} maps from a file: here it is an array of its own, so nothing of it "
                "reaches the file."
            )
            fix = "Map the file in the step that writes to it, or write the array to the file there."
            yield told("LL409", message, taking.part, taking.node, fix)


def _writes_to(story: Story, tree: ast.AST, name: str) -> bool:
    """Whether code is seen to write into what *name* stands for, or hands it to a function that may."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(ctx=ast.Store()) if root_of(node) == name:
                return True
            case ast.AugAssign(target=ast.Name(id=target)) if target == name:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=held), attr=method)) if held == name:
                if method in _WRITING:
                    return True
            case ast.Call(func=function):
                given = [word.value for word in node.keywords if word.arg == "out"]
                origin = story.origin(function)
                if origin in _WRITING_FIRST or (isinstance(function, ast.Name) and not origin):
                    given += node.args
                if any(isinstance(each, ast.Name) and each.id == name for each in given):
                    return True
    return False
