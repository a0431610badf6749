"""The page of all rules in the users' documentation, written from the rules."""

from __future__ import annotations

from labline_compiler.findings.rules import CHAPTERS


def render_markdown() -> str:
    """The page, as Markdown."""
    lines = [
        "# Findings",
        "",
        "Labline tells what it finds in a notebook with a code, a place and a way out. An *error* keeps the "
        "notebook from being",
        "compiled or the run from going on, a *warning* does not, and an *info* explains a decision.",
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
            if rule.bad and rule.good:
                lines += ["", "```python", rule.bad.rstrip(), "```", "", "Better:"]
                lines += ["", "```python", rule.good.rstrip(), "```"]
    return "\n".join(lines) + "\n"
