"""Endpoints in the Lab: a version is deployed, tried, watched, scaled, and removed; what is copied really works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from labline_backend.endpoints.deploying import Endpoints
from labline_backend.home import Home
from labline_backend.tracking.location import Location

from ..backend.endpoints.conftest import end
from ..backend.endpoints.models import log_versions
from ..backend.stores import using
from .accessibility import violations
from .lab import LabServer
from .pages import SLOW, choose_command

pytestmark = [pytest.mark.browser, pytest.mark.long]

LOADED = 3 * SLOW  # a worker imports MLflow and loads the model
VIEW = "#labline-endpoints-view"


@pytest.fixture(scope="module")
def tide(lab: LabServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A data folder with a model whose version N answers N times the sum of a and b."""
    home = Home.open(lab.home)
    with using(Location.find(home, {}).uri):
        log_versions(Location.find(home, {}).uri)
    yield home
    with Endpoints(home) as endpoints:
        for found in endpoints.all():
            end(home, found)


def _token(home: Home) -> str:
    with Endpoints(home) as endpoints:
        return endpoints.token("tide")


def test_a_version_is_deployed_tried_watched_scaled_and_removed(tide: Home, lab: LabServer, page: Page) -> None:
    page.goto(f"{lab.url}lab?reset&token={lab.token}")
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=SLOW)
    choose_command(page, "Show Endpoints", "labline:open-endpoints")
    expect(page.get_by_text("Nothing is deployed yet")).to_be_visible(timeout=SLOW)
    assert violations(page, VIEW) == []

    view = _deployed(page)
    assert violations(page, VIEW) == []
    _is_tried(view, page)
    _is_copied(view, _token(tide))
    _is_watched(view)
    _stays_while_hidden(view, page)
    view.locator("[data-labline-option=which-log]").select_option("access")
    expect(view.locator("[data-labline-log]")).to_contain_text('"path":"/invocations"', timeout=SLOW)
    view.locator("[data-labline-option=which-log]").select_option("own")
    assert violations(page, VIEW) == []

    view.locator("[data-labline-option=workers]").fill("2")
    page.keyboard.press("Enter")
    expect(view.locator("[data-labline-action=scale]")).to_be_disabled(timeout=SLOW)
    expect(view.locator("[data-labline-log]")).to_contain_text("serves tide/2", timeout=SLOW)

    view.locator("[data-labline-action=back]").click()
    row = page.locator("[data-labline-endpoint=tide]")
    expect(row).to_contain_text("ready", timeout=SLOW)
    expect(row).to_contain_text("tide 2 100 %")
    row.locator("[data-labline-action=open-endpoint]").click()
    view.locator("[data-labline-action=remove-endpoint]").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nothing is deployed yet")).to_be_visible(timeout=LOADED)


def _deployed(page: Page) -> Locator:
    """Version 2 of the model, by the form of the Models page."""
    page.locator(f"{VIEW} [data-labline-action=open-models]").click()
    page.locator("[data-labline-model=tide] [data-labline-action=open-model]").click(timeout=2 * SLOW)
    page.get_by_role("button", name="Deploy version 2").click(timeout=SLOW)
    form = page.locator("[data-labline-deployment='2']")
    expect(form.locator("[data-labline-option=endpoint]")).to_have_value("tide")
    form.locator("[data-labline-option=share]").fill("200")
    expect(form.locator("[data-labline-action=confirm-deployment]")).to_be_disabled()
    form.locator("[data-labline-option=share]").fill("30")
    expect(form.locator("[data-labline-option=rest]")).to_be_visible()
    assert violations(page, "[data-labline-deployment='2']") == []
    form.locator("[data-labline-option=share]").fill("100")
    form.locator("summary").click()
    form.locator("[data-labline-option=onnx]").fill("1")
    expect(form.locator("[data-labline-fault=onnx]")).to_have_text("0 to 0.1")
    expect(form.locator("[data-labline-action=confirm-deployment]")).to_be_disabled()
    form.locator("[data-labline-option=onnx]").fill("0")
    form.locator("[data-labline-option=grpc]").select_option("on")
    form.locator("[data-labline-option=accessLog]").select_option("on")
    assert violations(page, "[data-labline-deployment='2']") == []
    form.locator("[data-labline-action=confirm-deployment]").click()
    view = page.locator("[data-labline-endpoint-page=tide]")
    expect(view.locator("[data-labline-endpoint-state=ready]")).to_be_visible(timeout=LOADED)
    expect(view.locator("[data-labline-served='2']")).to_contain_text("100 %")
    expect(view.locator("[data-labline-place=grpc]")).to_have_text(re.compile(r"127\.0\.0\.1:\d+"))
    return view


def _is_tried(view: Locator, page: Page) -> None:
    """By the form, with the keyboard, and by JSON that is wrong."""
    expect(view.locator("[data-labline-column=a]")).not_to_have_value("", timeout=SLOW)
    view.locator("[data-labline-column=a]").fill("1.5")
    view.locator("[data-labline-column=b]").fill("2")
    page.keyboard.press("Enter")
    expect(view.locator("[data-labline-answer='200']")).to_contain_text("Answered by version 2 in", timeout=SLOW)
    answer = view.locator("[data-labline-prediction]").inner_text()
    assert json.loads(answer) == {"predictions": [7.0]}

    view.locator("[data-labline-column=a]").fill("many")
    page.keyboard.press("Enter")
    expect(view.locator("[data-labline-answer='400']")).to_be_visible(timeout=SLOW)
    expect(view.get_by_role("alert")).to_contain_text("column 'a'")
    view.locator("[data-labline-column=a]").fill("1.5")


def _is_copied(view: Locator, token: str) -> None:
    """The snippets, run as they stand."""
    view.locator(".labline-Snippets > summary").click()
    for language, command in (("curl", ["sh", "-c"]), ("python", [sys.executable, "-c"])):
        view.locator(f"[data-labline-action=snippet-{language}]").click()
        snippet = view.locator(f"[data-labline-snippet={language}]").inner_text()
        assert token not in snippet
        ended = subprocess.run(
            [*command, snippet],
            env={**os.environ, "LABLINE_TOKEN": token},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert json.loads(ended.stdout.replace("'", '"')) == {"predictions": [7.0]}
    view.locator("[data-labline-action=copy-snippet]").click()
    expect(view.locator(".labline-Snippets [role=status]")).to_have_text("The request is copied.")


def _is_watched(view: Locator) -> None:
    """What was asked stands in the charts and in their table."""
    line = view.locator("[data-labline-chart=rate] [data-labline-line='0']")
    expect(line).to_be_attached(timeout=SLOW)
    view.locator(".labline-Traffic-table > summary").click()
    expect(view.locator(".labline-Traffic-table tbody tr").first).to_contain_text("/s", timeout=SLOW)


def _stays_while_hidden(view: Locator, page: Page) -> None:
    """What was typed and answered is there again after a look at something else."""
    view.locator("[data-labline-column=a]").fill("2.5")
    page.locator(".lm-TabBar-tab:has-text('Models')").click()
    expect(view).to_be_hidden()
    page.locator(".lm-TabBar-tab:has-text('Endpoints')").click()
    expect(view.locator("[data-labline-column=a]")).to_have_value("2.5")
