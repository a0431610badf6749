"""Texts that code spells out, as far as they can be told without running it: the paths of files.

A text is a pattern: :data:`ANY` in it stands for a part that is not known. None: nothing is known of it, or it is no
text. A part that is not known is taken to stay below what stands before it: ``f"out/{name}.csv"`` is a file in ``out``.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable

ANY = "\0"
_FIELD = re.compile(r"\{[^{}]*\}")
_PERCENT = re.compile(r"%[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
_PATHS = frozenset(("Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"))
_SAME_FILE = frozenset(("resolve", "absolute", "as_posix", "expanduser", "__str__", "__fspath__"))
_SAME_FILE_FUNCTIONS = frozenset(
    ("builtins.str", "os.fspath", "os.path.abspath", "os.path.realpath", "os.path.normpath", "os.path.expanduser")
)
_LIMIT = 1000


class TextReader:
    """Reads texts off expressions. ``name``: the text of a name; ``origin``: what of a library an expression is."""

    def __init__(self, name: Callable[[str], str | None], origin: Callable[[ast.expr], str | None]) -> None:
        self._name = name
        self._origin = origin

    def read(self, node: ast.expr | None) -> str | None:
        """The text that *node* gives."""
        text = self._read(node) if node is not None else None
        return None if text is None or not text.strip(ANY) or len(text) > _LIMIT else text

    def _read(self, node: ast.expr) -> str | None:
        match node:
            case ast.Constant(value=str(text)):
                return text.replace(ANY, "")
            case ast.Name(id=name):
                return self._name(name)
            case ast.JoinedStr(values=parts):
                return "".join(self._part(part) for part in parts)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined(left, right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                first = self._read(left)
                return None if first is None else _join(first, self._read(right) or ANY)
            case ast.BinOp(left=left, op=ast.Mod()):
                first = self._read(left)
                return None if first is None else _PERCENT.sub(ANY, first)
            case ast.Attribute(value=value, attr="parent"):
                whole = self._read(value)
                return posixpath.dirname(whole) or "." if whole is not None and ANY not in whole else None
            case ast.Call():
                return self._call(node)
        return None

    def _part(self, part: ast.expr) -> str:
        if isinstance(part, ast.FormattedValue):
            plain = part.format_spec is None and part.conversion in (-1, ord("s"))
            if plain and isinstance(part.value, ast.Constant):
                return str(part.value.value)
            return (self._read(part.value) if plain else None) or ANY
        return self._read(part) or ""

    def _joined(self, left: ast.expr, right: ast.expr) -> str | None:
        first, second = self._read(left), self._read(right)
        return None if first is None and second is None else (first or ANY) + (second or ANY)

    def _call(self, node: ast.Call) -> str | None:
        origin = self._origin(node.func)
        if origin is not None:
            return self._function(origin, node)
        if not isinstance(node.func, ast.Attribute):
            return None
        text, name = self._read(node.func.value), node.func.attr
        if text is None:
            return None
        if name in _SAME_FILE:
            return text
        if name == "joinpath":
            return self._join_all(text, node.args)
        if name == "format":
            return _FIELD.sub(ANY, text)
        if name == "with_name":
            return _join(posixpath.dirname(text), self._first(node) or ANY)
        if name == "with_suffix":
            return posixpath.splitext(text)[0] + (self._first(node) or ANY)
        return None

    def _function(self, origin: str, node: ast.Call) -> str | None:
        name = origin.rpartition(".")[2]
        if origin == f"pathlib.{name}" and name in _PATHS:
            return self._join_all("" if node.args else ".", node.args)
        if origin == "os.path.join":
            return self._join_all("", node.args)
        if origin in _SAME_FILE_FUNCTIONS:
            return self._first(node)
        if origin == "os.path.dirname":
            text = self._first(node)
            return posixpath.dirname(text) or "." if text is not None and ANY not in text else None
        if origin in ("os.getcwd", "pathlib.Path.cwd"):
            return "."
        if origin == "pathlib.Path.home":
            return "~"
        return None

    def _first(self, node: ast.Call) -> str | None:
        return self._read(node.args[0]) if node.args else None

    def _join_all(self, text: str, parts: list[ast.expr]) -> str | None:
        if any(isinstance(part, ast.Starred) for part in parts):
            return None
        for part in parts:
            text = _join(text, self._read(part) or ANY)
        return text


def _join(first: str, second: str) -> str:
    return posixpath.join(first, second) if first else second


def may_be_equal(first: str, second: str) -> bool:
    """Whether the two patterns may stand for one text."""
    if ANY not in first:
        return _matches(second, first)
    if ANY not in second:
        return _matches(first, second)
    heads = first.partition(ANY)[0], second.partition(ANY)[0]
    tails = first.rpartition(ANY)[2], second.rpartition(ANY)[2]
    return _one_starts_other(*heads) and (tails[0].endswith(tails[1]) or tails[1].endswith(tails[0]))


def may_hold(folder: str, path: str) -> bool:
    """Whether what *path* stands for may lie in what *folder* stands for."""
    if ANY in folder:
        return _one_starts_other(folder.partition(ANY)[0], path.partition(ANY)[0])
    if folder in (".", ""):
        return not path.startswith(("/", "~", "../"))
    inside = folder.rstrip("/") + "/"
    return path.startswith(inside) or (ANY in path and inside.startswith(path.partition(ANY)[0]))


def _matches(pattern: str, text: str) -> bool:
    if ANY not in pattern:
        return pattern == text
    if not text.startswith(pattern.partition(ANY)[0]) or not text.endswith(pattern.rpartition(ANY)[2]):
        return False
    return re.fullmatch(".*".join(map(re.escape, pattern.split(ANY))), text, re.DOTALL) is not None


def _one_starts_other(first: str, second: str) -> bool:
    return first.startswith(second) or second.startswith(first)
