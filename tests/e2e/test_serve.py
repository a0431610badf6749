"""A prediction in a cell becomes a model with its feature code, by a button, or is refused with its cell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from labline_backend.endpoints.deploying import Endpoints
from labline_backend.home import Home

from ..backend.api.test_packages import houses
from .accessibility import violations
from .lab import LabServer
from .pages import SLOW, NotebookPage, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.long]

PACKAGED = 10 * SLOW  # four processes, three of which import MLflow
CELLS = [
    ("import pandas as pd\nhouses = pd.read_csv('houses.csv')", ["step:load"]),
    (
        "from sklearn.linear_model import LinearRegression\nX = houses[['size', 'rooms']]\n"
        "model = LinearRegression().fit(X, houses['price'])",
        ["step:train"],
    ),
    ("p = model.predict(X)", ["step:predict"]),
    ("q = model.predict(X.shift(1).fillna(0))", ["step:shifted"]),
]
DIALOG = ".jp-Dialog-content"


def test_a_notebook_that_has_not_run_is_run_first_and_then_made_a_model(lab: LabServer, page: Page) -> None:
    houses(lab.work)
    write_notebook(lab.work / "fresh.ipynb", CELLS[:3])
    notebook = NotebookPage(page, lab, "fresh.ipynb")
    notebook.open_panel()
    notebook.chip(2).locator("[data-labline-action=serve-prediction]").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Make the model").click()
    told = page.locator("[data-labline-packaging=refused]")
    expect(told.get_by_role("alert")).to_contain_text("no run of it has succeeded here", timeout=PACKAGED)
    assert violations(page, DIALOG) == []
    told.locator("[data-labline-action=run-first]").click()
    told = page.locator("[data-labline-packaging=registered]")
    expect(told).to_contain_text("Registered fresh/1", timeout=PACKAGED)


@pytest.fixture
def notebook(lab: LabServer, page: Page) -> Iterator[NotebookPage]:
    """A notebook that has run."""
    houses(lab.work)
    write_notebook(lab.work / "houses.ipynb", CELLS)
    notebook = NotebookPage(page, lab, "houses.ipynb")
    notebook.open_panel()
    expect(page.locator("[data-labline-action=run]")).to_be_enabled(timeout=SLOW)
    notebook.run()
    expect(page.locator(".labline-LastRun")).to_have_attribute("data-labline-state", "succeeded", timeout=3 * SLOW)
    yield notebook
    with Endpoints(Home.open(lab.home)) as endpoints:
        for found in endpoints.all():  # the server would start anew what is only killed
            endpoints.remove(found.endpoint.name)


def test_a_prediction_is_made_a_model_and_deployed_and_one_that_cannot_be_names_its_cell(
    notebook: NotebookPage, page: Page
) -> None:
    expect(notebook.chip(1).locator("[data-labline-action=serve-prediction]")).to_be_hidden()
    notebook.chip(3).locator("[data-labline-action=serve-prediction]").click()
    name = page.locator(f"{DIALOG} [data-labline-option=name]")
    expect(name).to_have_value("houses")
    name.fill("a/b")
    page.locator(".jp-Dialog").get_by_role("button", name="Make the model").click()
    expect(page.locator(f"{DIALOG} [data-labline-fault=name]")).to_be_visible()
    page.locator(f"{DIALOG} [data-labline-option=name]").fill("houses")
    assert violations(page, DIALOG) == []
    page.locator(".jp-Dialog").get_by_role("button", name="Make the model").click()
    told = page.locator("[data-labline-packaging=refused]")
    expect(told).to_be_visible(timeout=PACKAGED)
    expect(told.get_by_role("alert")).to_contain_text("ell 4, line 1")
    assert violations(page, DIALOG) == []
    told.locator("[data-labline-action=show-cell]").click()

    notebook.chip(2).locator("[data-labline-action=serve-prediction]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"{DIALOG} [data-labline-option=name]")).to_have_value("houses")
    page.locator(".jp-Dialog").get_by_role("button", name="Make the model").click()
    told = page.locator("[data-labline-packaging=registered]")
    expect(told).to_be_visible(timeout=PACKAGED)
    expect(told).to_contain_text("Registered houses/1: model.predict(X) of cell 3")
    expect(told).to_contain_text("Tried with 40 rows")
    assert violations(page, DIALOG) == []
    told.locator("[data-labline-action=deploy-packaged]").click()
    expect(page.locator("[data-labline-endpoint-page=houses]")).to_be_visible(timeout=SLOW)
    expect(page.locator("[data-labline-log]")).to_contain_text("serves houses/1", timeout=PACKAGED)
