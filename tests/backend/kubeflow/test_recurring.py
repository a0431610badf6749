"""Runs that a target begins by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.kubeflow import recurring
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.targets import Target
from labline_backend.recurrence.timing import Timing
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
    assert (added.code, added.document["cron"]) == (0, "30 3 * * 1-5")
    assert emulator.recurring[added.document["id"]]["trigger"]["cron_schedule"]["cron"] == "0 30 3 * * 1-5"
    run = emulator.begin(added.document["id"])
    again = here("recurring", "add", notebook, *to, "--cron", "@daily")
    assert (again.code, "There is a recurring run 'nightly' on prod already" in again.err) == (2, True)
    assert here("recurring", "pause", "nightly", *to).out == "nightly pauses.\n"
    (paused,) = here("recurring", "list", *to, "--json").document["recurring"]
    assert (paused["name"], paused["paused"]) == ("nightly", True)
    assert here("recurring", "resume", "nightly", *to).out == "nightly goes on.\n"
    assert here("recurring", "remove", "nightly", *to).out == "nightly is removed.\n"
    assert here("recurring", "list", *to, "--json").document == {"recurring": []}
    gone = here("recurring", "remove", "nightly", *to)
    assert (gone.code, "There is no recurring run 'nightly' on prod." in gone.err) == (2, True)
    wait_until(lambda: run.state not in ("PENDING", "RUNNING"), "the run that it began never ended")
    assert run.state == "SUCCEEDED"


@pytest.mark.usefixtures("labline_home")
def test_a_recurring_run_has_the_service_account_of_the_steps(
    here: Labline, emulator: Emulator, tmp_path: Path
) -> None:
    notebook = write(tmp_path / "nightly.ipynb", code("x = 1", "step:one", "service-account:birds"))
    here("target", "add", "prod", "--host", emulator.url)
    added = here("recurring", "add", notebook, "--target", "prod", "--cron", "@daily", "--json")
    assert emulator.recurring[added.document["id"]]["service_account"] == "birds"


def test_many_are_listed_page_by_page(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.client.PAGE", 2)
    emulator.recurring |= {
        str(n): {"recurring_run_id": str(n), "display_name": f"r{n}", "mode": "ENABLE"} for n in range(5)
    }
    assert [each.name for each in recurring.all_(Target("prod", emulator.url))] == ["r0", "r1", "r2", "r3", "r4"]


@pytest.mark.usefixtures("labline_home")
def test_what_is_wished_of_one_is_told_as_it_is_kept_there(here: Labline, emulator: Emulator, notebook: Path) -> None:
    here("target", "add", "prod", "--host", emulator.url)
    more = ("--every", "6h", "--catch-up", "--at-most", "3", "-p", "count=7", "--name", "often")
    added = here("recurring", "add", notebook, "--target", "prod", *more, "--json").document
    assert here("recurring", "list", "--target", "prod", "--json").document["recurring"] == [added]
    wished = ("name", "target", "cron", "interval", "reading", "catch_up", "at_most", "parameters")
    assert [added[name] for name in wished] == ["often", "prod", None, 21_600, "Every 6 hours", True, 3, {"count": "7"}]


def test_what_no_cluster_takes_is_refused() -> None:
    target = Target("prod", "http://localhost:1")
    with pytest.raises(TargetError, match="knows no time zone of a recurring run"):
        recurring.taken(target, Timing("@daily", zone="Europe/Berlin"))
    with pytest.raises(TargetError, match="does not say when to run"):
        recurring.taken(target, Timing("soon"))


def test_one_that_somebody_else_has_made_is_shown_as_far_as_it_can_be_read(emulator: Emulator) -> None:
    trigger = {"cron_schedule": {"cron": "@every 1h"}}
    emulator.recurring["1"] = {"recurring_run_id": "1", "display_name": "odd", "mode": "ENABLE", "trigger": trigger}
    (odd,) = recurring.all_(Target("prod", emulator.url))
    assert (odd.cron, odd.reading, odd.at_most) == ("@every 1h", None, 1)
