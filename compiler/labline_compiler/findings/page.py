"""The page of all rules in the users' documentation, written from the rules."""

from __future__ import annotations

from labline_compiler.compile import compile_notebook
from labline_compiler.findings.model import Rule
from labline_compiler.findings.rules import CHAPTERS
from labline_compiler.notebook import parse


def render_markdown() -> str:
    """The page, as Markdown."""
    lines = [
        "# Findings",
        "",
        "Labline tells what it finds in a notebook with a code, a place and a way out. An *error* keeps the "
        "notebook from being",
        "compiled or the run from going on, a *warning* does not, and an *info* explains a decision.",
        "",
        "`labline check NOTEBOOK` prints them. Where a fix is safe, `labline check --fix` and a button in the Lab make",
        "it.",
        "Examples are in the percent format, in which `# %%` begins a cell.",
    ]
    for title, rules in CHAPTERS.items():
        lines += ["", f"## {title}"]
        for rule in rules:
            lines += [
                "",
                f"### {rule.code}: {rule.name}",
                "",
                f"*{rule.severity}*",
                "",
                rule.explanation,
                "",
                f"**What to do:** {rule.fix}",
            ]
            if _fixable(rule):
                lines += ["", "`labline check --fix` can do it."]
            if rule.bad and rule.good:
                lines += ["", "```ipython", rule.bad.rstrip(), "```", "", "Better:"]
                lines += ["", "```ipython", rule.good.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _fixable(rule: Rule) -> bool:
    """Whether there is an edit for the rule's own bad example."""
    if not rule.bad:
        return False
    found = compile_notebook(parse(rule.bad, "example.py")).findings
    return any(one.edit is not None for one in found if one.code == rule.code)
