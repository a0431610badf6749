"""Into a failure and on: the whole story in the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .lab import LabServer
from .pages import SLOW, NotebookPage, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.long]

CELLS = [
    ("import math", ["imports"]),
    ("with open('ran', 'a') as f: f.write('load ')\nrows = [3, 1, 2]", ["step:load"]),
    ("def ratio(total, count):\n    spare = count - 3\n    return total / spare\n", ["functions"]),
    ("total = math.fsum(rows)\nresult = ratio(total, len(rows))\nprint('never')", ["step:divide"]),
    ("print('the result is', result)", ["step:report"]),
]


@pytest.fixture
def page(lone_page: Page) -> Page:
    """No test gets a page in which a kernel is still being replaced."""
    return lone_page


def test_a_failed_step_is_opened_at_the_failure_mended_and_the_same_run_goes_on(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "mended.ipynb", CELLS)
    notebook = NotebookPage(page, lab, "mended.ipynb")
    notebook.open_panel()
    notebook.run()
    notebook.expect_state("divide", "failed")
    run = page.locator(".labline-LastRun").get_attribute("data-labline-run")

    cell = page.locator(".jp-CodeCell").nth(3)
    cell.locator("[data-labline-cell-error] [data-labline-action=open-at-failure]").click()
    expect(page.get_by_text("Step divide failed here").first).to_be_visible(timeout=SLOW)
    expect(cell.locator(".jp-OutputArea")).to_contain_text("ZeroDivisionError")
    told = cell.locator("[data-labline-cell-error]")
    expect(told).to_contain_text("raised ZeroDivisionError")
    expect(told.locator(".labline-Fault-traceback")).to_be_hidden()  # the kernel's stands right above
    expect(cell.locator(".cm-content")).to_be_focused()

    # A cell below: %debug is on the frame that failed, with its variables.
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.type("%debug")
    page.keyboard.press("Control+Enter")
    output = page.locator(".jp-CodeCell").nth(4).locator(".jp-OutputArea").first
    stdin = page.locator(".jp-Stdin-input").last
    expect(stdin).to_be_visible(timeout=SLOW)
    stdin.fill("p total, spare")
    stdin.press("Enter")
    expect(output).to_contain_text("(6.0, 0)")
    stdin.fill("q")
    stdin.press("Enter")
    expect(page.locator(".jp-Stdin-input")).to_have_count(0)
    page.locator(".jp-CodeCell").nth(4).locator(".jp-InputPrompt").click()
    page.keyboard.press("d")
    page.keyboard.press("d")

    # Mended, the same run goes on; what had finished does not run again.
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("total = math.fsum(rows)\nresult = total / len(rows)")
    cell.locator("[data-labline-cell-error] [data-labline-action=resume]").click()
    notebook.expect_state("report", "succeeded")
    expect(page.locator("[data-labline-cell-error]")).to_have_count(0)
    last = page.locator(".labline-LastRun")
    expect(last).to_have_attribute("data-labline-state", "succeeded")
    expect(last).to_have_attribute("data-labline-run", run or "")
    assert (lab.work / "ran").read_text() == "load "

    opened = notebook.open_run()
    opened.expect_state("succeeded")
    expect(opened.view.locator("[data-labline-patch='divide report']")).to_contain_text("divide (it had failed)")
    opened.choose("report", "log")
    expect(opened.view.locator("[data-labline-log='report']")).to_contain_text("the result is 2.0")


def test_an_address_opens_a_failure_and_a_kernel_in_use_is_not_replaced_unasked(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "addressed.ipynb", CELLS)
    notebook = NotebookPage(page, lab, "addressed.ipynb")
    notebook.open_panel()
    notebook.run()
    notebook.expect_state("divide", "failed")
    run = page.locator(".labline-LastRun").get_attribute("data-labline-run")

    page.goto(f"{lab.url}lab/tree/addressed.ipynb?labline-debug={run}/divide&token={lab.token}")
    expect(page.get_by_text("Step divide failed here").first).to_be_visible(timeout=SLOW)
    page.locator(".jp-CodeCell [data-labline-action=open-at-failure]").click()
    page.get_by_role("button", name="Cancel").click()
    page.locator(".jp-CodeCell [data-labline-action=open-at-failure]").click()
    page.get_by_role("button", name="Start a new kernel").click()
    expect(page.get_by_text("Step divide failed here").first).to_be_visible(timeout=SLOW)


def test_a_process_that_has_stayed_is_listed_and_let_go(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "stays.ipynb", CELLS)
    notebook = NotebookPage(page, lab, "stays.ipynb")
    notebook.open_panel()
    page.locator("[data-labline-action=run-menu]").click()
    page.get_by_role("menuitem", name="Run with Options").last.click()
    page.locator("[data-labline-option=post-mortem]").check()
    page.keyboard.press("Enter")
    notebook.expect_state("divide", "failed")
    run = page.locator(".labline-LastRun").get_attribute("data-labline-run")
    page.locator("[data-labline-action=all-runs]").click()
    kept = page.locator(f"[data-labline-kept='{run}/divide']")
    expect(kept).to_contain_text("ZeroDivisionError", timeout=SLOW)
    kept.locator("[data-labline-action=release]").click()
    expect(kept).to_have_count(0)
