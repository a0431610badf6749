"""Runs that a target begins by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labline_backend import recurring as facade
from labline_backend.errors import InputError
from labline_backend.kubeflow import recurring
from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.scheduled import Followed, FollowedRuns
from labline_backend.kubeflow.submission import Place
from labline_backend.kubeflow.targets import Target
from labline_backend.mirroring import take_up
from labline_backend.recurrence.recurring import Change, Recurring, Wish
from labline_backend.recurrence.timing import Timing
from tests.backend.cli.conftest import Labline
from tests.backend.engine.bench import wait_until
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.conftest import Client
from tests.backend.kubeflow.emulator import Emulator, Run, page
from tests.backend.kubeflow.test_cli import here
from tests.backend.notebooks import code, write
from tests.backend.s3 import S3

__all__ = ["here"]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """One that fails unless its parameter is given as 7."""
    cells = (code("count = 3", "pipeline-parameters"), code("x = 1 / (count == 7)", "step:one"))
    return write(tmp_path / "nightly.ipynb", *cells)


@pytest.mark.usefixtures("labline_home")
def test_nothing_is_uploaded_where_recurring_runs_may_not_be_made(
    here: Labline, emulator: Emulator, cluster: Cluster, notebook: Path, tmp_path: Path
) -> None:
    cluster.denied = {("create", "jobs")}
    here("target", "add", "prod", "--host", emulator.url, "--kubeconfig", cluster.kubeconfig(tmp_path))
    refused = here("recurring", "add", notebook, "--target", "prod", "--cron", "@daily", "-p", "count=7")
    assert (refused.code, "may not create jobs" in refused.err) == (2, True)
    assert not [call for call in emulator.called if call.startswith("POST")]


@pytest.mark.usefixtures("labline_home")
def test_a_recurring_run_is_made_listed_paused_and_removed(here: Labline, emulator: Emulator, notebook: Path) -> None:
    here("target", "add", "prod", "--host", emulator.url)
    to = ("--target", "prod")
    added = here("recurring", "add", notebook, *to, "--cron", "30 3 * * 1-5", "-p", "count=7", "--json")
    assert (added.code, added.document["cron"]) == (0, "30 3 * * 1-5")
    assert emulator.recurring[added.document["id"]]["trigger"]["cron_schedule"]["cron"] == "0 30 3 * * 1-5"
    run = emulator.begin(added.document["id"])
    wait_until(lambda: run.state not in ("PENDING", "RUNNING"), "the run that it began never ended")
    assert run.state == "SUCCEEDED"
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


@pytest.mark.usefixtures("labline_home")
def test_a_recurring_run_has_the_service_account_of_the_steps(
    here: Labline, emulator: Emulator, tmp_path: Path
) -> None:
    notebook = write(tmp_path / "nightly.ipynb", code("x = 1", "step:one", "service-account:birds"))
    here("target", "add", "prod", "--host", emulator.url)
    added = here("recurring", "add", notebook, "--target", "prod", "--cron", "@daily", "--json")
    assert emulator.recurring[added.document["id"]]["service_account"] == "birds"


@pytest.mark.usefixtures("labline_home")
def test_an_edited_one_is_made_anew_before_the_old_one_is_removed(
    here: Labline, emulator: Emulator, notebook: Path
) -> None:
    here("target", "add", "prod", "--host", emulator.url)
    to = ("--target", "prod")
    more = ("--cron", "30 3 * * *", "-p", "count=7", "--catch-up", "--json")
    added = here("recurring", "add", notebook, *to, *more).document
    old = emulator.recurring[added["id"]]
    emulator.called.clear()
    edited = here("recurring", "edit", "nightly", *to, "--every", "6h", "--at-most", "2", "--json").document
    assert [call.split("/")[0] for call in emulator.called if not call.startswith("GET")] == ["POST ", "DELETE "]
    assert edited == {
        **added,
        "id": edited["id"],
        "cron": None,
        "interval": 21_600,
        "reading": "Every 6 hours",
        "at_most": 2,
    }
    (new,) = emulator.recurring.values()
    same = ("experiment_id", "pipeline_version_reference", "runtime_config", "no_catchup", "mode", "display_name")
    assert {key: new[key] for key in same} == {key: old[key] for key in same}


@pytest.mark.usefixtures("labline_home")
def test_a_paused_one_pauses_when_it_was_edited_and_keeps_what_is_not_said(
    here: Labline, emulator: Emulator, notebook: Path
) -> None:
    here("target", "add", "prod", "--host", emulator.url)
    to = ("--target", "prod")
    here("recurring", "add", notebook, *to, "--cron", "30 3 * * *")
    here("recurring", "pause", "nightly", *to)
    done = here("recurring", "edit", "nightly", *to, "--name", "later", "-p", "count=7")
    assert done.out == "later: Every day at 03:30 (by the clock of prod).\n"
    (new,) = emulator.recurring.values()
    assert (new["mode"], new["runtime_config"]["parameters"]) == ("DISABLE", {"count": 7})
    assert new["trigger"]["cron_schedule"]["cron"] == "0 30 3 * * *"


@pytest.mark.usefixtures("labline_home")
def test_where_the_old_one_cannot_be_removed_it_is_the_one_that_stays(
    here: Labline, emulator: Emulator, notebook: Path
) -> None:
    here("target", "add", "prod", "--host", emulator.url)
    to = ("--target", "prod")
    added = here("recurring", "add", notebook, *to, "--cron", "30 3 * * *", "--json").document
    emulator.faults.append((f"DELETE /apis/v2beta1/recurringruns/{added['id']}", 503))
    failed = here("recurring", "edit", "nightly", *to, "--cron", "@hourly")
    assert (failed.code, "out of order (503)" in failed.err, list(emulator.recurring)) == (2, True, [added["id"]])


@pytest.mark.usefixtures("labline_home")
def test_where_the_answer_to_the_removal_is_lost_the_new_one_stays(
    here: Labline, emulator: Emulator, notebook: Path
) -> None:
    here("target", "add", "prod", "--host", emulator.url)
    to = ("--target", "prod")
    here("recurring", "add", notebook, *to, "--cron", "30 3 * * *")
    emulator.losing = True
    edited = here("recurring", "edit", "nightly", *to, "--cron", "@hourly", "--json")
    assert (edited.code, emulator.losing, list(emulator.recurring)) == (0, False, [edited.document["id"]])


@pytest.mark.parametrize("state", ["PENDING", "RUNNING"])
def test_one_whose_run_goes_on_is_not_edited(client: Client, emulator: Emulator, state: str) -> None:
    made = scheduled(client, client.folder, code("x = 1", "step:one"))
    going = Run({"run_id": "r", "display_name": "nightly-7", "recurring_run_id": made.id}, client.folder, state)
    going.document |= {"experiment_id": "e", "created_at": "2026-01-01T00:00:00Z"}
    emulator.runs["r"] = going
    with pytest.raises(InputError, match="nightly-7, a run of nightly on prod, goes on, and would be ended") as caught:
        facade.edit(client.service, "nightly", Change(name="later"), target="prod")
    assert "cancel it" in str(caught.value.findings[0].fix)
    assert (list(emulator.recurring), going.state) == ([made.id], state)
    facade.remove(client.service, "nightly", target="prod")
    assert going.state == "CANCELED"


def test_both_are_followed_where_it_is_not_known_which_one_there_is(client: Client, emulator: Emulator) -> None:
    made = scheduled(client, client.folder, code("x = 1", "step:one"))
    emulator.faults += [("DELETE", 503), ("DELETE", 503)]
    with pytest.raises(InputError, match="both may begin runs now"):
        facade.edit(client.service, "nightly", Change(name="later"), target="prod")
    followed = {each.id: each.over for each in FollowedRuns(client.service.home).all()}
    assert followed == dict.fromkeys(emulator.recurring, False)
    assert len(followed) == 2 and made.id in followed


@pytest.mark.parametrize("change", [Change(name="later"), Change(timing=Timing("@hourly"))])
def test_an_edited_one_begins_nothing_for_times_that_have_passed(
    client: Client, emulator: Emulator, change: Change
) -> None:
    made = scheduled(client, client.folder, code("x = 1", "step:one"))
    bounds = {"start_time": "2020-01-01T00:00:00Z", "end_time": "2199-01-01T00:00:00Z"}
    emulator.recurring[made.id]["trigger"]["cron_schedule"] |= bounds
    facade.edit(client.service, "nightly", change, target="prod")
    (new,) = emulator.recurring.values()
    kept = new["trigger"]["cron_schedule"]
    assert (kept.get("start_time"), kept["end_time"][:4]) == (None, "2199")


@pytest.mark.usefixtures("labline_home")
def test_an_edit_that_says_nothing_or_takes_a_name_is_refused(
    here: Labline, emulator: Emulator, notebook: Path
) -> None:
    here("target", "add", "prod", "--host", emulator.url)
    to = ("--target", "prod")
    here("recurring", "add", notebook, *to, "--cron", "30 3 * * *", "--name", "one")
    here("recurring", "add", notebook, *to, "--cron", "30 3 * * *", "--name", "two")
    assert "Say what is to be another" in here("recurring", "edit", "one", *to).err
    taken = here("recurring", "edit", "one", *to, "--name", "two")
    assert (taken.code, "There is a recurring run 'two' on prod already" in taken.err) == (2, True)
    assert len(emulator.recurring) == 2


def scheduled(client: Client, folder: Path, *cells: dict[str, Any], **parameters: str) -> Recurring:
    """A recurring run on ``prod`` of a notebook of these cells."""
    path = write(folder / "nightly.ipynb", *cells)
    made, _ = facade.add(
        client.service,
        path,
        Timing("@daily"),
        Wish(),
        notebook="nightly.ipynb",
        target="prod",
        parameters=parameters,
    )
    return made


def test_runs_that_the_cluster_begins_are_followed_here(client: Client, emulator: Emulator) -> None:
    cells = (code("count = 3", "pipeline-parameters"), code("x = 10 * count", "step:one"), code("print(x)", "step:two"))
    made = scheduled(client, client.folder, *cells, count="7")
    assert take_up(client.service) == []
    emulator.begin(made.id)
    (run,) = take_up(client.service)
    ended = client.end(run)
    assert (ended["state"], ended["target"], ended["notebook"]) == ("succeeded", "prod", "nightly.ipynb")
    assert ended["control"]["begun"] == {"id": made.id, "name": "nightly"}
    assert ended["parameters"] == {"count": "7"}
    assert [step["state"] for step in ended["steps"]] == ["succeeded", "succeeded"]
    assert ended["page"] == f"{emulator.url}/#/runs/details/{next(iter(emulator.runs))}"
    assert take_up(client.service) == []


def test_a_run_that_was_taken_up_is_known_to_another_server(client: Client, emulator: Emulator) -> None:
    made = scheduled(client, client.folder, code("x = 1", "step:one"))
    emulator.begin(made.id)
    (run,) = take_up(client.service)
    client.end(run)
    client.close()
    client.open()
    assert take_up(client.service) == []


def test_what_tasks_of_such_a_run_left_is_mirrored(client: Client, with_storage: S3, emulator: Emulator) -> None:
    client.add(emulator, root=f"s3://{with_storage.bucket}/kfp")
    made = scheduled(client, client.folder, code("x = 6 * 7", "step:one"), code("print('x is', x)", "step:two"))
    emulator.begin(made.id)
    (run,) = take_up(client.service)
    ended = client.end(run)
    assert [finding["code"] for finding in ended["findings"]] == []
    (value,) = [value for step in ended["steps"] for value in step["values"]]
    assert (value["name"], value["preview"]["text"]) == ("x", "42")
    assert "x is 42" in str(client.service.executed_notebook(run.id, "two"))


def test_runs_begun_before_one_was_removed_are_taken_up_and_later_nobody_asks(
    client: Client, emulator: Emulator
) -> None:
    made = scheduled(client, client.folder, code("x = 1", "step:one"))
    emulator.begin(made.id)
    facade.remove(client.service, "nightly", target="prod")
    (run,) = take_up(client.service)
    client.end(run)
    emulator.called.clear()
    assert (take_up(client.service), emulator.called) == ([], [])


def test_an_edited_one_is_followed_on_and_so_are_runs_of_the_old_one(client: Client, emulator: Emulator) -> None:
    cells = (code("count = 3", "pipeline-parameters"), code("x = 10 * count", "step:one"))
    made = scheduled(client, client.folder, *cells)
    before = emulator.begin(made.id)
    wait_until(lambda: before.state == "SUCCEEDED", "the run of the old one never ended")
    edited = facade.edit(client.service, "nightly", Change(parameters={"count": "5"}), target="prod")
    emulator.begin(edited.id)
    taken = take_up(client.service)
    assert {run.control.begun.id: run.parameters for run in taken} == {
        made.id: {"count": "3"},
        edited.id: {"count": "5"},
    }
    for run in taken:
        assert client.end(run)["state"] == "succeeded"


def test_the_target_is_asked_as_it_is_now_and_no_more_where_there_is_none(client: Client, emulator: Emulator) -> None:
    made = scheduled(client, client.folder, code("x = 1", "step:one"))
    kept = FollowedRuns(client.service.home).get(made.id)
    assert kept is not None
    elsewhere = replace(kept.place, target=replace(kept.place.target, host="http://127.0.0.1:1"))
    FollowedRuns(client.service.home).keep(replace(kept, place=elsewhere))
    emulator.begin(made.id)
    (run,) = take_up(client.service)
    assert Place.read(client.service.home.run_folder(run.id)).target == client.service.targets.get("prod")
    client.end(run)
    client.service.targets.remove("prod")
    emulator.called.clear()
    assert (take_up(client.service), emulator.called) == ([], [])


def test_one_that_cannot_be_looked_at_keeps_no_other_from_being_so(
    client: Client, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scheduled(client, client.folder, code("x = 1", "step:one"))
    follows = FollowedRuns(client.service.home)
    kept = follows.get(made.id)
    assert kept is not None
    for name in "abcdefgh":  # some of them come first
        follows.keep(replace(kept, id=name))
    asked: list[str] = []

    def failing(followed: Followed, *_: object) -> list[tuple[str, float]]:
        asked.append(followed.id)
        raise RuntimeError

    monkeypatch.setattr("labline_backend.kubeflow.scheduled.begun_by", failing)
    assert take_up(client.service) == []
    assert sorted(asked) == sorted([made.id, *"abcdefgh"])


def test_an_error_under_the_lock_is_its_own_and_the_lock_is_let_go(client: Client) -> None:
    scheduled(client, client.folder, code("x = 1", "step:one"))
    follows = FollowedRuns(client.service.home)
    with pytest.raises(FileNotFoundError, match="its own"), follows.alone():
        raise FileNotFoundError("its own")
    with follows.alone() as first, follows.alone() as second:
        assert (first, second) == (True, False)


def test_a_target_that_does_not_answer_is_asked_again(client: Client, emulator: Emulator) -> None:
    made = scheduled(client, client.folder, code("x = 1", "step:one"))
    emulator.begin(made.id)
    emulator.faults.append(("GET /apis/v2beta1/runs$", 503))
    assert take_up(client.service) == []
    (run,) = take_up(client.service)
    assert client.end(run)["state"] == "succeeded"


def test_many_are_listed_page_by_page(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.client.PAGE", 2)
    emulator.recurring |= {
        str(n): {"recurring_run_id": str(n), "display_name": f"r{n}", "mode": "ENABLE"} for n in range(5)
    }
    assert [each.name for each in recurring.all_(Target("prod", emulator.url))] == ["r0", "r1", "r2", "r3", "r4"]


def test_runs_are_looked_for_page_by_page_back_to_those_that_are_known(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.client.PAGE", 2)
    listed = [
        {"run_id": f"r{n}", "recurring_run_id": "nightly", "created_at": f"2026-01-0{n}T00:00:00Z"} for n in range(1, 8)
    ]
    monkeypatch.setattr(emulator, "_list_runs", lambda query, *_: page("runs", listed, query))
    with KubeflowClient(Target("prod", emulator.url)) as client:
        assert [run.run_id for run in client.runs_of("nightly")] == ["r7", "r6", "r5", "r4", "r3", "r2", "r1"]
        assert [run.run_id for run in client.runs_of("nightly", {"r5", "r4", "r2"})] == ["r7", "r6", "r5", "r4"]


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
