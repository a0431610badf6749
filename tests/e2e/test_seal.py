"""A run that was verified carries a seal, which opens to what was found."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from .lab import LabServer
from .pages import NotebookPage, write_notebook

pytestmark = pytest.mark.browser


def test_the_seal_of_a_run_opens_with_the_keyboard_to_what_differs(lab: LabServer, page: Page) -> None:
    steps = {"one": "import os\nfirst = os.getpid()", "two": "same = os.getpid() == first", "three": "print(same)"}
    write_notebook(lab.work / "process.ipynb", [(source, [f"step:{name}"]) for name, source in steps.items()])
    notebook = NotebookPage(page, lab, "process.ipynb")
    command = [sys.executable, "-m", "labline_backend", "verify", "process.ipynb", "--no-track"]
    environment = {**os.environ, "LABLINE_HOME": str(lab.home)}
    assert subprocess.run(command, cwd=lab.work, env=environment, capture_output=True, check=False).returncode == 1

    notebook.open_panel()
    run = notebook.open_run()
    seal = run.view.get_by_role("button", name="Differs from the notebook")
    expect(seal).to_have_attribute("aria-expanded", "false")
    seal.focus()
    page.keyboard.press("Enter")
    expect(seal).to_have_attribute("aria-expanded", "true")
    row = run.view.locator("[data-labline-exception='same']").first
    expect(row).to_contain_text("different")
    expect(row).to_contain_text("same: True in the notebook, False in the pipeline")
