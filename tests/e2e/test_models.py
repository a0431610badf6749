"""Registered models in the Lab: a gate is set, a version promoted, refused, forced, and rolled back."""

from __future__ import annotations

import warnings

import pytest
from playwright.sync_api import Locator, Page, expect

from labline_backend.home import Home
from labline_backend.tracking.location import Location

from .accessibility import violations
from .lab import LabServer
from .pages import SLOW, choose_command

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def model(lab: LabServer) -> str:
    """A model whose second version is worse."""
    from mlflow import MlflowClient

    location = Location.find(Home.open(lab.home), {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = MlflowClient(location.uri)
        client.create_registered_model("delays", description="Late by a quarter of an hour or more.")
        for auc, rmse in ((0.9, 2.0), (0.8, 1.5)):
            run = client.create_run("0", tags={"labline.run": "brave-otter", "labline.step": "train"}).info
            client.log_metric(run.run_id, "auc", auc)
            client.log_metric(run.run_id, "rmse", rmse)
            client.create_model_version("delays", f"{run.artifact_uri}/model", run.run_id)
    return "delays"


@pytest.fixture
def view(model: str, lab: LabServer, page: Page) -> Locator:
    """The model's page, opened by keyboard."""
    page.goto(f"{lab.url}lab?reset&token={lab.token}")
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=SLOW)
    choose_command(page, "Show Models", "labline:open-models")
    link = page.locator(f"[data-labline-model='{model}'] [data-labline-action=open-model]")
    expect(link).to_be_visible(timeout=2 * SLOW)
    assert violations(page, "#labline-models-view") == []
    link.focus()
    page.keyboard.press("Enter")
    view = page.locator(f"[data-labline-model-page='{model}']")
    expect(view.locator("[data-labline-version='2']")).to_be_visible(timeout=SLOW)
    return view


def test_a_version_is_promoted_refused_forced_and_rolled_back(view: Locator, page: Page) -> None:
    view.locator("[data-labline-gate]").fill("auc >> 0.85")
    view.locator("[data-labline-action=save-gate]").click()
    expect(view.locator("form").get_by_role("alert")).to_contain_text("'auc >> 0.85' is no condition", timeout=SLOW)
    expect(view.locator("[data-labline-gate]")).to_have_attribute("aria-invalid", "true")
    assert violations(page, "#labline-models-view") == []
    view.locator("[data-labline-gate]").fill("auc >= 0.85\nrmse <= champion")
    view.locator("[data-labline-action=save-gate]").click()
    expect(view.locator("[data-labline-action=save-gate]")).to_be_disabled(timeout=SLOW)
    expect(view.get_by_role("alert")).to_have_count(0)

    _promote(view, "1").locator("[data-labline-action=confirm-promotion]").click()
    expect(view.locator("h1 + [data-labline-alias=champion]")).to_have_text("@champion 1", timeout=SLOW)

    form = _promote(view, "2")
    expect(form.locator("[data-labline-passed=false]")).to_contain_text("0.8 is not >= 0.85")
    confirm = form.locator("[data-labline-action=confirm-promotion]")
    expect(confirm).to_be_disabled()
    assert violations(page, "#labline-models-view") == []
    form.locator("[data-labline-option=reason]").fill("the first one is down")
    confirm.click()
    expect(view.locator("h1 + [data-labline-alias=champion]")).to_have_text("@champion 2", timeout=SLOW)
    expect(view.locator("[data-labline-move=promotion]").first).to_contain_text("in spite of auc >= 0.85")

    view.get_by_role("button", name="Roll back to 1").click()
    expect(view.get_by_role("status")).to_have_text("Version 1 is @champion again.", timeout=SLOW)
    expect(view.locator("[data-labline-version='1'] [data-labline-alias=champion]")).to_be_visible()


def _promote(view: Locator, version: str) -> Locator:
    view.get_by_role("button", name=f"Promote version {version}").click()
    form = view.locator(f"[data-labline-promotion='{version}']")
    expect(form.locator("tbody tr").first).to_be_visible(timeout=SLOW)
    return form
