"""A database that the first version of Labline left, with what it wrote: `first_version.sql` is one, as text.

Of its two runs one has succeeded and one failed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from labline_backend.home import Home
from labline_backend.service import Service

GOOD, BAD = "old-20261127-124008-3c46", "bad-20261127-124044-023d"


@pytest.fixture
def service(home: Home) -> Iterator[Service]:
    """The service of a data folder with that database."""
    with closing(sqlite3.connect(home.database)) as connection:
        connection.executescript(Path(__file__).with_name("first_version.sql").read_text())
    with Service(home, track=False) as service:
        yield service


def test_its_runs_are_listed(service: Service) -> None:
    assert [(run["id"], run["state"], run["steps_done"]) for run in service.runs()] == [
        (BAD, "failed", 1),
        (GOOD, "succeeded", 3),
    ]


def test_what_its_steps_gave_can_be_read(service: Service) -> None:
    steps = service.detail(GOOD)["steps"]
    assert [(step["name"], step["state"]) for step in steps] == [(name, "succeeded") for name in ("load", "use", "end")]
    result = service.step(GOOD, "use").result
    assert result is not None
    assert result.artifacts[0].values[0].preview.text == "1.55785822974031"


def test_why_its_step_failed_can_be_read(service: Service) -> None:
    error = service.step(BAD, "b").error
    assert error is not None
    assert "division by zero" in error.message


def test_its_events_can_be_read(service: Service) -> None:
    assert {event.kind for event in service.store.events() if event.run == GOOD} == {"run", "step", "cell"}
