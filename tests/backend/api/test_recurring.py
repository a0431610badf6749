"""Recurring runs of this machine through the API, begun by the server itself."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from labline_backend import clock
from labline_backend.home import Home

from ..notebooks import code, notebook, write
from .conftest import SECONDS, Call, Listen

pytestmark = pytest.mark.usefixtures("started")

HERE = "targets/local/recurring-runs"
ONE = code("print('it ran')", "step:one")


@pytest.fixture
def started(jp_serverapp: Any, jp_asyncio_loop: asyncio.AbstractEventLoop) -> None:
    """A server that does what it does by itself, too."""
    (app,) = jp_serverapp.extension_manager.extension_apps["labline_backend"]
    jp_asyncio_loop.run_until_complete(app._start_jupyter_server_extension(jp_serverapp))


async def test_a_server_begins_what_is_due_and_others_see_that_it_does(
    call: Call, listen: Listen, jp_root_dir: Path, labline_home: Path
) -> None:
    write(jp_root_dir / "nightly.ipynb", ONE)
    listener = await listen()
    await listener.next("hello")
    made = await call("POST", HERE, {"path": "nightly.ipynb", "interval": 1})
    assert (made.status, made.document["reading"]) == (201, "Every second")
    begun = await listener.next("run")
    assert begun["data"]["control"]["begun"] == {"id": made.document["id"], "name": "nightly"}
    assert clock.is_followed(Home.open(labline_home))
    assert (await call("DELETE", f"{HERE}/{made.document['id']}")).status == 200
    assert (await call("GET", HERE)).document == {"recurring_runs": []}


async def test_what_another_process_has_made_is_begun_too(
    call: Call, listen: Listen, jp_root_dir: Path, labline_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "LOOK", 0.05)
    listener = await listen()
    await listener.next("hello")
    made = await call("POST", HERE, {"path": "Untitled.ipynb", "content": notebook(ONE), "cron": "0 0 1 1 *"})
    with closing(sqlite3.connect(labline_home / "labline.db")) as connection:
        connection.execute("UPDATE schedules SET next = 1")  # as if it were made, and due, without the server's doing
        connection.commit()
    begun = await listener.next("run")
    assert begun["data"]["control"]["begun"]["id"] == made.document["id"]
    await listener.until_ended(begun["run"])


async def test_one_is_paused_and_resumed(call: Call, jp_root_dir: Path) -> None:
    write(jp_root_dir / "nightly.ipynb", ONE)
    request = {"path": "nightly.ipynb", "cron": "30 3 * * 1-5", "time_zone": "Europe/Berlin", "at_most": 2}
    made = (await call("POST", HERE, request)).document
    assert (made["time_zone"], made["at_most"], made["catch_up"]) == ("Europe/Berlin", 2, False)
    paused = (await call("PATCH", f"{HERE}/{made['id']}", {"paused": True})).document
    assert paused == {**made, "paused": True, "next": None}
    assert (await call("PATCH", f"{HERE}/{made['id']}", {"paused": False})).document == made


async def test_one_is_edited_in_place(call: Call, jp_root_dir: Path) -> None:
    write(jp_root_dir / "nightly.ipynb", ONE)
    made = (await call("POST", HERE, {"path": "nightly.ipynb", "cron": "30 3 * * *", "time_zone": "UTC"})).document
    change = {"interval": 3600, "name": "hourly", "paused": True}
    edited = (await call("PATCH", f"{HERE}/{made['id']}", change)).document
    wished = ("id", "name", "interval", "cron", "paused", "reading")
    assert [edited[name] for name in wished] == [made["id"], "hourly", 3600, None, True, "Every hour"]
    assert (await call("GET", HERE)).document == {"recurring_runs": [edited]}


async def test_an_edit_that_says_nothing_is_a_problem(call: Call, jp_root_dir: Path) -> None:
    write(jp_root_dir / "nightly.ipynb", ONE)
    made = (await call("POST", HERE, {"path": "nightly.ipynb", "cron": "30 3 * * *"})).document
    for change in ({}, {"cron": None}, {"cron": "@daily", "interval": 60}, {"cache": False}):
        assert (await call("PATCH", f"{HERE}/{made['id']}", change)).status == 400, change
    assert (await call("GET", HERE)).document == {"recurring_runs": [made]}


async def test_what_a_schedule_means_is_said_before_there_is_one(call: Call) -> None:
    answer = await call("POST", "schedules", {"cron": "0 30 3 * * 1-5", "time_zone": "UTC"})
    assert (answer.status, answer.document["cron"]) == (200, "30 3 * * 1-5")
    assert answer.document["reading"] == "Monday to Friday at 03:30"
    assert len(set(answer.document["next"])) == 3
    assert (await call("GET", HERE)).document == {"recurring_runs": []}


async def test_what_cannot_be_is_a_problem(call: Call, jp_root_dir: Path) -> None:
    write(jp_root_dir.parent / "secret.ipynb", ONE)
    assert (await call("POST", HERE, {"path": "../secret.ipynb", "cron": "@daily"})).status == 404
    refused = await call("POST", "schedules", {"cron": "61 * * * *"})
    assert (refused.status, "the minute is from 0 to 59" in refused.document["message"]) == (400, True)
    assert (await call("POST", "schedules", {"cron": "@daily", "interval": 60})).status == 400
    assert (await call("POST", "schedules", {"cron": "@daily", "target": "prod"})).status == 404
    assert (await call("PATCH", f"{HERE}/none", {"paused": True})).status == 404


async def test_a_clock_sleeps_until_something_is_due_and_wakes_at_news(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    looked = asyncio.Event()

    async def begin() -> clock.Due:
        looks.append(1)
        looked.set()
        return 0, None

    monkeypatch.setattr(clock, "LOOK", 3600.0)
    begun = clock.Clock(begin, None)  # type: ignore[arg-type]
    begun.start()
    task = begun._task
    assert task is not None
    try:
        for count in (1, 2):
            async with asyncio.timeout(SECONDS):
                await looked.wait()
            assert len(looks) == count
            looked.clear()
            begun.wake()
    finally:
        begun.stop()
        await asyncio.wait([task])
