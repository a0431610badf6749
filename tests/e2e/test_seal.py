"""A notebook is verified in the Lab, and its run carries a seal, which opens to what was found."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .accessibility import violations
from .lab import LabServer
from .pages import SLOW, NotebookPage, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.long]


def test_a_notebook_is_verified_by_keyboard_and_what_differs_is_shown(lab: LabServer, page: Page) -> None:
    steps = {
        "one": "import os\nos.mkdir('out')\nfirst = os.getpid()",
        "two": "same = os.getpid() == first",
        "three": "print(same)",
    }
    write_notebook(lab.work / "process.ipynb", [(source, [f"step:{name}"]) for name, source in steps.items()])
    notebook = NotebookPage(page, lab, "process.ipynb")
    page.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+Shift+V")
    panel = page.locator("#labline-pipeline [data-labline-verdict]")
    expect(panel).to_contain_text("Differs from the notebook", timeout=2 * SLOW)
    assert not (lab.work / "out").exists()

    run = notebook.open_run()
    row = run.view.locator("[data-labline-exception='same']").first
    expect(row).to_contain_text("different")
    expect(row.locator("dd")).to_have_text(["True", "False"])
    expect(run.view.get_by_label("two hands same on: different")).to_be_visible()
    expect(run.view.get_by_label("Cell 3, three: different")).to_be_visible()
    assert violations(page, ".labline-Run", "#labline-pipeline") == []
    seal = run.view.get_by_role("button", name="Differs from the notebook")
    expect(seal).to_have_attribute("aria-expanded", "true")
    seal.focus()
    page.keyboard.press("Enter")
    expect(row).to_be_hidden()
    run.view.get_by_role("button", name="All runs").click()
    listed = page.locator(".labline-RunList [data-labline-run]").first
    expect(listed.get_by_role("img", name="Differs from the notebook")).to_be_visible()
