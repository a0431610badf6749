"""Targets through the REST API, held to its document."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.kubeflow.targets import Target, Targets
from tests.backend.api.conftest import Call, Listen, Run, call, jp_server_config, listen, run
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.notebooks import DOUBLE, code, write

__all__ = ["call", "jp_server_config", "listen", "run"]


SETTINGS = {
    "auth": "none",
    "secret": None,
    "ca_file": None,
    "root": None,
    "image": None,
    "kubeconfig": None,
    "context": None,
    "folder_limit": 256 << 20,
    "packages": None,
    "plain_http": False,
    "port_forward": False,
}


async def test_the_targets_are_listed(call: Call, labline_home: Path, emulator: Emulator) -> None:
    Targets(Home.open(labline_home)).add(Target("prod", emulator.url, "team", "token", "env:TOKEN"))
    answer = await call("GET", "targets")
    assert answer.document["targets"] == [
        {"name": "local", "kind": "local", "host": None, "namespace": None, "settings": None},
        {
            "name": "prod",
            "kind": "kubeflow",
            "host": emulator.url,
            "namespace": "team",
            "settings": {**SETTINGS, "auth": "token", "secret": "env:TOKEN"},
        },
    ]


async def test_a_target_is_added_changed_tried_out_and_forgotten(
    call: Call, labline_home: Path, emulator: Emulator
) -> None:
    wished = {"packages": "labline-packages", "folder_limit": 1 << 30, "image": "example.org/own:1"}
    added = await call("PUT", "targets/prod", {"host": emulator.url, **wished})
    assert (added.status, added.document["settings"]) == (200, {**SETTINGS, **wished})
    checked = await call("POST", "targets/prod/check")
    assert checked.document == {"release": "2.15.0", "multi_user": False, "kubernetes": None, "findings": []}
    changed = await call("PUT", "targets/prod", {"host": emulator.url, "namespace": "team"})
    assert (changed.document["namespace"], changed.document["settings"]) == ("team", SETTINGS)
    assert (await call("DELETE", "targets/prod")).document == changed.document
    assert [target["name"] for target in (await call("GET", "targets")).document["targets"]] == ["local"]
    assert [(await call(*gone)).status for gone in (("DELETE", "targets/prod"), ("POST", "targets/prod/check"))] == [
        404,
        404,
    ]


async def test_a_target_behind_a_port_forward_needs_no_address(
    call: Call, labline_home: Path, cluster: Cluster, tmp_path: Path
) -> None:
    wished = {"kubeconfig": cluster.kubeconfig(tmp_path), "port_forward": True}
    added = await call("PUT", "targets/prod", wished)
    assert (added.document["host"], added.document["settings"]) == (
        "http://ml-pipeline.kubeflow:8888",
        {**SETTINGS, **wished},
    )
    assert (await call("POST", "targets/prod/check")).document["findings"] == []
    assert (await call("PUT", "targets/prod", {"port_forward": True})).status == 422
    assert (await call("PUT", "targets/prod", {})).status == 422


async def test_what_is_no_target_is_a_problem_and_its_secret_is_not_repeated(call: Call, labline_home: Path) -> None:
    wrong = [
        ("local", {"host": "http://x"}),
        ("prod", {"host": "nowhere"}),
        ("prod", {"host": "https://x", "packages": "No Claim"}),
        ("prod", {"host": "https://x", "kubeconfig": "relative"}),
        ("prod", {"host": "https://x", "folder_limit": -1}),
        ("prod", {"host": "https://x", "auth": "token", "secret": "the-secret-itself"}),
    ]
    for name, settings in wrong:
        answer = await call("PUT", f"targets/{name}", settings)
        assert answer.status in (400, 422), (name, settings)
        assert "the-secret-itself" not in str(answer.document)
    assert not (labline_home / "targets.json").exists()


@pytest.mark.long
async def test_a_run_on_a_target_is_live_like_any_other(run: Run, labline_home: Path, emulator: Emulator) -> None:
    Targets(Home.open(labline_home)).add(Target("prod", emulator.url))
    ended: dict[str, Any] = await run(*DOUBLE, target="prod")
    assert (ended["state"], ended["target"], ended["steps_done"]) == ("succeeded", "prod", 2)


async def test_what_the_preflight_finds_is_a_problem(
    call: Call, labline_home: Path, emulator: Emulator, jp_root_dir: Path
) -> None:
    write(jp_root_dir / "one.ipynb", code("x = 1", "step:one"))
    assert (await call("POST", "runs", {"path": "one.ipynb", "target": "prod"})).status == 404
    Targets(Home.open(labline_home)).add(Target("prod", emulator.url))
    emulator.faults.append(("healthz", 503))
    answer = await call("POST", "runs", {"path": "one.ipynb", "target": "prod"})
    assert (answer.status, [found["code"] for found in answer.document["findings"]]) == (422, ["LL602"])
    assert os.listdir(labline_home / "runs") == []


async def test_a_recurring_run_is_made_paused_and_removed(
    call: Call, labline_home: Path, emulator: Emulator, jp_root_dir: Path
) -> None:
    Targets(Home.open(labline_home)).add(Target("prod", emulator.url))
    write(jp_root_dir / "nightly.ipynb", code("x = 1", "step:one"))
    of_target = "targets/prod/recurring-runs"
    made = await call("POST", of_target, {"path": "nightly.ipynb", "cron": "30 3 * * 1-5"})
    assert (made.status, made.document["cron"], made.document["paused"]) == (201, "30 3 * * 1-5", False)
    one = f"{of_target}/{made.document['id']}"
    assert (await call("PATCH", one, {"paused": True})).document == {**made.document, "paused": True}
    assert (await call("GET", of_target)).document["recurring_runs"] == [{**made.document, "paused": True}]
    assert (await call("DELETE", one)).status == 200
    assert [(await call(*again)).status for again in (("DELETE", one), ("PATCH", one, {"paused": True}))] == [404, 404]
    assert emulator.recurring == {}


async def test_a_recurring_run_that_says_no_time_is_a_problem(
    call: Call, labline_home: Path, emulator: Emulator, jp_root_dir: Path
) -> None:
    Targets(Home.open(labline_home)).add(Target("prod", emulator.url))
    write(jp_root_dir / "nightly.ipynb", code("x = 1", "step:one"))
    answer = await call("POST", "targets/prod/recurring-runs", {"path": "nightly.ipynb", "cron": "soon"})
    assert (answer.status, [found["code"] for found in answer.document["findings"]]) == (422, ["LL609"])
    assert emulator.recurring == {}


async def test_no_recurring_run_is_made_of_a_notebook_outside_the_served_folder(
    call: Call, labline_home: Path, emulator: Emulator, jp_root_dir: Path
) -> None:
    Targets(Home.open(labline_home)).add(Target("prod", emulator.url))
    write(jp_root_dir.parent / "secret.ipynb", code("x = 1", "step:one"))
    answer = await call("POST", "targets/prod/recurring-runs", {"path": "../secret.ipynb", "cron": "@daily"})
    assert (answer.status, emulator.recurring) == (404, {})


async def test_a_server_follows_the_runs_that_a_cluster_begins(
    call: Call,
    listen: Listen,
    labline_home: Path,
    emulator: Emulator,
    jp_root_dir: Path,
    jp_serverapp: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("labline_backend.app.MIRROR_SECONDS", 0.05)
    (app,) = jp_serverapp.extension_manager.extension_apps["labline_backend"]
    await app._start_jupyter_server_extension(jp_serverapp)
    Targets(Home.open(labline_home)).add(Target("prod", emulator.url))
    write(jp_root_dir / "nightly.ipynb", code("x = 1", "step:one"))
    listener = await listen()
    await listener.next("hello")
    made = await call("POST", "targets/prod/recurring-runs", {"path": "nightly.ipynb", "cron": "@daily"})
    emulator.begin(made.document["id"])
    begun = await listener.next("run")
    assert begun["data"]["control"]["begun"] == {"id": made.document["id"], "name": "nightly"}
    await listener.until_ended(begun["run"])


async def test_a_whole_number_with_a_point_is_kept_as_one_that_can_be_read(call: Call, labline_home: Path) -> None:
    kept = await call("PUT", "targets/prod", {"host": "https://x", "folder_limit": 1.0})
    assert (kept.status, kept.document["settings"]["folder_limit"]) == (200, 1)
    assert (await call("GET", "targets")).document["targets"][1] == kept.document
    assert '"folder_limit": 1,' in (labline_home / "targets.json").read_text()
