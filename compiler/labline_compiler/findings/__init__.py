"""Coded diagnostics. One rule is one entry of the table of its family, one module a family (``LL1xx`` is ``cells``).

``python -m labline_compiler.findings`` prints the page of all rules.
"""

from __future__ import annotations

from labline_compiler.findings.model import Edit, Finding, MetadataEdit, Rule, Severity, TagEdit, TextEdit
from labline_compiler.findings.place import Span
from labline_compiler.findings.rules import CHAPTERS, RULES, finding

__all__ = [
    "CHAPTERS",
    "RULES",
    "Edit",
    "Finding",
    "MetadataEdit",
    "Rule",
    "Severity",
    "Span",
    "TagEdit",
    "TextEdit",
    "finding",
]
