"""What of a slice the features do not need: columns that are made in vain, and columns of the input.

A column's use is judged by what becomes of the features without it, in every way that is tried, so that the answer
holds for those rows. What the code reads by its name is needed whatever comes of it.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Collection
from typing import Any

from labline_runtime.capture import Slice, function_source
from labline_runtime.values import digest


class FeaturesError(Exception):
    """The slice does not run on rows of the input; the message says where."""


class Shrinking:
    """Runs the slice as it answers requests, with less and less."""

    def __init__(self, sliced: Slice, kept: dict[str, Any], known: dict[str, Any], support: str) -> None:
        self._slice = sliced
        self._known = known
        self._support: dict[str, Any] = {"__name__": "labline_support", "ABSENT": ()}
        exec(support, self._support)  # noqa: S102 - it is ours
        self._fitted = self._support["loads"](kept)

    def pieces(self, rows: Any, removable: Collection[int]) -> list[int]:
        """The pieces among *removable* whose column the features of *rows* do not need. Raises ``FeaturesError``."""
        without: list[int] = []
        problems = {piece.number for piece in self._slice.pieces if piece.problem}
        try:
            whole = self._digest(rows, without)
        except FeaturesError:
            without = sorted(problems & set(removable))
            if not without:
                raise
            whole = self._digest(rows, without)
        for number in sorted(set(removable) - set(without), reverse=True):
            try:
                if self._digest(rows, [*without, number]) == whole:
                    without.append(number)
            except FeaturesError:
                continue
        return without

    def columns(self, rows: Any, without: Collection[int]) -> list[str]:
        """The columns of the input that the features of *rows* do not need."""
        if self._known["columns"] is None:
            return []
        try:
            whole = self._digest(rows, without)
        except FeaturesError:  # rows that the notebook leaves out may be such that nothing can be made of them
            return []
        read = self._read(without)
        absent: list[str] = []
        for name in self._known["columns"]:
            if name not in read and self._is_unused(rows, name, without, whole, absent):
                absent.append(name)
        return absent

    def _is_unused(self, rows: Any, name: str, without: Collection[int], whole: str, absent: list[str]) -> bool:
        other = rows.assign(**{name: rows[name].to_numpy()[::-1]})
        try:
            return (
                self._digest(rows, without, [*absent, name]) == whole and self._digest(other, without, absent) == whole
            )
        except FeaturesError:
            return False

    def _digest(self, rows: Any, without: Collection[int], absent: Collection[str] = ()) -> str:
        return str(digest(self.features(rows, without, absent)))

    def features(self, rows: Any, without: Collection[int], absent: Collection[str] = ()) -> Any:
        """The features of *rows*. Raises ``FeaturesError``."""
        source = function_source(self._slice, without)
        name = "<features>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        namespace = {**self._support, "ABSENT": tuple(absent)}
        # What stands in the support's own functions is theirs: they look up ABSENT there.
        self._support["ABSENT"] = tuple(absent)
        exec(compile(source, name, "exec", dont_inherit=True), namespace)  # noqa: S102 - it is the notebook's
        known = {**self._known, "absent": list(absent)}
        try:
            turns = self._support["Turns"](self._fitted)
            made = namespace["features"](self._support["input_rows"](rows, known), self._fitted, turns)
            return self._support["counted"](made, len(rows))
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            where = _place(source, error)
            raise FeaturesError(f"{where} fails as part of a model: {type(error).__name__}: {said}") from error

    def _read(self, without: Collection[int]) -> set[str]:
        """Names that the slice reads as one column or attribute."""
        found: set[str] = set()
        for node in ast.walk(ast.parse(function_source(self._slice, without))):
            match node:
                case ast.Subscript(slice=ast.Constant(value=str(name)), ctx=ast.Load()):
                    found.add(name)
                case ast.Attribute(attr=name, ctx=ast.Load()):
                    found.add(name)
        return found


def _place(source: str, error: BaseException) -> str:
    """Which cell of the notebook *error* arose in."""
    lines, trace, number = source.splitlines(), error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<features>":
            number = trace.tb_lineno
        trace = trace.tb_next
    for line in reversed(lines[:number]):
        if line.strip().startswith("# cell "):
            return line.strip()[2:].capitalize()
    return "The slice"
