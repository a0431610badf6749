"""What axe-core, run in the real page, has to say about Labline's own parts of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Outputs are JupyterLab's. What scrolls takes the focus without help in today's browsers.
NOT_OURS = {"scrollable-region-focusable": {"enabled": False}}
AT_REST = """() => {
    const ending = document.getAnimations().filter(a => a.effect.getComputedTiming().endTime < 5000);
    return Promise.allSettled(ending.map(a => a.finished)).then(() => null);
}"""


def violations(page: Page, *selectors: str) -> list[str]:
    """A line for each element below one of *selectors* that breaks a rule: the rule, the element, what is wrong.

    Animations end first: a colour on its way to another is neither.
    """
    for selector in selectors:
        page.locator(selector).first.wait_for()
    page.evaluate(AT_REST)
    if not page.evaluate("() => 'axe' in window"):
        page.add_script_tag(path=AXE)
    found: dict[str, Any] = page.evaluate(
        "([include, values, rules]) =>"
        " axe.run({include}, {runOnly: {type: 'tag', values}, rules, resultTypes: ['violations']})",
        [list(selectors), TAGS, NOT_OURS],
    )
    return [
        f"{rule['id']}: {node['html'][:200]}: {' '.join(node['failureSummary'].split())}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
