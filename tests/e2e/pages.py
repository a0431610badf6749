"""What a user does in the browser, in the user's words."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, TimeoutError, expect

from . import window
from .lab import LabServer

SLOW = 60_000  # milliseconds; starting JupyterLab, and a step's process on a busy machine


def write_notebook(path: Path, cells: Sequence[str | tuple[str, list[str]]]) -> Path:
    """A notebook of code cells, each a source or a source with its tags."""
    pairs = [(cell, []) if isinstance(cell, str) else cell for cell in cells]
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": uuid.uuid4().hex[:8],
                "metadata": {"tags": tags} if tags else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for source, tags in pairs
        ],
    }
    path.write_text(json.dumps(document))
    return path


def waits_for(name: str) -> str:
    """Source of a cell that says so and goes on once the file *name* exists beside the notebook."""
    say = "import pathlib, time\nprint('waiting', flush=True)"
    return f"{say}\nwhile not pathlib.Path({name!r}).exists(): time.sleep(0.05)"


def choose_command(page: Page, words: str, command: str) -> None:
    """Choose a command from the palette, by the keyboard.

    The palette goes when something else takes the focus, as a notebook does that is still becoming ready: it is then
    opened once more.
    """
    asked = page.locator(".lm-CommandPalette-input:visible")
    shown = page.locator(f"[data-command='{command}']:visible").first
    for last in (False, False, False, True):
        page.keyboard.press("Control+Shift+C")
        with contextlib.nullcontext() if last else contextlib.suppress(AssertionError, TimeoutError):
            expect(asked).to_be_focused(timeout=10_000)  # typed into a notebook, words would be its shortcuts
            asked.fill(words, timeout=10_000)
            expect(shown).to_be_visible(timeout=10_000)
            asked.press("Enter", timeout=10_000)
            return


class NotebookPage:
    """One notebook, in JupyterLab or in Notebook 7, with the pipeline panel beside it."""

    def __init__(self, page: Page, server: LabServer, name: str, *, notebook7: bool = False) -> None:
        self.page = page
        self.server = server
        self.name = name
        if notebook7 or not window.open_in(page, name):
            where = f"notebooks/{name}?" if notebook7 else f"lab/tree/{name}?reset&"
            page.goto(f"{server.url}{where}token={server.token}")
        self.wait()

    def wait(self) -> None:
        """Until the notebook stands there with its chips, and its kernel no longer takes the focus away."""
        expect(self.page.locator("[data-labline-chip]").first).to_be_visible(timeout=SLOW)
        expect(self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible(timeout=SLOW)

    def chip(self, cell: int) -> Locator:
        """The chip of the code cell number *cell*, from 0."""
        return self.page.locator(".jp-CodeCell").nth(cell).locator("[data-labline-chip]")

    def tag(self, cell: int, step: str) -> None:
        """Click the chip, type a name, press Enter."""
        self.chip(cell).get_by_role("button", name="Edit step").click()
        expect(self.page.locator("[data-labline-step-input]")).to_be_focused()
        self.page.keyboard.type(step)
        self.page.keyboard.press("Enter")
        expect(self.chip(cell)).to_contain_text(step)

    def open_panel(self) -> None:
        """Show the pipeline panel."""
        if not self.page.locator("[data-labline-action=run]").is_visible():
            self.page.locator("[data-labline-action=show-pipeline]").click()
        expect(self.page.locator("[data-labline-action=run]")).to_be_visible()

    def node(self, step: str) -> Locator:
        """The step's node in the panel's graph."""
        return self.page.locator(f"#labline-pipeline [data-labline-node='{step}']")

    def expect_state(self, step: str, state: str) -> None:
        """Wait until the step's node shows *state*."""
        expect(self.node(step)).to_have_attribute("data-labline-state", state, timeout=SLOW)

    def expect_foreseen(self, summary: str, **outcomes: str) -> None:
        """Wait until the panel foresees this of the next run, and of its steps."""
        expect(self.page.locator("#labline-pipeline [data-labline-forecast=current]")).to_contain_text(
            summary, timeout=SLOW
        )
        for step, outcome in outcomes.items():
            expect(self.node(step)).to_have_attribute("data-labline-outcome", outcome)

    def run(self) -> None:
        """Press Run."""
        button = self.page.locator("[data-labline-action=run]")
        expect(button).to_be_enabled(timeout=SLOW)
        button.click()

    def save(self) -> dict[str, Any]:
        """Save, and read what is on the disk then."""
        path = self.server.work / self.name
        before = path.read_bytes()
        self.page.keyboard.press("Control+s")
        for _ in range(200):
            if (after := path.read_bytes()) not in (before, b""):
                with contextlib.suppress(ValueError):  # half written
                    return json.loads(after)
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{self.name} was not saved")

    def open_run(self) -> RunPage:
        """Open the last run of this notebook from the panel."""
        self.page.locator("#labline-pipeline [data-labline-action=open-run]").click()
        return RunPage(self.page)


class RunPage:
    """A run in the main area."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.view = page.locator(".labline-Run").last
        expect(self.view).to_be_visible()

    def choose(self, step: str, tab: str) -> None:
        """Look at one side of one step."""
        self.view.locator(f"[data-labline-node='{step}']").click()
        self.view.locator(f"[data-labline-step='{step}']").wait_for()
        self.view.locator(f"[data-labline-tab='{tab}']").click()

    def expect_state(self, state: str) -> None:
        """Wait until the run is in *state*."""
        expect(self.view).to_have_attribute("data-labline-state", state, timeout=SLOW)
