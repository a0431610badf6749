"""Names, roles, order and contrast of what Labline shows, in both themes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from .accessibility import violations
from .lab import LabServer
from .pages import SLOW, NotebookPage, write_notebook
from .window import choose_theme

pytestmark = [pytest.mark.browser, pytest.mark.long]

CELLS = [
    ("size = 3", ["parameters"]),
    ("import random\nrandom.seed(size)\nrows = [random.random()]\nexec('more = ' + str(size))", ["step:load"]),
    ("total = sum(rows) / (len(rows) - 1) + random.random()", ["step:score"]),
    ("print(total)", ["step:report"]),
]


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, lab: LabServer, page: Page) -> Iterator[NotebookPage]:
    """A notebook with a finding, its panel beside it, in a theme."""
    write_notebook(lab.work / "seen.ipynb", CELLS)
    notebook = NotebookPage(page, lab, "seen.ipynb")
    choose_theme(page, dark=request.param == "dark")
    notebook.open_panel()
    yield notebook
    choose_theme(page, dark=False)


def test_a_pipeline_its_options_its_failure_and_its_runs_break_no_rule(themed: NotebookPage) -> None:
    page = themed.page
    themed.node("load").click()
    assert violations(page, "#labline-pipeline", "[data-labline-chip]", "[data-labline-cell-findings]") == []

    page.locator("[data-labline-action=step-options]").click()
    assert violations(page, ".jp-Dialog-content") == []
    page.keyboard.press("Escape")

    themed.run()
    themed.expect_state("score", "failed")
    assert violations(page, "#labline-pipeline", "[data-labline-cell-error]") == []

    run = themed.open_run()
    for tab in ("log", "cells", "values"):
        run.choose("load", tab)
        assert violations(page, ".labline-Run") == []
    page.locator(".labline-Run [data-labline-action=back]").click()
    assert violations(page, ".labline-Runs") == []


def test_a_schedule_and_a_run_again_break_no_rule(themed: NotebookPage) -> None:
    page = themed.page
    expect(page.locator("[data-labline-action=run-menu]")).to_be_enabled(timeout=SLOW)
    page.locator("[data-labline-action=run-menu]").click()
    page.locator(".lm-Menu-item[data-command='labline:run-on-schedule']").click()
    expect(page.locator(".labline-Foreseen-reading")).to_be_visible(timeout=SLOW)
    assert violations(page, ".jp-Dialog-content") == []
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.get_by_role("button", name="Show").click()
    row = page.locator("[data-labline-recurring=seen]")
    expect(row).to_be_visible(timeout=SLOW)
    try:
        assert violations(page, ".labline-Runs") == []
    finally:
        row.get_by_role("button", name="Remove seen").click()
        page.locator(".jp-Dialog .jp-mod-warn").click()
        expect(row).to_have_count(0)

    page.locator(".lm-TabBar-tab:has-text('seen.ipynb')").first.click()
    themed.run()
    themed.expect_state("score", "failed")
    themed.open_run()
    page.locator(".labline-Run [data-labline-action=run-again-with]").click()
    assert violations(page, ".jp-Dialog-content") == []
