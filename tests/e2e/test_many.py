"""A notebook of hundreds of steps in JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .accessibility import violations
from .lab import LabServer
from .pages import SLOW, NotebookPage, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.long]

STEPS = 300


def test_of_many_steps_those_in_view_are_drawn_and_keys_reach_all_others(lab: LabServer, page: Page) -> None:
    middle = [(f"y_{i} = x + {i}", [f"step:work_{i}"]) for i in range(STEPS - 2)]
    total = "print(" + " + ".join(f"y_{i}" for i in range(STEPS - 2)) + ")"
    write_notebook(lab.work / "many.ipynb", [("x = 1", ["step:load"]), *middle, (total, ["step:join"])])
    notebook = NotebookPage(page, lab, "many.ipynb")
    notebook.open_panel()

    notebook.node("load").focus()
    nodes = page.locator("#labline-pipeline [data-labline-node]")
    expect(page.locator("#labline-pipeline [data-labline-graph]")).to_have_attribute(
        "aria-label", f"Graph of pipeline many: {STEPS} steps"
    )
    assert nodes.count() < 60
    page.keyboard.press("End")
    expect(notebook.node("join")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#labline-pipeline [data-labline-node^=work_29]:focus")).to_have_count(1)
    page.keyboard.press("Home")
    expect(notebook.node("load")).to_be_focused()
    assert violations(page, "#labline-pipeline") == []


def test_a_rank_that_is_wider_than_the_panel_can_be_read(lab: LabServer, page: Page) -> None:
    middle = [(f"y_{i} = x + {i}", [f"step:work_{i}"]) for i in range(20)]
    total = "print(" + " + ".join(f"y_{i}" for i in range(20)) + ")"
    write_notebook(lab.work / "wide.ipynb", [("x = 1", ["step:load"]), *middle, (total, ["step:join"])])
    notebook = NotebookPage(page, lab, "wide.ipynb")
    notebook.open_panel()

    expect(notebook.node("work_7")).to_be_attached(timeout=SLOW)
    drawn = notebook.node("work_7").bounding_box()
    assert drawn is not None
    assert drawn["width"] > 80
    notebook.node("join").scroll_into_view_if_needed()
    notebook.node("join").click()
    expect(page.locator("#labline-pipeline [data-labline-values=join]")).to_be_in_viewport()
    expect(notebook.node("join")).to_be_in_viewport()
