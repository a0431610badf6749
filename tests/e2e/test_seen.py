"""A guard stops a run: one click runs again with what was seen, and the panel tells what the pipeline reckons with."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .lab import LabServer
from .pages import SLOW, NotebookPage, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.long]


def test_a_run_that_a_guard_stopped_is_run_again_with_what_was_seen(lab: LabServer, page: Page) -> None:
    write_notebook(
        lab.work / "seen.ipynb",
        [
            ("n = 1", ["step:make"]),
            ("import operator, sys\nsetattr(operator.getitem(sys.modules, '__main__'), 'n', 2)", ["step:alter"]),
            ("print('n is', n)", ["step:show"]),
        ],
    )
    notebook = NotebookPage(page, lab, "seen.ipynb")
    notebook.open_panel()
    notebook.run()
    notebook.expect_state("alter", "failed")
    seen = page.locator("[data-labline-seen='LL222']")
    expect(seen).to_contain_text("Step alter bound n")
    again = seen.locator("[data-labline-action=run-again]")
    expect(again).to_be_enabled(timeout=SLOW)
    again.click()
    notebook.expect_state("show", "succeeded")
    facts = page.locator("#labline-pipeline [data-labline-section=observed]")
    expect(facts).to_contain_text("Step alter binds n.")
    facts.locator("summary").click()
    page.locator("[data-labline-action=observed]").click()
    expect(facts).not_to_contain_text("Step alter binds n.")
