"""Cells that tell how much memory something takes, on which no two processes need agree.

Texts remember how they are encoded, indexes what was looked up in them, lists have room to grow: what a value has
gathered so is not handed on with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from labline_backend.verification.outputs import Piece
from labline_runtime.specification import CellSource

NOTE = "it tells how much memory something takes, which is not the same in every process"
_ASKING = re.compile(
    r"\b(?:memory_usage|getsizeof|asizeof|memory_info|memory_full_info|virtual_memory|get_traced_memory|ru_maxrss)\b"
)
_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_BLANK = re.compile(r"[ \t]+")


def asking(cells: Iterable[CellSource]) -> frozenset[int]:
    """The cells that ask for it, by index, and those that name a function of a cell that does."""
    sources = {cell.index: cell.source for cell in cells}
    found = {index for index, source in sources.items() if _ASKING.search(source)}
    names = {name for index in found for name in _DEFINED.findall(sources[index])}
    if names:
        named = re.compile(rf"\b(?:{'|'.join(sorted(names))})\b")
        found |= {index for index, source in sources.items() if named.search(source)}
    return frozenset(found)


def same_but_for_numbers(one: Sequence[Piece], other: Sequence[Piece]) -> bool:
    """Whether two outputs differ in nothing but numbers."""
    return [_without(piece) for piece in one] == [_without(piece) for piece in other]


def _without(piece: Piece) -> Piece:
    if piece.text is None:
        return piece
    return Piece(piece.kind, _BLANK.sub(" ", _NUMBER.sub("#", piece.text)))
