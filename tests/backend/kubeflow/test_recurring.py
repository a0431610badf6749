"""Runs that a target begins by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.kubeflow import recurring
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.targets import Target
from tests.backend.cli.conftest import Labline
from tests.backend.engine.bench import wait_until
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.test_cli import here
from tests.backend.notebooks import code, write

__all__ = ["here"]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """One that fails unless its parameter is given as 7."""
    cells = (code("count = 3", "pipeline-parameters"), code("x = 1 / (count == 7)", "step:one"))
    return write(tmp_path / "nightly.ipynb", *cells)


@pytest.mark.usefixtures("labline_home")
def test_a_recurring_run_is_made_listed_paused_and_removed(here: Labline, emulator: Emulator, notebook: Path) -> None:
    here("target", "add", "prod", "--host", emulator.url)
    to = ("--target", "prod")
    added = here("recurring", "add", notebook, *to, "--cron", "30 3 * * 1-5", "-p", "count=7", "--json")
    assert (added.code, added.document["cron"]) == (0, "0 30 3 * * 1-5")
    run = emulator.begin(added.document["id"])
    again = here("recurring", "add", notebook, *to, "--cron", "@daily")
    assert (again.code, "There is a recurring run 'nightly' on prod already" in again.err) == (2, True)
    assert here("recurring", "pause", "nightly", *to).out == "nightly pauses.\n"
    (paused,) = here("recurring", "list", *to, "--json").document["recurring"]
    assert (paused["name"], paused["paused"]) == ("nightly", True)
    assert here("recurring", "pause", "nightly", "--undo", *to).out == "nightly goes on.\n"
    assert here("recurring", "remove", "nightly", *to).out == "nightly is removed.\n"
    assert here("recurring", "list", *to, "--json").document == {"recurring": []}
    gone = here("recurring", "remove", "nightly", *to)
    assert (gone.code, "There is no recurring run 'nightly' on prod." in gone.err) == (2, True)
    wait_until(lambda: run.state not in ("PENDING", "RUNNING"), "the run that it began never ended")
    assert run.state == "SUCCEEDED"


def test_many_are_listed_page_by_page(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.client.PAGE", 2)
    emulator.recurring |= {
        str(n): {"recurring_run_id": str(n), "display_name": f"r{n}", "mode": "ENABLE"} for n in range(5)
    }
    assert [each.name for each in recurring.all_(Target("prod", emulator.url))] == ["r0", "r1", "r2", "r3", "r4"]


@pytest.mark.parametrize("cron", ["", "5", "1 2 3 4", "* * * * * * *", "1; 2 3 4 5"])
def test_what_says_no_time_is_refused(cron: str) -> None:
    with pytest.raises(TargetError, match="does not say when to run"):
        recurring.cron_of(cron)
