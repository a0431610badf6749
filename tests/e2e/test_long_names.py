"""Names of sixty characters and more: nothing sticks out, and what matters beside them can be read."""

from __future__ import annotations

import warnings

import pytest
from playwright.sync_api import Locator, Page, expect

from labline_backend.home import Home
from labline_backend.tracking.location import Location

from .lab import LabServer
from .overflow import sticking_out
from .pages import SLOW, NotebookPage, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.long]

LOAD = "aggregate_the_hourly_weather_observations_by_airport_and_day"
TRAIN = "train_the_gradient_boosted_regression_model_on_all_features"
PARAMETER = "maximum_number_of_iterations_before_early_stopping_is_considered"
NOTEBOOK = "Forecasting the delays of domestic flights from weather and traffic (third draft).ipynb"
MODEL = "delays_of_domestic_flights_gradient_boosted_on_weather_and_traffic"
METRIC = "mean_absolute_percentage_error_on_the_test_set_weighted_by_distance"


def test_a_pipeline_and_its_failed_run_keep_to_their_places(lab: LabServer, page: Page) -> None:
    cells = [
        (f"{PARAMETER} = 400", ["parameters"]),
        ("rows = [1, 2, 3]", [f"step:{LOAD}"]),
        (f"mean = {PARAMETER} / (len(rows) - 3)", [f"step:{TRAIN}"]),
        ("print(mean)", ["step:report"]),
    ]
    write_notebook(lab.work / NOTEBOOK, cells)
    notebook = NotebookPage(page, lab, NOTEBOOK)
    notebook.open_panel()
    notebook.node(TRAIN).click()
    _expect_room(page.locator("#labline-pipeline .labline-Graph-values dd").first)
    parameter = page.locator(f"#labline-pipeline [data-labline-parameter={PARAMETER}]")
    parameter.fill("many")
    expect(page.locator("#labline-pipeline [data-labline-reason]")).to_contain_text("has no valid value")
    assert sticking_out(page, "#labline-pipeline") == []
    parameter.fill("12")

    notebook.run()
    notebook.expect_state(TRAIN, "failed")
    assert sticking_out(page, "#labline-pipeline") == []
    assert sticking_out(page, "[data-labline-cell-error]") == []

    run = notebook.open_run()
    run.expect_state("failed")
    assert sticking_out(page, "#labline-runs-view") == []
    value = run.view.locator(f"[data-labline-fact={PARAMETER}] dd")
    expect(value).to_have_text("12")
    _expect_room(value)


def test_a_model_and_its_gate_keep_to_their_places(lab: LabServer, page: Page) -> None:
    from mlflow import MlflowClient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = MlflowClient(Location.find(Home.open(lab.home), {}).uri)
        client.create_registered_model(MODEL)
        run = client.create_run("0").info
        client.log_metric(run.run_id, METRIC, 0.1)
        client.create_model_version(MODEL, f"{run.artifact_uri}/model", run.run_id)
    page.goto(f"{lab.url}lab?reset&token={lab.token}")
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=SLOW)
    page.evaluate("() => { void window.jupyterapp.commands.execute('labline:open-models'); }")
    listed = page.locator(f"[data-labline-model={MODEL}]")
    expect(listed).to_be_visible(timeout=2 * SLOW)
    page.set_viewport_size({"width": 1000, "height": 900})
    try:
        assert sticking_out(page, "#labline-models-view") == []
        listed.locator("[data-labline-action=open-model]").click()
        view = page.locator(f"[data-labline-model-page={MODEL}]")
        view.locator("[data-labline-gate]").fill(f"{METRIC} <= 0.05")
        view.locator("[data-labline-action=save-gate]").click()
        expect(view.locator("[data-labline-action=save-gate]")).to_be_disabled(timeout=SLOW)
        view.get_by_role("button", name="Promote version 1").click()
        expect(view.locator("[data-labline-passed=false]")).to_be_visible(timeout=SLOW)
        assert sticking_out(page, "#labline-models-view") == []
    finally:
        page.set_viewport_size({"width": 1440, "height": 900})


def _expect_room(part: Locator) -> None:
    """It stands within what it is a part of, and its text within it."""
    assert part.evaluate(
        "part => part.scrollWidth <= part.clientWidth + 1 && part.clientWidth > 10 &&"
        " part.getBoundingClientRect().right <= part.parentElement.parentElement.getBoundingClientRect().right"
    )
