"""A cluster chosen beside Run: the same button, the same graph, the same list of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from labline_backend.home import Home
from labline_backend.kubeflow.targets import Target, Targets
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.running import Runner

from .lab import LabServer
from .pages import NotebookPage, write_notebook

pytestmark = pytest.mark.browser


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
