"""A target that wants a sign-in: asked for where it is needed, and what was asked for goes on after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from labline_backend.home import Home
from labline_backend.kubeflow.targets import Target, Targets
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.gateway import PASSWORD, USER, Site, Ways
from tests.backend.kubeflow.running import Runner

from .accessibility import violations
from .lab import LabServer
from .pages import SLOW, NotebookPage, waits_for, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def dex() -> Iterator[Site]:
    """The page to sign in at, on a site of its own."""
    site = Site()
    yield site
    site.close()


@pytest.fixture
def gateway(lab: LabServer, tmp_path: Path, dex: Site) -> Iterator[Site]:
    """What stands before the target ``guarded``, as long as the test runs."""
    targets, runner = Targets(Home.open(lab.home)), Runner()
    emulator = Emulator(tmp_path, runner)
    site = Site(emulator.url, Ways(elsewhere=dex.url), dex)
    targets.add(Target("guarded", f"{site.url}/pipeline", auth="cookie", secret=f"file:{tmp_path / 'session'}"))
    yield site
    targets.remove("guarded")
    site.close()
    emulator.close()
    runner.close()


def test_who_runs_on_a_target_signs_in_and_the_run_goes_on(
    lab: LabServer, page: Page, gateway: Site, dex: Site, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    write_notebook(lab.work / "guarded.ipynb", [(waits_for(str(go)), ["step:wait"])])
    notebook = NotebookPage(page, lab, "guarded.ipynb")
    notebook.open_panel()
    page.locator("[data-labline-action=target]").select_option("guarded")
    notebook.run()
    dialog = page.locator(".jp-Dialog")
    user, password = (dialog.locator(f"[data-labline-option={name}]") for name in ("user", "password"))
    expect(dialog).to_contain_text(f"on another site than the target: {dex.url}, not {gateway.url}")
    expect(user).to_be_focused()
    assert violations(page, ".jp-Dialog-content") == []
    page.keyboard.type(USER)
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(dialog.locator("[data-labline-fault=agreed]")).to_be_visible()
    assert dex.posted == []
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("refuses this user name or password")
    expect(password).to_be_focused()
    expect(password).to_have_attribute("type", "password")
    expect(password).to_have_value("")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    notebook.expect_state("wait", "running")

    gateway.end_sessions()
    run = notebook.open_run()
    expect(run.view).to_contain_text("guarded wants you to sign in. The run goes on there", timeout=SLOW)
    assert violations(page, ".labline-SignedOut") == []
    run.view.get_by_role("button", name="Sign in to guarded").click()
    user.fill(USER)
    password.fill(PASSWORD)
    dialog.locator("[data-labline-option=agreed]").check()
    page.keyboard.press("Enter")
    go.touch()
    run.expect_state("succeeded")
    expect(run.view.locator(".labline-SignedOut")).to_have_count(0)
    kept = b"".join(file.read_bytes() for file in (*lab.home.rglob("*"), lab.root / "server.log") if file.is_file())
    assert PASSWORD.encode() not in kept
