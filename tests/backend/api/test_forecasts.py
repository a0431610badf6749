"""Forecasts through the API."""

from __future__ import annotations

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
