"""The line that a finding is about, with a mark under the place."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_compiler.findings import Finding

_WIDEST = 100  # characters of a line that are shown
_BEFORE = 40  # of these, before the place, where the line is longer


def excerpt(found: Finding, source: str) -> list[str]:
    """The lines to print: the source line, and carets under the place. Empty where the finding names no line."""
    lines = source.split("\n")
    if found.line is None or not 1 <= found.line <= len(lines):
        return []
    text = lines[found.line - 1].rstrip("\r")
    start = (found.column or 1) - 1
    end = len(text)
    if found.column is None:
        start = len(text) - len(text.lstrip())
    elif found.end_column is not None and found.end_line in (None, found.line):
        end = found.end_column - 1
    elif found.end_column is None:
        end = start + 1
    cut = max(0, start - _BEFORE) if len(text) > _WIDEST else 0
    shown, lead = text[cut : cut + _WIDEST], text[cut:start]
    marked = text[start : min(max(end, start + 1), cut + _WIDEST)]
    number = str(found.line)
    gutter = " " * len(number)
    marks = terminal.coloured(found.severity, "^" * max(1, _width(terminal.plain(marked))))
    return [
        f"{number} | {'…' if cut else ''}{terminal.plain(shown)}",
        f"{gutter} | {' ' * (_width(terminal.plain(lead)) + bool(cut))}{marks}",
    ]


def _width(text: str) -> int:
    """How many columns a terminal takes for *text*."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
