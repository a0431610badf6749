"""``python -m tests.bench.many_steps [STEPS] [fan|chain]``: a notebook of many steps in a real JupyterLab.

Told are the seconds until something is seen, the CPU seconds of the page's main thread meanwhile, and how long the page
was kept from answering: the sum of its long tasks (those above 50 ms, as browsers count them), and the longest. What is
blocked grows with what else the machine does; CPU time hardly does.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from ..e2e.browser import launch
from ..e2e.lab import LabServer
from ..e2e.pages import NotebookPage, write_notebook

LONG = 300_000  # milliseconds
WATCH = """() => {
  window.lablineTasks = [];
  new PerformanceObserver(list => {
    window.lablineTasks.push(...list.getEntries().map(({ duration }) => duration));
  }).observe({ type: 'longtask', buffered: true });
}"""


def fan(steps: int) -> list[tuple[str, list[str]]]:
    """One value that all steps but the first read, and a step that joins what they make."""
    middle = [(f"y_{i} = x + {i}", [f"step:work_{i}"]) for i in range(steps - 2)]
    names = ", ".join(f"y_{i}" for i in range(steps - 2))
    return [("x = 1", ["step:load"]), *middle, (f"print(sum([{names}]))", ["step:join"])]


def chain(steps: int) -> list[tuple[str, list[str]]]:
    """Every step reads what the one above it made."""
    rest = [(f"y_{i} = y_{i - 1} + 1", [f"step:link_{i}"]) for i in range(1, steps)]
    return [("y_0 = 1", ["step:link_0"]), *rest]


SHAPES: dict[str, Callable[[int], list[tuple[str, list[str]]]]] = {"fan": fan, "chain": chain}


def measure(page: Page, server: LabServer, name: str, *, run: bool = True) -> dict[str, dict[str, float]]:
    """By what is done: seconds, the page's long tasks in all and the longest of them, and its heap in MB."""
    told: dict[str, dict[str, float]] = {}
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable", {"timeDomain": "threadTicks"})

    def used() -> float:
        metrics = {entry["name"]: entry["value"] for entry in browser.send("Performance.getMetrics")["metrics"]}
        return float(metrics["TaskDuration"])

    def stage(what: str, act: Callable[[], None]) -> None:
        page.evaluate("window.lablineTasks.length = 0")
        start, before = time.monotonic(), used()
        act()
        seconds, cpu = time.monotonic() - start, used() - before
        page.wait_for_timeout(300)  # entries are told late
        tasks: list[float] = page.evaluate("window.lablineTasks.splice(0)")
        heap: Any = page.evaluate("performance.memory.usedJSHeapSize")
        told[what] = {
            "seconds": round(seconds, 2),
            "cpu": round(cpu, 2),
            "blocked": round(sum(tasks) / 1000, 2),
            "longest": round(max(tasks, default=0) / 1000, 2),
            "heap": round(heap / 1e6),
        }
        print(f"{what:28} {json.dumps(told[what])}", flush=True)

    page.add_init_script(f"({WATCH})()")
    start = time.monotonic()
    NotebookPage(page, server, name)
    print(f"the notebook is open after   {time.monotonic() - start:.2f} s", flush=True)
    panel = page.locator("#labline-pipeline")
    forecast = panel.locator("[data-labline-forecast=current]")

    def show() -> None:
        page.locator("[data-labline-action=show-pipeline]").click()
        expect(panel.locator("[data-labline-node]").first).to_be_visible(timeout=LONG)

    def foresee() -> None:
        expect(forecast).to_contain_text("steps", timeout=LONG)

    def type_in() -> None:
        page.keyboard.type("z = 1\n")
        expect(panel.locator("[data-labline-forecast=stale]")).to_have_count(1, timeout=LONG)
        foresee()

    def run_all() -> None:
        panel.locator("[data-labline-action=run]").click()
        expect(panel.locator(".labline-LastRun")).to_have_attribute("data-labline-state", "succeeded", timeout=LONG)

    def open_run() -> None:
        panel.locator("[data-labline-action=open-run]").click()
        expect(page.locator(".labline-Run [data-labline-node]").first).to_be_visible(timeout=LONG)

    stage("graph shown", show)
    stage("foreseen", foresee)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+Home")
    page.wait_for_timeout(1000)
    stage("a line typed, till foreseen", type_in)
    if run:
        stage("run", run_all)
        stage("nothing, after the run", lambda: page.wait_for_timeout(3000))
        stage("run page shown", open_run)
    return told


def main() -> None:
    """Measure one shape and number of steps."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    shape = sys.argv[2] if len(sys.argv) > 2 else "fan"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        server = LabServer(Path(folder))
        server.start()
        try:
            write_notebook(server.work / "many.ipynb", SHAPES[shape](steps))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(LONG)
            print(f"{steps} steps, {shape}", flush=True)
            measure(page, server, "many.ipynb")
        finally:
            server.stop()
            browser.close()


if __name__ == "__main__":
    main()
