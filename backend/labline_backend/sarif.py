"""Findings as SARIF 2.1.0, which code hosts and editors show beside the lines.

A place is given twice: in the notebook's file, as a code host shows it, and as a cell with the line in it, as a
person sees it.
"""

from __future__ import annotations

import functools
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from labline_backend._version import __version__
from labline_compiler.edits import apply, fits
from labline_compiler.findings import RULES
from labline_compiler.json_text import Node, locate, rewrite
from labline_compiler.notebook import percent_chunks
from labline_compiler.percent_text import rewrite_percent

if TYPE_CHECKING:
    from labline_compiler.findings import Finding

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_CHARACTER = re.compile(r"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|\\u\w{4}|\\.|.", re.DOTALL)


def render(
    path: PurePath, findings: Sequence[Finding], text: str | None, document: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The SARIF log. *text* is the file's and *document* the notebook; None where it could not be read."""
    codes = sorted({found.code for found in findings})
    file = _File(path, text, document)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": "Labline", "version": __version__, "rules": [_rule(code) for code in codes]}
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(found, codes, file) for found in findings],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    rule = RULES[code]
    return {
        "id": code,
        "name": rule.name.title().replace(" ", ""),
        "shortDescription": {"text": rule.name},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(found: Finding, codes: list[str], file: _File) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": file.uri}, **file.region(found)},
    }
    if found.cell_index is not None:
        name = f"cell {found.cell_index + 1}" + (f", line {found.line}" if found.line else "")
        location["logicalLocations"] = [{"name": name, "fullyQualifiedName": f"cells/{found.cell_id}"}]
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": codes.index(found.code),
        "level": _LEVELS[found.severity],
        "message": {"text": f"{found.message} {found.fix or ''}".strip()},
        "locations": [location],
    }
    if change := file.change(found):
        result["fixes"] = [
            {
                "description": {"text": found.edit.title if found.edit else ""},
                "artifactChanges": [{"artifactLocation": {"uri": file.uri}, "replacements": [change]}],
            }
        ]
    return result


class _File:
    """The notebook's file, in which places are looked up."""

    def __init__(self, path: PurePath, text: str | None, document: Mapping[str, Any] | None) -> None:
        self.uri = path.as_uri() if path.is_absolute() else urllib.parse.quote(path.as_posix())
        self.text = text
        self.document = document
        self.script = path.suffix == ".py"
        self.tree = functools.cache(lambda: locate(text or ""))

    def region(self, found: Finding) -> dict[str, Any]:
        """Where the finding stands in the file: its first line and column, and the end where that is known."""
        if self.text is None or self.document is None:
            return {"region": {"startLine": found.line}} if found.line and found.cell_index is None else {}
        if found.cell_index is None:
            return {"region": {"startLine": 1}}
        start = self._place(found.cell_index, found.line, found.column)
        region = {"startLine": start[0], "startColumn": start[1]}
        if found.line and found.end_line and found.end_column:
            region["endLine"], region["endColumn"] = self._place(found.cell_index, found.end_line, found.end_column)
        return {"region": region}

    def change(self, found: Finding) -> dict[str, Any] | None:
        """The finding's edit as one replacement in the file's text."""
        if self.text is None or self.document is None or found.edit is None or not fits(self.document, found.edit):
            return None
        document = apply(self.document, found.edit)
        after = rewrite_percent(self.text, document) if self.script else rewrite(self.text, document)
        before, count = self.text, min(len(self.text), len(after))
        head = next((i for i in range(count) if before[i] != after[i]), count)
        tail = next((i for i in range(count - head) if before[-1 - i] != after[-1 - i]), count - head)
        return {
            "deletedRegion": {"charOffset": head, "charLength": len(before) - tail - head},
            "insertedContent": {"text": after[head : len(after) - tail]},
        }

    def _place(self, cell: int, line: int | None, column: int | None) -> tuple[int, int]:
        """Line and column in the file of a line and column in a cell; of the cell's head where there is no line."""
        text = self.text or ""
        if self.script:
            chunk = percent_chunks(text.splitlines())[cell]
            return (chunk.header_line + 1 + (line or 0), column or 1) if line else (max(chunk.header_line, 0) + 1, 1)
        node = self.tree().members["cells"].items[cell]
        offset = node.start if line is None else self._offset(node.members["source"], line, column or 1)
        return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1

    def _offset(self, source: Node, line: int, column: int) -> int:
        """The offset in the file of a character of a cell's source."""
        pieces = source.items or [source]
        whole = "".join(piece.value for piece in pieces).split("\n")
        left = sum(len(above) + 1 for above in whole[: line - 1]) + column - 1
        for piece in pieces:
            if left < len(piece.value) or piece is pieces[-1]:
                raw = (self.text or "")[piece.start + 1 : piece.end - 1]
                return piece.start + 1 + sum(len(match[0]) for match in _first(raw, left))
            left -= len(piece.value)
        return source.start


def _first(raw: str, count: int) -> list[re.Match[str]]:
    return [match for _, match in zip(range(count), _CHARACTER.finditer(raw), strict=False)]
