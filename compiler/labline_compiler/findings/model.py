"""What a rule and a finding are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Rule:
    """A kind of finding. ``explanation`` says why it matters and ``fix`` what to do, in the user's words."""

    code: str
    name: str
    severity: Severity
    explanation: str
    fix: str


@dataclass(frozen=True)
class Finding:
    """One rule broken at one place. ``line`` counts from 1 and ``column`` from 1 in the cell's source."""

    code: str
    severity: Severity
    message: str
    cell_index: int | None = None
    cell_id: str | None = None
    line: int | None = None
    column: int | None = None
    step: str | None = None
    fix: str | None = None
