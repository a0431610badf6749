"""Endpoints by the API, and asked through the Jupyter server."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tornado.httpclient

from labline_backend.endpoints.deploying import Endpoints
from labline_backend.endpoints.folder import EndpointFolder
from labline_backend.home import Home

from ..endpoints.conftest import SECONDS, end
from ..endpoints.conftest import home as registered
from .conftest import Answer, Call

__all__ = ["registered"]


@pytest.fixture
def labline_home(registered: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of the server: the one with the models."""
    monkeypatch.setenv("LABLINE_HOME", str(registered.root))
    yield registered.root
    with Endpoints(registered) as endpoints:
        for found in endpoints.all():
            end(registered, found)
            EndpointFolder.of(registered, found.endpoint.name).remove()
    with sqlite3.connect(registered.database) as connection:
        connection.execute("DELETE FROM endpoints")
    connection.close()


async def settled(call: Call, name: str) -> Answer:
    end_ = time.monotonic() + SECONDS
    while time.monotonic() < end_:
        answer = await call("GET", f"endpoints/{name}")
        if answer.document["settled"]:
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError("the endpoint did not settle")


async def test_a_model_is_deployed_asked_through_jupyter_and_stopped(
    labline_home: Path, call: Call, jp_fetch: Any, http_server_client: Any, jp_base_url: str
) -> None:
    assert (await call("GET", "endpoints")).document == {"endpoints": []}
    made = await call("POST", "endpoints", {"model": "tide/3", "name": "high-tide"})
    assert (made.status, made.document["name"]) == (202, "high-tide")
    served = (await settled(call, "high-tide")).document
    assert (served["state"], served["message"], served["versions"]) == ("ready", "serves tide/3", {"3": "3"})
    token = Path(served["token_file"]).read_text()
    assert token not in json.dumps(served)

    asked = ("labline", "endpoints", "high-tide", "invocations")
    body = json.dumps({"dataframe_records": [{"a": 1.0, "b": 2.0}]})
    answer = await jp_fetch(*asked, method="POST", body=body, headers={"Content-Type": "application/json"})
    assert json.loads(answer.body) == {"predictions": [9.0]}
    assert answer.headers["x-labline-version"] == "3"
    with pytest.raises(tornado.httpclient.HTTPClientError) as refused:
        await jp_fetch(*asked, method="POST", body="{", headers={"Content-Type": "application/json"})
    assert refused.value.code == 400
    with pytest.raises(tornado.httpclient.HTTPClientError) as stranger:
        await http_server_client.fetch(f"{jp_base_url}{'/'.join(asked)}", method="POST", body=body)
    assert stranger.value.code == 403

    assert "serves tide/3" in (await call("GET", "endpoints/high-tide/log")).document["text"]
    await call("POST", "endpoints/high-tide/stop")
    end_ = time.monotonic() + SECONDS
    while (await call("GET", "endpoints/high-tide")).document["state"] != "stopped" and time.monotonic() < end_:
        await asyncio.sleep(0.1)
    with pytest.raises(tornado.httpclient.HTTPClientError) as gone:
        await jp_fetch(*asked, method="POST", body=body)
    assert gone.value.code == 503
    assert (await call("DELETE", "endpoints/high-tide")).document["state"] == "stopped"
    assert (await call("GET", "endpoints/high-tide")).status == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": "a/b/c"}, "names no model"),
        ({"model": "tide", "workers": 0}, "workers"),
        ({"model": "tide", "split": {"champion": -1}}, "split"),
        ({"model": "tide", "canary": "x"}, "The canary is one of several"),
        ({}, "model"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(body: Any, said: str, call: Call) -> None:
    answer = await call("POST", "endpoints", body)
    assert answer.status == 400
    assert said in answer.document["message"]


@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("DELETE", ""), ("POST", "/stop"), ("GET", "/log")])
async def test_an_endpoint_that_is_not_there_is_404(method: str, rest: str, call: Call) -> None:
    assert (await call(method, f"endpoints/none{rest}")).status == 404


async def test_the_way_to_an_endpoint_that_is_not_there_is_404(jp_fetch: Any) -> None:
    with pytest.raises(tornado.httpclient.HTTPClientError) as refused:
        await jp_fetch("labline", "endpoints", "none", "v2", "health", "live")
    assert refused.value.code == 404
