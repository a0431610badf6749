"""``python -m tests.e2e.screenshots [FOLDER]``: the pictures of the docs, taken from the real thing.

Into another folder than that of the docs they come in both themes, to be looked at.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

from labline_backend.endpoints.deploying import Endpoints
from labline_backend.home import Home
from labline_backend.kubeflow.targets import Target, Targets
from tests.backend.kubeflow.gateway import Site, Ways

from .browser import launch
from .lab import LabServer
from .pages import NotebookPage, write_notebook

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images"
FLIGHTS = "flight_delays.ipynb"
PENGUINS = "penguins.ipynb"
UNTAGGED = "untagged.ipynb"
MINUTES = 60_000
COLOURS = 256  # enough for pages of a user interface, at a third of the size
EXACT = 160  # of them, the most frequent: what is one colour on the page stays that colour
WIDTH, HEIGHT = 1440, 900
ROOM = 8  # around parts that do not have any of their own
ASKED_SECONDS = 75
FAILING = "wind.ipynb"
FAILING_CELLS = [
    ("import math", ["imports"]),
    ("rows = [3.2, 1.1, 2.7]\nprint(len(rows), 'rows')", ["step:load"]),
    ("total = math.fsum(rows)\nmean = total / (len(rows) - 3)\nprint('mean', mean)", ["step:score"]),
    ("print('the mean is', round(mean, 3))", ["step:report"]),
]


@dataclass(frozen=True)
class Camera:
    """Takes pictures of *page* into *folder*, named by the theme."""

    page: Page
    server: LabServer
    folder: Path
    suffix: str

    def take(self, name: str, *parts: Locator, height: float | None = None, room: float = 0) -> None:
        """A picture of the window, or of what *parts* span with *room* around it, cut at *height*."""
        self.page.mouse.move(0, HEIGHT - 1)
        self.page.wait_for_timeout(1500)  # animations come to rest
        path = self.folder / f"{name}{self.suffix}.png"
        if parts:
            boxes = [box for part in parts if (box := part.bounding_box()) is not None]
            left = max(0, min(box["x"] for box in boxes) - room)
            top = max(0, min(box["y"] for box in boxes) - room)
            right = min(WIDTH, max(box["x"] + box["width"] for box in boxes) + room)
            bottom = max(box["y"] + box["height"] for box in boxes) + room
            bottom = bottom if height is None else min(bottom, top + height)
            self.page.screenshot(path=path, clip={"x": left, "y": top, "width": right - left, "height": bottom - top})
        else:
            self.page.screenshot(path=path)
        _make_small(path)

    def open(self, notebook: str) -> NotebookPage:
        """A notebook with its panel."""
        opened = NotebookPage(self.page, self.server, notebook)
        opened.open_panel()
        return opened

    def command(self, command: str, arguments: dict[str, str] | None = None) -> None:
        """Execute one, without waiting for what it leads to."""
        self.page.evaluate(
            "([command, given]) => { void window.jupyterapp.commands.execute(command, given); }",
            [command, arguments or {}],
        )

    def dialog(self) -> Locator:
        """What a dialog shows."""
        return self.page.locator(".jp-Dialog-content")

    def close_dialog(self) -> None:
        """Leave it by the keyboard."""
        self.page.keyboard.press("Escape")
        expect(self.page.locator(".jp-Dialog")).to_have_count(0)


def _make_small(path: Path) -> None:
    with Image.open(path) as read:
        image = read.convert("RGB")
    # Pillow looks for the nearest colour among rounded ones, which makes white a grey: here it is the nearest indeed.
    pixels = np.asarray(image).reshape(-1, 3).astype(np.int32)
    colours, places, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    exact = colours[np.argsort(-counts)[:EXACT]]
    # Small spots of a colour (a step's dot, an icon) keep about theirs.
    few = image.quantize(COLOURS - EXACT, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).getpalette() or []
    palette = np.concatenate([exact, np.reshape(few, (-1, 3))])
    nearest = np.concatenate(
        [((part[:, None] - palette) ** 2).sum(axis=2).argmin(axis=1) for part in np.array_split(colours, 20)]
    )
    small = Image.fromarray(nearest[places.reshape(-1)].reshape(image.height, image.width).astype(np.uint8))
    small.putpalette(palette.astype(np.uint8).tobytes())
    small.save(path, optimize=True)


def main(folder: Path) -> None:
    """Use JupyterLab as a user does and take the pictures on the way."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = launch(playwright)
        for dark in (False,) if folder == PICTURES else (False, True):
            server = LabServer(Path(scratch) / f"dark-{dark}", dark=dark)
            for example in (PENGUINS, "digits.ipynb", FLIGHTS):
                server.add_example(example)
            _untag(server.work / PENGUINS, server.work / UNTAGGED)
            server.start()
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(MINUTES)
            try:
                camera = Camera(page, server, folder, "-dark" if dark else "")
                for scene in SCENES:
                    scene(camera)
            finally:
                page.close()
                with Endpoints(Home.open(server.home)) as endpoints:
                    for found in endpoints.all():
                        endpoints.remove(found.endpoint.name)
                server.stop()
        browser.close()


