"""Runs that are recorded in MLflow, seen through the API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from ..notebooks import DOUBLE
from .conftest import Call, Run


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {**jp_server_config, "LablineApp": {"track": True}}


async def test_a_recorded_run_says_where_mlflow_shows_it(run: Run, call: Call) -> None:
    detail = await run(*DOUBLE)
    for _ in range(600):  # the run does not wait for MLflow, which needs seconds to start
        if detail["mlflow"] and all(step["mlflow_run_id"] for step in detail["steps"]):
            break
        await asyncio.sleep(0.1)
        detail = (await call("GET", f"runs/{detail['id']}")).document
    tracked = detail["mlflow"]
    place = f"labline/mlflow/#/experiments/{tracked['experiment_id']}/runs/{tracked['run_id']}"
    assert tracked["url"].startswith(place)
    assert all(step["mlflow_run_id"] for step in detail["steps"])


async def test_mlflow_itself_is_behind_the_login(jp_fetch: Any) -> None:
    with pytest.raises(HTTPClientError, match="403"):
        await jp_fetch("labline", "mlflow", "version", headers={"Authorization": "token wrong"})
