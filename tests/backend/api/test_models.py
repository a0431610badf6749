"""Registered models, through the API and its helper process."""

from __future__ import annotations

import asyncio
import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from labline_backend.app import LablineApp
from labline_backend.home import Home
from labline_backend.tracking.location import Location

from ..stores import copy_into
from .conftest import Call


@pytest.fixture
def app(jp_serverapp: Any) -> LablineApp:
    """The server's extension."""
    (found,) = jp_serverapp.extension_manager.extension_apps["labline_backend"]
    assert isinstance(found, LablineApp)
    return found


@pytest.fixture
def registered(
    labline_home: Path,
    app: LablineApp,
    jp_asyncio_loop: asyncio.AbstractEventLoop,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A model with two versions in the server's data folder, and the helper up, which outlasts a client's patience."""
    from mlflow import MlflowClient

    location = Location.find(copy_into(Home.open(labline_home), tmp_path_factory), {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = MlflowClient(location.uri)
        client.create_registered_model("flight-delays")
        for auc in (0.9, 0.8):
            run = client.create_run("0").info
            client.log_metric(run.run_id, "auc", auc)
            client.create_model_version("flight-delays", f"{run.artifact_uri}/model", run.run_id)
    jp_asyncio_loop.run_until_complete(app.desk.ask("all_"))
    return "models/flight-delays"


async def test_a_version_is_promoted_where_the_gate_lets_it(registered: str, call: Call) -> None:
    await call("PUT", f"{registered}/gate", {"gate": ["auc >= champion"]})
    first = await call("POST", f"{registered}/promotions", {"version": "1"})
    second = await call("POST", f"{registered}/promotions", {"version": "2"})
    model = (await call("GET", registered)).document
    assert first.document["move"]["version"] == "1"
    assert second.document["move"] is None
    assert model["aliases"] == {"champion": "1"}


async def test_what_is_asked_wrongly_is_refused(registered: str, call: Call) -> None:
    answers = [
        await call("GET", "models/nothing"),
        await call("PUT", f"{registered}/gate", {"gate": ["auc is good"]}),
        await call("POST", f"{registered}/promotions", {"version": "7"}),
        await call("POST", f"{registered}/rollbacks", {}),
    ]
    assert [answer.status for answer in answers] == [404, 400, 404, 400]


async def test_an_approval_has_the_name_of_who_started_the_server(registered: str, call: Call) -> None:
    from labline_backend.tracking.facts import user

    approved = await call("POST", f"{registered}/versions/1/approvals", {"note": "fine"})
    assert [approval["who"] for approval in approved.document["approvals"]] == [user()]


async def test_the_helper_goes_with_the_server(registered: str, app: LablineApp) -> None:
    pid = app.desk.pid
    assert pid is not None
    await app.desk.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