def take_tags(camera: Camera) -> None:
    """The chip of a cell, and the options of a step."""
    page = camera.page
    notebook = camera.open(PENGUINS)
    notebook.expect_foreseen("")
    cell = page.locator(".jp-CodeCell").nth(2)
    cell.evaluate("cell => cell.scrollIntoView({block: 'center'})")
    notebook.chip(2).get_by_role("button", name="Edit step").click()
    camera.take("tags", cell, page.locator(".labline-StepEditor-popup"), room=ROOM)
    page.keyboard.press("Escape")
    notebook.node("train").click()
    page.locator("[data-labline-action=step-options]").click()
    camera.take("options", camera.dialog())
    camera.close_dialog()


def take_penguins(camera: Camera) -> None:
    """A run, the forecast of the next one after an edit, and the forms of schedules and targets."""
    page = camera.page
    notebook = camera.open(PENGUINS)
    _run(notebook)
    _edit_a_cell(camera, notebook)
    camera.take("forecast", page.locator("#labline-pipeline"), height=690)
    _schedule(camera)
    _target(camera)
    _sign_in(camera)


def _edit_a_cell(camera: Camera, notebook: NotebookPage) -> None:
    page = camera.page
    notebook.expect_foreseen("Nothing to run")
    cell = page.locator(".jp-CodeCell").nth(2)
    cell.scroll_into_view_if_needed()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nmeasured.describe()")
    notebook.expect_foreseen("1 of 6 steps will run", clean="runs", load="cached")
    notebook.node("explore").click()


def _schedule(camera: Camera) -> None:
    camera.command("labline:run-on-schedule")
    expect(camera.page.locator(".labline-Foreseen-reading")).to_be_visible()
    camera.take("schedule", camera.dialog())
    camera.close_dialog()


def _target(camera: Camera) -> None:
    camera.command("labline:add-target")
    expect(camera.page.locator(".jp-Dialog [data-labline-option=name]")).to_be_visible()
    camera.take("target", camera.dialog())
    camera.close_dialog()


def _sign_in(camera: Camera) -> None:
    dex = Site()
    gateway = Site(ways=Ways(elsewhere=dex.url), dex_elsewhere=dex)
    targets = Targets(Home.open(camera.server.home))
    targets.add(Target("prod", f"{gateway.url}/pipeline", auth="cookie", secret="keyring:prod"))
    try:
        camera.command("labline:sign-in", {"target": "prod"})
        expect(camera.dialog()).to_contain_text(dex.url)
        camera.take("sign-in", camera.dialog())
        camera.close_dialog()
    finally:
        targets.remove("prod")
        gateway.close()
        dex.close()


def take_suggestion(camera: Camera) -> None:
    """Steps for a notebook that has none."""
    notebook = camera.open(UNTAGGED)
    notebook.page.locator("[data-labline-action=suggest]").click()
    expect(notebook.page.locator("[data-labline-suggestion]")).to_be_visible(timeout=MINUTES)
    camera.take("suggest", notebook.page.locator("#labline-pipeline"))


def take_seal(camera: Camera) -> None:
    """A notebook is verified, and its certificate looked at."""
    notebook = camera.open("digits.ipynb")
    button = camera.page.locator("[data-labline-action=verify]")
    expect(button).to_be_enabled()
    button.click()
    expect(camera.page.locator("#labline-pipeline .labline-SmallSeal")).to_be_visible(timeout=5 * MINUTES)
    notebook.open_run()
    expect(camera.page.locator(".labline-Certificate")).to_be_visible()
    camera.command("application:toggle-right-area")
    camera.command("application:toggle-left-area")
    camera.take("seal", camera.page.locator(".labline-Run"), height=720)
    camera.command("application:toggle-left-area")
    camera.command("application:toggle-right-area")


def take_flights(camera: Camera) -> None:
    """The big notebook while it runs, then its run: cells, values, and beside the run before."""
    page = camera.page
    notebook = camera.open(FLIGHTS)
    notebook.run()
    notebook.expect_state("train_boosting", "running")
    # Its heading, chip and code, and those of the step that runs beside it.
    cell = page.locator(".jp-CodeCell:has([data-labline-chip][data-labline-step=train_logistic])")
    cell.evaluate("cell => cell.scrollIntoView({block: 'center'})")
    camera.take("lab")
    _expect_success(page)
    page.locator("#labline-pipeline [data-labline-parameter=trees]").fill("30")  # another version of the model
    _run(notebook)
    run = notebook.open_run()
    run.choose("evaluate", "cells")
    expect(run.view.locator("[data-labline-cells='evaluate'] img").first).to_be_visible()
    camera.take("run")
    run.choose("join", "values")
    camera.take("values", run.view.locator(".labline-StepRun"), height=640, room=ROOM)
    page.locator(".labline-Run [data-labline-action=back]").click()
    for row in page.locator(".labline-RunList [data-labline-run]").all()[:2]:
        row.get_by_role("checkbox").check()
    page.locator(".labline-RunList [data-labline-action=compare]").click()
    compared = page.locator("[data-labline-compare]")
    expect(compared.locator("[data-labline-differs]").first).to_be_visible()
    camera.take("compare", compared)


