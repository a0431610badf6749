"""From the click on Run in JupyterLab to the first output of the first step, whose parent is warm.

Every stage is told in seconds since the click. The same cell, run in the notebook's own kernel, is the reference: it is
what a user is used to, and as slow as the machine is busy.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from ..e2e.browser import launch
from ..e2e.lab import LabServer
from ..e2e.pages import SLOW, NotebookPage, write_notebook

NAME = "lab_first_output"
TITLE = "JupyterLab: from the click on Run to the first output of the first step"
REFERENCE = "the cell in the notebook's kernel"
ROUNDS = 10
CELL = "import time\nprint('printed at', time.time())"

# Seconds since the epoch, as steps tell them. What the panel shows is noted as soon as it stands on the page.
WATCH = """() => {
  const now = () => (performance.timeOrigin + performance.now()) / 1000;
  window.lablineBench = {};
  document.addEventListener('click', event => {
    if (event.target.closest('[data-labline-action=run]')) {
      window.lablineBench = { click: now() };
    }
  }, true);
  document.addEventListener('keydown', event => {
    if (event.key === 'Enter' && event.shiftKey) {
      window.lablineBench = { click: now() };
    }
  }, true);
  new MutationObserver(() => {
    const run = document.querySelector('.labline-LastRun')?.dataset.lablineRun;
    const state = document.querySelector('#labline-pipeline [data-labline-node=say]')?.dataset.lablineState;
    window.lablineBench[`${run} ${state}`] ??= now();
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""
REQUEST = """() => {
  const runs = performance.getEntriesByType('resource').filter(entry => /api\\/v1\\/runs\\?/.test(entry.name));
  const last = runs.filter(entry => entry.initiatorType === 'fetch').pop();
  const at = time => (performance.timeOrigin + time) / 1000;
  return { sent: at(last.startTime), answered: at(last.responseEnd) };
}"""


def measure() -> dict[str, list[float]]:
    """Seconds since the click, by stage; run and kernel take turns."""
    samples: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        server = LabServer(Path(folder))
        server.start()
        try:
            write_notebook(server.work / "say.ipynb", [(CELL, ["step:say"]), ("print('more')", ["step:more"])])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            notebook = NotebookPage(page, server, "say.ipynb")
            notebook.open_panel()
            page.locator("[data-labline-action=cache]").uncheck()
            page.evaluate(WATCH)
            for turn in range(ROUNDS + 1):
                stages = {**_run(page, server, notebook), REFERENCE: _cell(page)}
                for stage, seconds in stages.items() if turn else ():  # the first one warms everything
                    samples[stage].append(seconds)
        finally:
            server.stop()
            browser.close()
    return samples


def _run(page: Page, server: LabServer, notebook: NotebookPage) -> dict[str, float]:
    before = _newest(server)
    notebook.expect_foreseen("All 2 steps will run")
    page.evaluate("performance.clearResourceTimings()")
    notebook.run()
    last = page.locator(f".labline-LastRun:not([data-labline-run='{before}'])")
    expect(last).to_have_attribute("data-labline-state", "succeeded", timeout=SLOW)
    seen, request = page.evaluate("lablineBench"), page.evaluate(REQUEST)
    run = server.get(f"labline/api/v1/runs/{last.get_attribute('data-labline-run')}")
    steps: Any = run["steps"]
    log = server.get(f"labline/api/v1/runs/{run['id']}/steps/say/log")
    times = {
        "1 the browser asks for the run": request["sent"],
        "2 the run is in the journal": run["created"],
        "3 the run is answered": request["answered"],
        "4 the step starts": steps[0]["started"],
        "5 the step prints": float(str(log["text"]).split("printed at ")[1].split()[0]),
        "6 the graph shows its end": seen[f"{run['id']} succeeded"],
    }
    return {stage: time - seen["click"] for stage, time in times.items()}


def _cell(page: Page) -> float:
    cell = page.locator(".jp-CodeCell").first
    cell.locator(".jp-InputPrompt").first.click()
    before = cell.locator(".jp-InputPrompt").first.inner_text()
    page.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-InputPrompt").first).not_to_have_text(before)
    expect(cell.locator(".jp-InputPrompt").first).not_to_have_text("[*]:")
    printed = cell.locator(".jp-OutputArea-output").last.inner_text()
    return float(printed.split("printed at ")[1]) - float(page.evaluate("lablineBench.click"))


def _newest(server: LabServer) -> str:
    runs: Any = server.get("labline/api/v1/runs?limit=1")["runs"]
    return str(runs[0]["id"]) if runs else ""
