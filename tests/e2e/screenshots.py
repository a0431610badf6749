"""``python -m tests.e2e.screenshots [FOLDER]``: the pictures of the docs, taken from the real thing, light and dark."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from .browser import launch
from .lab import LabServer
from .pages import NotebookPage, write_notebook

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images"
NOTEBOOK = "flight_delays.ipynb"
MINUTES = 60_000
FAILING = "wind.ipynb"
FAILING_CELLS = [
    ("import math", ["imports"]),
    ("rows = [3.2, 1.1, 2.7]\nprint(len(rows), 'rows')", ["step:load"]),
    ("total = math.fsum(rows)\nmean = total / (len(rows) - 3)\nprint('mean', mean)", ["step:score"]),
    ("print('the mean is', round(mean, 3))", ["step:report"]),
]


def main(folder: Path) -> None:
    """Run the flights notebook in the browser and take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = launch(playwright)
        for dark in (False, True):
            server = LabServer(Path(scratch) / f"dark-{dark}", dark=dark)
            for example in ("penguins.ipynb", "digits.ipynb", NOTEBOOK):
                server.add_example(example)
            server.start()
            try:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                _take(page, server, folder, "-dark" if dark else "")
                take_failure(page, server, folder, "-dark" if dark else "")
                page.close()
            finally:
                server.stop()
        browser.close()


def _take(page: Page, server: LabServer, folder: Path, suffix: str) -> None:
    for name in ("penguins.ipynb", NOTEBOOK):
        notebook = NotebookPage(page, server, name)
        notebook.open_panel()
        notebook.run()
        if name == NOTEBOOK:
            notebook.expect_state("train_boosting", "running")
            # Its heading, chip and code, and those of the step that runs beside it.
            cell = page.locator(".jp-CodeCell:has([data-labline-chip][data-labline-step=train_logistic])")
            cell.evaluate("cell => cell.scrollIntoView({block: 'center'})")
            page.wait_for_timeout(1500)  # animations come to rest
            page.screenshot(path=folder / f"lab{suffix}.png")
        last = page.locator(".labline-LastRun")
        expect(last).to_have_attribute("data-labline-state", "succeeded", timeout=5 * MINUTES)
        if name != NOTEBOOK:
            take_forecast(page, notebook, folder, suffix)
    run = notebook.open_run()
    run.choose("evaluate", "cells")
    expect(run.view.locator("[data-labline-cells='evaluate'] img").first).to_be_visible()
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / f"run{suffix}.png")
    run.choose("join", "values")
    page.wait_for_timeout(500)
    page.screenshot(path=folder / f"values{suffix}.png")
    page.locator(".labline-Run [data-labline-action=back]").click()
    page.wait_for_timeout(500)
    page.screenshot(path=folder / f"runs{suffix}.png")


def take_forecast(page: Page, notebook: NotebookPage, folder: Path, suffix: str) -> None:
    """A cell of the penguins is edited after a run: what the next run will do."""
    notebook.expect_foreseen("Nothing to run")
    cell = page.locator(".jp-CodeCell").nth(2)
    cell.scroll_into_view_if_needed()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nmeasured.describe()")
    notebook.expect_foreseen("1 of 6 steps will run", clean="runs", load="cached")
    notebook.node("explore").click()
    page.wait_for_timeout(1000)
    box = page.locator("#labline-pipeline").bounding_box()
    assert box is not None
    clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": 690}
    page.screenshot(path=folder / f"forecast{suffix}.png", clip=clip)


def take_failure(page: Page, server: LabServer, folder: Path, suffix: str) -> None:
    """A step fails; the notebook is opened there, and the same run goes on mended."""
    write_notebook(server.work / FAILING, FAILING_CELLS)
    notebook = NotebookPage(page, server, FAILING)
    notebook.open_panel()
    notebook.run()
    notebook.expect_state("score", "failed")
    cell = page.locator(".jp-CodeCell").nth(2)
    cell.locator("[data-labline-action=open-at-failure]").click()
    expect(page.get_by_text("Step score failed here").first).to_be_visible(timeout=MINUTES)
    page.wait_for_timeout(1000)
    page.screenshot(path=folder / f"debug{suffix}.png")
    run = notebook.open_run()
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / f"debug-run{suffix}.png")
    page.locator(f".jp-Document[aria-label], .lm-TabBar-tab:has-text('{FAILING}')").first.click()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type(FAILING_CELLS[2][0].replace("len(rows) - 3", "len(rows)"))
    cell.locator("[data-labline-cell-error] [data-labline-action=resume]").click()
    expect(page.locator(".labline-LastRun")).to_have_attribute("data-labline-state", "succeeded", timeout=MINUTES)
    run = notebook.open_run()
    run.expect_state("succeeded")
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / f"resumed{suffix}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
