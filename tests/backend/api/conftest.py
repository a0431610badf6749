"""A Jupyter server with the extension, and a client that believes nothing that the OpenAPI document does not say."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tornado.httpclient

from labline_backend.api import schemas
from labline_backend.api.routes import PREFIX

from ..notebooks import write


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {
        "ServerApp": {
            "jpserver_extensions": {"labline_backend": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
            "reraise_server_extension_failures": True,
        },
        "LablineApp": {"track": False},  # MLflow takes seconds to import; one test has it on
    }


@dataclass(frozen=True)
class Answer:
    status: int
    document: Any


Call = Callable[..., Awaitable[Answer]]


@pytest.fixture
def call(jp_fetch: Any) -> Call:
    """Call the API; every answer is checked against the document."""

    async def call(method: str, path: str, body: Any = None, **params: Any) -> Answer:
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        if method == "POST" and data is None:
            data = ""
        try:
            response = await jp_fetch(
                *PREFIX.strip("/").split("/"), *path.strip("/").split("/"), method=method, body=data, params=params
            )
        except tornado.httpclient.HTTPClientError as error:
            response = error.response
        assert response.headers["Content-Type"].startswith("application/json")
        document = json.loads(response.body, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
        check(method, path, response.code, document)
        return Answer(response.code, document)

    return call


SECONDS = 120  # after which a test that waits has failed
SHAPES = {"run": "Run", "step": "StepRun", "cell": "CellEvent"}


class Listener:
    """A client of the WebSocket; every event is checked against the document."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.cursor = -1
        self.closed = False  # and that has been read: the next reading would wait for ever

    def send(self, document: Any) -> None:
        self.socket.write_message(document if isinstance(document, str) else json.dumps(document))

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """The next message, of this kind if one is given."""
        async with asyncio.timeout(SECONDS):
            while (text := await self.socket.read_message()) is not None:
                message = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
                if message["kind"] in SHAPES:
                    against({"$ref": f"#/components/schemas/{SHAPES[message['kind']]}"}, message["data"])
                    assert message["seq"] > self.cursor
                    self.cursor = message["seq"]
                if kind in (None, message["kind"]):
                    return dict(message)
        self.closed = True
        raise AssertionError("the socket was closed")

    async def leave(self) -> None:
        """Close the socket, unless the server has, and wait until it is."""
        self.socket.close()
        while not self.closed:
            self.closed = await self.socket.read_message() is None

    async def until_ended(self, run: str) -> list[dict[str, Any]]:
        """All messages up to the one that says that *run* has ended."""
        messages = []
        while True:
            messages.append(message := await self.next())
            if message["kind"] == "run" and message["run"] == run and message["data"]["ended"] is not None:
                return messages

    async def until_seq(self, seq: int) -> list[dict[str, Any]]:
        """All events up to this one."""
        messages = []
        while self.cursor < seq:
            messages.append(await self.next())
        return messages

    async def whole_log(self, run: str, step: str, offset: int = 0) -> str:
        """What the socket tells of a log until it is complete."""
        self.send({"subscribe": {"run": run, "step": step, "offset": offset}})
        text = ""
        while True:
            part = await self.next("log")
            text += part["text"]
            if part["complete"]:
                return text


Listen = Callable[..., Awaitable[Listener]]


@pytest.fixture
def listen(jp_ws_fetch: Any, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Listen]:
    """Open the WebSocket."""
    listeners: list[Listener] = []

    async def listen(**params: Any) -> Listener:
        listeners.append(Listener(await jp_ws_fetch(*PREFIX.strip("/").split("/"), "events", params=params)))
        return listeners[-1]

    async def leave() -> None:
        for listener in listeners:
            await listener.leave()

    yield listen
    jp_asyncio_loop.run_until_complete(leave())


@pytest.fixture
def cookie(jp_serverapp: Any, http_server_client: Any, jp_base_url: str) -> Callable[[], Awaitable[str]]:
    """Log in as a browser does: what it sends from then on."""

    async def cookie() -> str:
        page = await http_server_client.fetch(f"{jp_base_url}login")
        cookies = dict(each.partition(";")[0].split("=", 1) for each in page.headers.get_list("Set-Cookie"))
        form = {"password": jp_serverapp.identity_provider.token, "_xsrf": cookies["_xsrf"]}
        answer = await http_server_client.fetch(
            f"{jp_base_url}login",
            method="POST",
            body=urllib.parse.urlencode(form),
            headers={"Cookie": f"_xsrf={cookies['_xsrf']}"},
            follow_redirects=False,
            raise_error=False,
        )
        cookies |= dict(each.partition(";")[0].split("=", 1) for each in answer.headers.get_list("Set-Cookie"))
        return "; ".join(f"{name}={value}" for name, value in cookies.items())

    return cookie


Run = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def run(call: Call, listen: Listen, jp_root_dir: Path) -> Run:
    """Run a notebook of these cells to its end."""

    async def run(*cells: dict[str, Any], **request: Any) -> dict[str, Any]:
        write(jp_root_dir / "notebook.ipynb", *cells)
        listener = await listen()
        await listener.next("hello")
        answer = await call("POST", "runs", {"path": "notebook.ipynb", **request})
        assert answer.status == 201, answer.document["message"]
        await listener.until_ended(answer.document["id"])
        return dict((await call("GET", f"runs/{answer.document['id']}")).document)

    return run


def check(method: str, path: str, status: int, document: Any) -> None:
    """Fail where an answer is not what the OpenAPI document says."""
    responses = operation(method, path).get("responses", {})
    if str(status) in responses:
        schema = responses[str(status)]["content"]["application/json"]["schema"]
    else:
        assert status >= 400, f"{method} {path} may not answer {status}"
        schema = {"$ref": "#/components/schemas/Problem"}
    against(schema, document)


def against(schema: dict[str, Any], document: Any) -> None:
    """Fail where *document* does not fit *schema*."""
    whole = {**schema, "components": schemas.document()["components"]}
    jsonschema.validate(document, whole, jsonschema.Draft202012Validator)


def operation(method: str, path: str) -> dict[str, Any]:
    """The document's entry for a call; empty where it has none."""
    for template, item in schemas.document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), "/" + path.strip("/")):
            return item.get(method.lower(), {})
    return {}
