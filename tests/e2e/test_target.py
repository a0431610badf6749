"""A cluster chosen beside Run: the same button, the same graph, the same list of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from labline_backend.home import Home
from labline_backend.kubeflow.targets import Target, Targets
from tests.backend.engine.bench import wait_until
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.running import Runner
from tests.backend.s3 import S3, s3, s3_server

from .accessibility import violations
from .lab import LabServer
from .pages import SLOW, NotebookPage, choose_command, write_notebook

__all__ = ["s3", "s3_server"]

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def prod(lab: LabServer, tmp_path: Path) -> Iterator[Emulator]:
    """A Kubeflow Pipelines that the server knows as ``prod``, as long as the test runs."""
    targets = Targets(Home.open(lab.home))
    runner = Runner()
    emulator = Emulator(tmp_path, runner)
    with Cluster(emulator) as cluster:
        targets.add(Target("prod", emulator.url, kubeconfig=cluster.kubeconfig(tmp_path)))
        yield emulator
    targets.remove("prod")
    emulator.close()
    runner.close()


def test_a_run_goes_to_the_target_that_was_chosen(lab: LabServer, page: Page, prod: Emulator) -> None:
    write_notebook(lab.work / "far.ipynb", [("rows = [1, 2]", ["step:load"]), ("rows[5]", ["step:pick"])])
    notebook = NotebookPage(page, lab, "far.ipynb")
    notebook.open_panel()
    page.locator("[data-labline-action=target]").select_option("prod")
    notebook.run()
    notebook.expect_state("load", "succeeded")
    notebook.expect_state("pick", "failed")
    run = notebook.open_run()
    run.expect_state("failed")
    run.choose("pick", "log")
    expect(run.view.locator("[data-labline-log='pick']")).to_contain_text("IndexError")
    expect(run.view).to_contain_text("Cell 2, line 1 raised IndexError")
    expect(run.view.locator(".labline-Run-head dl")).to_contain_text("prod")
    assert [run.state for run in prod.runs.values()] == ["FAILED"]


@pytest.fixture
def with_storage(s3: S3, tmp_path: Path) -> Iterator[LabServer]:
    """A server of its own, whose target ``prod`` leaves its results in an S3 that both sides reach."""
    (tmp_path / "cluster").mkdir()
    lab, runner = LabServer(tmp_path / "lab"), Runner()

    def upload(place: str, path: Path) -> None:
        bucket, _, key = place.removeprefix("s3://").partition("/")
        s3.client.upload_file(str(path), bucket, key)

    emulator = Emulator(tmp_path / "cluster", runner, upload)
    Targets(Home.open(lab.home)).add(Target("prod", emulator.url, root=f"s3://{s3.bucket}/kfp"))
    lab.start()
    yield lab
    lab.stop()
    emulator.close()
    runner.close()


def test_a_run_on_a_target_is_verified_and_carries_the_seal(with_storage: LabServer, lone_page: Page) -> None:
    page = lone_page  # the others' page is of the others' server
    write_notebook(with_storage.work / "far.ipynb", [("rows = [1, 2]", ["step:load"]), ("len(rows)", ["step:count"])])
    notebook = NotebookPage(page, with_storage, "far.ipynb")
    notebook.open_panel()
    page.locator("[data-labline-action=target]").select_option("prod")
    page.locator("#labline-pipeline [data-labline-action=verify]").click()
    expect(page.locator("#labline-pipeline [data-labline-verdict]")).to_contain_text("Verified", timeout=4 * SLOW)
    run = notebook.open_run()
    expect(run.view.locator(".labline-Run-head dl")).to_contain_text("prod")
    expect(run.view.get_by_role("button", name="Verified")).to_have_attribute("aria-expanded", "true")
    expect(run.view.get_by_label("load hands rows on: equal")).to_be_visible()


def test_a_target_is_added_tried_out_changed_and_removed(lab: LabServer, page: Page, tmp_path: Path) -> None:
    write_notebook(lab.work / "target.ipynb", [("x = 1", ["step:one"])])
    notebook = NotebookPage(page, lab, "target.ipynb")
    notebook.open_panel()
    targets = Targets(Home.open(lab.home))
    runner = Runner()
    emulator = Emulator(tmp_path, runner)
    try:
        choose_command(page, "Add a Target", "labline:add-target")
        expect(page.locator("[data-labline-option=name]")).to_be_focused()
        assert violations(page, ".jp-Dialog-content") == []
        page.locator("[data-labline-option=name]").fill("far")
        page.locator("[data-labline-option=host]").fill("nowhere")
        expect(page.locator("[data-labline-fault=host]")).to_be_visible()
        page.locator("[data-labline-option=host]").fill(emulator.url)
        page.locator("[data-labline-option=packages]").fill("labline-packages")
        page.locator("[data-labline-option=folderLimit]").fill("1GiB")
        page.keyboard.press("Enter")
        expect(page.locator(".jp-toast, .Toastify__toast").first).to_contain_text("far is ready")
        (kept,) = [target for target in targets.all() if target.name == "far"]
        assert (kept.host, kept.packages, kept.folder_limit) == (emulator.url, "labline-packages", 1 << 30)

        choose_command(page, "Change a Target", "labline:edit-target")
        page.locator(".jp-Dialog .jp-mod-accept").click()
        limit = page.locator("[data-labline-option=folderLimit]")
        expect(limit).to_have_value("1GiB")
        limit.fill("")
        page.keyboard.press("Enter")
        wait_until(lambda: targets.get("far").folder_limit == 256 << 20, "the target was not changed")

        with Cluster(emulator) as cluster:
            choose_command(page, "Change a Target", "labline:edit-target")
            page.locator(".jp-Dialog .jp-mod-accept").click()
            page.locator("[data-labline-option=host]").fill("")
            page.locator("[data-labline-option=port-forward]").check()
            page.keyboard.press("Enter")
            expect(page.locator("[data-labline-fault=kubeconfig]")).to_be_visible()
            expect(page.locator("[data-labline-fault=host]")).to_have_count(0)
            page.locator("[data-labline-option=kubeconfig]").fill(cluster.kubeconfig(tmp_path))
            page.keyboard.press("Enter")
            wait_until(lambda: targets.get("far").port_forward, "the target was not changed")
            assert targets.get("far").host == "http://ml-pipeline.kubeflow:8888"
            wait_until(lambda: cluster.forwarding.opened, "it was not tried out through the port-forward")
            expect(page.locator(".jp-toast, .Toastify__toast").last).to_contain_text("far is ready")

        choose_command(page, "Remove a Target", "labline:remove-target")
        page.locator(".jp-Dialog .jp-mod-accept").click()
        wait_until(lambda: not any(target.name == "far" for target in targets.all()), "the target stays")
    finally:
        for target in targets.all():
            if target.name == "far":
                targets.remove("far")
        emulator.close()
        runner.close()
