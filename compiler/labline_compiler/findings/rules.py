"""All rules, and findings made from them."""

from __future__ import annotations

from labline_compiler.findings import cells, dataflow, environment, file, hidden_state, modelling, targets, values
from labline_compiler.findings.model import Edit, Finding, Rule
from labline_compiler.findings.place import Span

# In the order of their codes: a family's title and its rules.
CHAPTERS: dict[str, tuple[Rule, ...]] = {
    family.TITLE: family.RULES
    for family in (file, cells, dataflow, hidden_state, values, environment, targets, modelling)
}

RULES: dict[str, Rule] = {rule.code: rule for rules in CHAPTERS.values() for rule in rules}


def finding(
    code: str,
    message: str,
    *,
    cell: tuple[int, str] | None = None,
    line: int | None = None,
    column: int | None = None,
    step: str | None = None,
    fix: str | None = None,
    span: Span | None = None,
    edit: Edit | None = None,
) -> Finding:
    """A finding of the rule *code*. *cell* is the cell's index and id; without *fix* the rule's own is given.

    *span* is the place in the cell; *line* and *column* stand for it where that is all that is known.
    """
    rule = RULES[code]
    index, identifier = cell if cell is not None else (None, None)
    if span is None:
        span = Span(line, column) if line is not None else None
    return Finding(
        code,
        rule.severity,
        message,
        index,
        identifier,
        None if span is None else span.line,
        None if span is None else span.column,
        step,
        fix or rule.fix,
        None if span is None else span.end_line,
        None if span is None else span.end_column,
        edit,
    )
