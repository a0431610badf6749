"""Coded diagnostics. One rule is one entry of the table of its family, one module a family (``LL1xx`` is ``cells``).

``python -m labline_compiler.findings`` prints the page of all rules.
"""

from __future__ import annotations

from labline_compiler.findings.model import Finding, Rule, Severity
from labline_compiler.findings.rules import CHAPTERS, RULES, finding

__all__ = ["CHAPTERS", "RULES", "Finding", "Rule", "Severity", "finding"]
