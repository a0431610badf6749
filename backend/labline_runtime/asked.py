"""What code asks the system for without the interpreter telling: facts of files, and variables of the environment.

Opening a file raises an audit event (:mod:`~labline_runtime.files`); whether it is there, how big it is and when it
was changed can be asked without one. So while a step's cells run, the few functions that everything else of the
standard library asks through (``os.path``, ``pathlib``, ``glob``, ``os.getenv``) pass by here. Only what the notebook's
own code asks counts; libraries look at much that has no effect on what they compute.

Libraries that open files in C (Arrow, HDF5, OpenCV) tell nobody. A file may have been read by one where the step's
cells name it, by a text or a variable that holds one, or where a library that the notebook calls has looked at it.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from labline_runtime import environ, files, library

_FUNCTIONS = ("stat", "lstat", "access", "readlink")
_STANDARD = library.folder(str(Path(os.__file__).parent))
_RUNTIME = library.folder(str(Path(__file__).parent))
_TEXT = re.compile(r"""(['"])((?:(?!\1)[^\\\n])+)\1""")
_NAME = re.compile(r"[^\W\d]\w*")
_PATHS = (type(Path()), str)
_NEAR = 4
_TEXTS = 200  # of a cell, that are looked at
_LENGTH = 300
# Libraries that read the environment for who calls them.
_SERVANTS = tuple(f"{os.sep}{name}{os.sep}" for name in ("decouple", "dotenv", "environs", "pydantic_settings"))
_LOOKS = frozenset(["access", "exists", "is_dir", "is_file", "is_symlink", "isdir", "isfile", "islink", "lexists"])
_MAKERS = frozenset(["Path", "PurePath", "fspath", "join", "str"])
_TIMES = frozenset(("getatime", "getctime", "getmtime"))


class _Told:
    """A function of ``os`` that tells what it is asked. It passes for the function itself, and is stored as that."""

    def __init__(self, name: str) -> None:
        self.function: Callable[..., Any] = getattr(os, name)
        self.__name__ = self.__qualname__ = name
        self.__doc__ = self.function.__doc__

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if not options.get("dir_fd"):  # else what the path is below is not known
            _note(arguments[0] if arguments else options.get("path"), sys._getframe(1))
        return self.function(*arguments, **options)

    def __eq__(self, other: object) -> bool:
        return other is self or other is self.function  # os.stat in os.supports_fd

    def __hash__(self) -> int:
        return hash(self.function)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return getattr, (os, self.__name__)


class Watch:
    """Has the step's file *watch* told from its making until :meth:`stop`."""

    def __init__(self, watch: files.Watch) -> None:
        self._watch = watch
        self._told = {name: _Told(name) for name in _FUNCTIONS}
        self._variables: Any = type(os.environ)
        getitem, through = self._given = (self._variables.__getitem__, self._variables.__iter__)
        began_with = environ.present()

        def note(name: str) -> None:
            if name not in watch.asked and _is_asked_by_notebook(sys._getframe(2)):
                watch.asked[name] = environ.known_by(name, began_with)

        def told(variables: Any, name: Any) -> Any:
            text = os.fsdecode(name) if isinstance(name, str | bytes) else None
            if text and environ.counts(text) and text not in watch.variables:  # what the notebook has set is its own
                note(text)
            return getitem(variables, name)

        def gone_through(variables: Any) -> Any:
            note(environ.NAMES)
            return through(variables)

        for name, each in self._told.items():
            setattr(os, name, each)
        self._read_by(told, gone_through)

    def stop(self) -> None:
        """Put back what there was, unless the notebook has put something else there."""
        for name, each in self._told.items():
            if vars(os).get(name) is each:
                setattr(os, name, each.function)
        self._read_by(*self._given)

    def named_by(self, sources: Iterable[str], namespace: Mapping[str, Any]) -> None:
        """Have the watch know the files that cells with these *sources* name, in so many words or by a variable."""
        for source in sources:
            texts, names = _named(source)
            texts |= {str(value) for name in names if type(value := namespace.get(name)) in _PATHS}
            for text in sorted(texts)[:_TEXTS]:
                if len(text) <= _LENGTH and _is_file(text):
                    self._watch.note(text, "named")

    def _read_by(self, getitem: Callable[..., Any], through: Callable[..., Any]) -> None:
        self._variables.__getitem__ = getitem
        self._variables.__iter__ = through


def _note(path: Any, frame: types.FrameType) -> None:
    watch = files.present()
    if watch is None or watch.blind is not None:  # of what is not used again, nobody need know what it looked at
        return
    try:
        asked = (path, *_nearest(frame))
        if asked in watch.looked:
            return
        if _is_asked_by_notebook(frame):
            watch.note(path, "facts" if _asks_for_all(frame) else "look")
        elif _is_asked_for_notebook(frame):
            watch.note(path, "named")
        else:
            return
        if not _is_standard(asked[-1].co_filename):  # else who asks is further up
            watch.looked.add(asked)
    except Exception:  # as for a path that is none, which the function itself will say
        return


def _nearest(frame: types.FrameType) -> tuple[types.CodeType, ...]:
    """The code that asks, up to the first that is not the standard library's, or four of them."""
    found = [frame.f_code]
    above = frame.f_back
    while above is not None and len(found) < _NEAR and _is_standard(found[-1].co_filename):
        found.append(above.f_code)
        above = above.f_back
    return tuple(found)


def _is_asked_by_notebook(frame: types.FrameType | None) -> bool:
    """Whether the notebook's code asks, by the standard library or by what is made to read settings."""
    mine = library.folders()
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((*mine, "<frozen ")):
            return True
        if not _is_standard(name) and not any(servant in name for servant in _SERVANTS):
            return False
        frame = frame.f_back
    return False


def _is_asked_for_notebook(frame: types.FrameType | None) -> bool:
    """Whether a library asks that the notebook's code has called."""
    mine = library.folders()
    while frame is not None and not frame.f_code.co_filename.startswith(_RUNTIME):
        if not frame.f_code.co_filename.startswith((*mine, "<frozen ")):
            return True
        frame = frame.f_back
    return False


@functools.lru_cache(maxsize=256)  # asked when the cells begin and when they have ended
def _named(source: str) -> tuple[set[str], set[str]]:
    """The texts that code does something with, and the names; what is only set down for later is no use of it."""
    tree = None
    if "\\" not in source:  # of some, the interpreter would warn once more
        with contextlib.suppress(SyntaxError, ValueError, MemoryError, RecursionError):
            tree = ast.parse(source)
    if tree is None:  # such as a line of IPython's
        return {match[2] for match in _TEXT.finditer(source)}, set(_NAME.findall(source))
    texts, names = set[str](), set[str]()
    given = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    ahead: list[ast.AST] = [tree]
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_set_down(node, given):
            continue
        if isinstance(node, ast.Call) and (looked_at := _looked_at(node)) is not None and _is_path(looked_at):
            continue
        if isinstance(node, ast.Constant):
            texts.add(os.fsdecode(node.value) if isinstance(node.value, str | bytes) else "")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.add(node.id)
        ahead += ast.iter_child_nodes(node)
    return texts, names


def _is_set_down(node: ast.Assign | ast.AnnAssign, given: list[str]) -> bool:
    """Whether a variable is but given what it then holds for good, so that its uses tell what is done with that."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if any(isinstance(each, ast.Name) and given.count(each.id) > 1 for each in targets):
        return False
    is_path = node.value is not None and _is_path(node.value) and all(isinstance(each, ast.Name) for each in targets)
    return is_path or _is_literal(node.value)


def _looked_at(call: ast.Call) -> ast.expr | None:
    """The path of which a call asks but whether it is there, and what."""
    function = call.func
    if isinstance(function, ast.Name):
        return call.args[0] if function.id in _LOOKS and call.args else None
    if not isinstance(function, ast.Attribute) or function.attr not in _LOOKS:
        return None
    return call.args[0] if call.args else function.value


def _is_path(node: ast.AST) -> bool:
    """Whether code makes but a path, of texts and variables."""
    if isinstance(node, ast.Call):
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
        return called in _MAKERS and not node.keywords and all(map(_is_path, node.args))
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Div) and _is_path(node.left) and _is_path(node.right)
    return isinstance(node, ast.Constant | ast.Name)


def _is_literal(node: ast.AST | None) -> bool:
    kinds = (ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Set, ast.Load)
    return node is not None and all(isinstance(each, kinds) for each in ast.walk(node))


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


@functools.lru_cache(maxsize=1024)
def _is_standard(file: str) -> bool:
    return file.startswith((_STANDARD, "<frozen ")) and "site-packages" not in file


def _asks_for_all(frame: types.FrameType | None) -> bool:
    """Whether it matters when a file was changed, and how big it is, to whoever asks."""
    while frame is not None and frame.f_code.co_name in ("stat", "lstat") and "pathlib" in frame.f_code.co_filename:
        frame = frame.f_back
    if frame is None:
        return False
    name, file = frame.f_code.co_name, frame.f_code.co_filename
    return name in _TIMES or name == "getsize" or not _is_standard(file)
