"""Whatever becomes of MLflow, nothing is raised and a sentence says what is missing."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labline_backend.tracking.location import Location
from labline_backend.tracking.ui import _free as free_port
from labline_backend.tracking.ui import _listens as listens

from .conftest import Engine, Reader, pipeline


def test_a_killed_recorder_is_told_and_replaced(engine: Engine) -> None:
    run = engine.run(pipeline())
    tracked = engine.do(engine.tracker.start_run(run))
    assert engine.tracker.recorder
    os.kill(engine.tracker.recorder, signal.SIGSTOP)

    async def killed_midway() -> object:
        step = asyncio.create_task(engine.tracker.start_step(run, "train"))
        await asyncio.sleep(0)
        os.kill(engine.tracker.recorder or 0, signal.SIGKILL)
        return await step

    assert engine.do(killed_midway()) is None
    (problem,) = engine.tracker.problems
    assert problem.startswith("The start of step train is not recorded in MLflow: ")
    assert "signal 9" in problem
    engine.tracker.problems.clear()
    engine.do(engine.tracker.finish_step(run, engine.step(run, "train"), engine.folder(run, "train")))
    engine.do(engine.tracker.finish_run(replace(run, state="succeeded"), {}))
    assert tracked
    assert engine.tracker.problems == []


def test_a_recorder_that_hangs_is_stopped_and_told(new_engine: Callable[..., Engine], engine: Engine) -> None:
    hasty = new_engine(engine.home, patience=1.0)
    run = engine.run(pipeline())

    async def hang() -> object:
        starting = asyncio.create_task(hasty.tracker.start_run(run))
        while not hasty.tracker.recorder:
            await asyncio.sleep(0.01)
        os.kill(hasty.tracker.recorder, signal.SIGSTOP)
        return await starting

    assert hasty.do(hang()) is None
    (problem,) = hasty.tracker.problems
    assert "did not answer for 1 s and was stopped" in problem


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
    return f"http://127.0.0.1:{port}"


def test_a_server_that_is_away_is_told_once(new_engine: Callable[..., Engine], nowhere: str) -> None:
    engine = new_engine()
    run = engine.run(pipeline())
    assert engine.do(engine.tracker.start_run(run)) is None
    assert engine.do(engine.tracker.start_step(run, "train")) is None
    assert engine.do(engine.tracker.finish_step(run, engine.step(run, "train"), engine.folder(run, "train"))) is None
    engine.do(engine.tracker.finish_run(replace(run, state="succeeded"), {}))
    assert engine.tracker.problems == [
        f"The run is not recorded in MLflow: the MLflow server {nowhere} cannot be reached (Connection refused)."
    ]


def test_a_step_runs_without_an_mlflow_run_where_there_is_none(new_engine: Callable[..., Engine], nowhere: str) -> None:
    engine = new_engine()
    run = engine.run(pipeline())
    engine.do(engine.tracker.start_run(run))
    assert "MLFLOW_RUN_ID" not in engine.tracker.environment(run, None)


@pytest.mark.long
def test_two_recorders_may_create_the_store_at_the_same_time(new_engine: Callable[..., Engine]) -> None:
    one = new_engine()
    two = new_engine(one.home)
    runs = [one.run(pipeline()), one.run(pipeline())]

    async def both() -> list[Any]:
        return await asyncio.gather(one.tracker.start_run(runs[0]), two.tracker.start_run(runs[1]))

    assert None not in one.do(both())
    assert one.tracker.problems + two.tracker.problems == []


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real MLflow server of somebody's own."""
    port = free_port(0)
    command = [sys.executable, "-W", "ignore", "-m", "labline_backend.tracking.ui_server", "--port", str(port)]
    store = Location(f"sqlite:///{tmp_path}/server.db", artifacts=tmp_path / "server")
    process = subprocess.Popen(command, env={**os.environ, **store.told()})
    while process.poll() is None and not listens(port):
        time.sleep(0.05)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def test_mlflows_assistant_is_not_there(server: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server}/ajax-api/3.0/mlflow/assistant/config", timeout=30)
    assert refused.value.code == 403
    refused.value.close()


@pytest.mark.long
def test_a_run_is_recorded_at_a_server(new_engine: Callable[..., Engine], server: str) -> None:
    engine = new_engine()
    run = engine.run(pipeline())
    tracked = engine.do(engine.tracker.start_run(run))
    engine.do(engine.tracker.finish_step(run, engine.step(run, "train"), engine.folder(run, "train")))
    engine.do(engine.tracker.finish_run(replace(run, state="succeeded"), {"loss": 1.0}))
    assert engine.tracker.problems == []
    recorded = Reader(server).get_run(tracked.run_id)
    assert (recorded.info.status, recorded.data.metrics) == ("FINISHED", {"loss": 1.0})
