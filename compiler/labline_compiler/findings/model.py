"""What a rule, a finding and an edit of a notebook are."""

from __future__ import annotations

from typing import Literal

from labline_runtime.dataclass import dataclass

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Rule:
    """A kind of finding. ``explanation`` says why it matters and ``fix`` what to do, in the user's words.

    ``bad`` and ``good`` are notebooks in the percent format: one that breaks the rule, and one that does not.
    """

    code: str
    name: str
    severity: Severity
    explanation: str
    fix: str
    bad: str = ""
    good: str = ""


@dataclass(frozen=True)
class TextEdit:
    """Put *new* where *old* stands. Lines and columns count from 1, columns in characters; the end is exclusive."""

    cell_id: str
    line: int
    column: int
    end_line: int
    end_column: int
    old: str
    new: str


@dataclass(frozen=True)
class TagEdit:
    """Take one tag off a cell, put one on it, or put one in another's place."""

    cell_id: str
    remove: str | None = None
    add: str | None = None


@dataclass(frozen=True)
class MetadataEdit:
    """Give an entry of the notebook's metadata another name, or take it away (``rename`` is None)."""

    path: tuple[str, ...]
    rename: str | None = None


@dataclass(frozen=True)
class Edit:
    """Changes that belong together. ``title`` says what they do, as a button does."""

    title: str
    texts: tuple[TextEdit, ...] = ()
    tags: tuple[TagEdit, ...] = ()
    metadata: tuple[MetadataEdit, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One rule broken at one place.

    Lines and columns count from 1 in the cell's source, columns in characters; ``end_column`` is exclusive. ``fix``
    says what to do, and ``edit``, where there is one, does it: it is safe, and applied the finding is gone.
    """

    code: str
    severity: Severity
    message: str
    cell_index: int | None = None
    cell_id: str | None = None
    line: int | None = None
    column: int | None = None
    step: str | None = None
    fix: str | None = None
    end_line: int | None = None
    end_column: int | None = None
    edit: Edit | None = None