def take_model(camera: Camera) -> None:
    """Its versions and its gate; then both versions answer behind one endpoint."""
    page = camera.page
    page.goto(f"{camera.server.url}lab?reset&token={camera.server.token}")
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=MINUTES)
    camera.command("labline:open-models", {"model": "flight-delays"})
    model = page.locator("[data-labline-model-page='flight-delays']")
    model.locator("[data-labline-gate]").fill("test_roc_auc >= champion - 0.005\napprovals >= 1")
    model.locator("[data-labline-action=save-gate]").click()
    _approve_and_promote(model, "1")
    model.get_by_role("button", name="Promote version 2").click()
    expect(model.locator("[data-labline-promotion='2'] [data-labline-passed]").first).to_be_visible()
    camera.take("models", page.locator("#labline-models-view"))
    model.locator("[data-labline-action=cancel-promotion]").click()
    model.get_by_role("button", name="Deploy version 2").click()
    form = model.locator("[data-labline-deployment='2']")
    form.locator("[data-labline-option=share]").fill("20")
    camera.take("deploy", form)
    form.locator("[data-labline-action=confirm-deployment]").click()
    endpoint = page.locator("[data-labline-endpoint-page='flight-delays']")
    expect(endpoint.locator("[data-labline-endpoint-state=ready]")).to_be_visible(timeout=5 * MINUTES)
    endpoint.locator("[data-labline-action=send]").click()
    expect(endpoint.locator("[data-labline-answer='200']")).to_be_visible()
    _ask(camera.server, ASKED_SECONDS)
    page.set_viewport_size({"width": WIDTH, "height": 1300})
    endpoint.locator("[data-labline-action=back]").scroll_into_view_if_needed()
    camera.take("endpoint", endpoint, height=1080)
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def _approve_and_promote(model: Locator, version: str) -> None:
    model.get_by_role("button", name=f"Approve version {version}").click()
    expect(model.get_by_role("status").first).to_contain_text("is approved")
    model.get_by_role("button", name=f"Promote version {version}").click()
    form = model.locator(f"[data-labline-promotion='{version}']")
    expect(form.locator("[data-labline-passed]").first).to_be_visible()
    form.locator("[data-labline-option=reason]").fill("the first of its kind")
    form.locator("[data-labline-action=confirm-promotion]").click()
    expect(form).to_have_count(0)


def _ask(server: LabServer, seconds: float) -> None:
    """Have the endpoint answer its own example for so long, some times a second, so that there is something to see."""
    with Endpoints(Home.open(server.home)) as endpoints:
        address = endpoints.get("flight-delays").address
        token = endpoints.token("flight-delays")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{address}{path}", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    example = json.loads(ask("/v2/models/flight-delays/versions/1/example"))
    body = json.dumps(example["body"]).encode()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ask("/invocations", body)
        time.sleep(0.1)


def take_packaging(camera: Camera) -> None:
    """A prediction of a notebook becomes a model with its feature code."""
    notebook = camera.open(PENGUINS)
    cell = camera.page.locator(".jp-CodeCell:has([data-labline-step=evaluate])").first
    cell.locator("[data-labline-action=serve-prediction]").click()
    camera.dialog().get_by_role("button", name="Make the model").click()
    ended = camera.page.locator("[data-labline-packaging=registered], [data-labline-packaging=refused]")
    expect(ended).to_be_visible(timeout=5 * MINUTES)
    camera.take("packaging", camera.dialog())
    notebook.page.keyboard.press("Escape")


def take_failure(camera: Camera) -> None:
    """A step fails; the notebook is opened there, and the same run goes on mended."""
    page = camera.page
    write_notebook(camera.server.work / FAILING, FAILING_CELLS)
    notebook = camera.open(FAILING)
    notebook.run()
    notebook.expect_state("score", "failed")
    cell = page.locator(".jp-CodeCell").nth(2)
    cell.locator("[data-labline-action=open-at-failure]").click()
    expect(page.get_by_text("Step score failed here").first).to_be_visible(timeout=MINUTES)
    camera.take("debug", page.locator("#jp-main-dock-panel"), page.locator("#labline-pipeline"), height=690)


def _run(notebook: NotebookPage) -> None:
    notebook.run()
    expect(notebook.page.locator(".labline-LastRun")).to_have_attribute("data-labline-state", "running")
    _expect_success(notebook.page)


def _expect_success(page: Page) -> None:
    expect(page.locator(".labline-LastRun")).to_have_attribute("data-labline-state", "succeeded", timeout=5 * MINUTES)


def _untag(tagged: Path, untagged: Path) -> None:
    document = json.loads(tagged.read_text())
    for cell in document["cells"]:
        cell["metadata"].pop("tags", None)
    untagged.write_text(json.dumps(document))


SCENES = (
    take_tags,
    take_penguins,
    take_suggestion,
    take_seal,
    take_flights,
    take_model,
    take_packaging,
    take_failure,
)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PICTURES)
