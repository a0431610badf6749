"""Forecasts through the API."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from labline_backend.api.forecasts import ForecastsHandler
from labline_backend.api.routes import PREFIX
from labline_backend.engine.forecast import Forecast
from labline_backend.engine.makespan import Makespan

from ..notebooks import DOUBLE, notebook
from .conftest import Call


async def test_a_run_is_foreseen(call: Call) -> None:
    answer = await call("POST", "forecasts", {"path": "double.ipynb", "content": notebook(*DOUBLE)})
    assert answer.status == 200
    assert [(step["name"], step["outcome"]) for step in answer.document["steps"]] == [
        ("load", "runs"),
        ("double", "runs"),
    ]


async def test_a_parameter_that_does_not_fit_is_refused(call: Call) -> None:
    request = {"path": "double.ipynb", "content": notebook(*DOUBLE), "parameters": {"count": "'x'"}}
    answer = await call("POST", "forecasts", request)
    assert answer.status in (400, 422)
    assert [found["code"] for found in answer.document["findings"]] == ["LL121"]


async def test_a_notebook_outside_the_served_folder_is_not_looked_at(call: Call) -> None:
    assert (await call("POST", "forecasts", {"path": "../double.ipynb"})).status == 404


@pytest.mark.usefixtures("call")
async def test_who_no_longer_waits_for_a_forecast_makes_no_error(
    jp_serverapp: Any, jp_http_port: int, jp_auth_header: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gone, answered = threading.Event(), threading.Event(), asyncio.Event()
    errors, finish = [], ForecastsHandler.finish

    def forecast(*_: Any, **__: Any) -> Forecast:
        begun.set()
        assert gone.wait(20)
        return Forecast((), Makespan(0.0, ()), Makespan(0.0, ()), None)

    def finished(self: ForecastsHandler, *given: Any) -> Any:
        future = finish(self, *given)
        future.add_done_callback(lambda _: answered.set())
        return future

    monkeypatch.setattr("labline_backend.api.forecasts.forecast", forecast)
    monkeypatch.setattr(ForecastsHandler, "finish", finished)
    monkeypatch.setattr(ForecastsHandler, "on_connection_close", lambda _: gone.set())
    monkeypatch.setattr(ForecastsHandler, "log_exception", lambda _, *error: errors.append(error))
    body = json.dumps({"path": "double.ipynb", "content": notebook(*DOUBLE)})
    head = f"POST {jp_serverapp.base_url}{PREFIX.strip('/')}/forecasts HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += f"Authorization: {jp_auth_header['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    writer.write((head + body).encode())
    assert await asyncio.to_thread(begun.wait, 20)
    writer.close()
    await asyncio.wait_for(answered.wait(), 20)
    await asyncio.sleep(0)
    assert errors == []
