"""Identity from a gateway's header: real servers, asked over HTTP and WebSockets as it asks, and as others do."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from labline_backend.gateway import GATEWAY_HEADER

from .cli.conftest import REPOSITORY, SECONDS, Labline, environment, labline

__all__ = ["environment", "labline"]  # fixtures

HEADER = "kubeflow-userid"
OWNER = {HEADER: "accounts.example.org:ann@example.org"}
SECRET = "between-the-gateway-and-us"
GATEWAYS = {GATEWAY_HEADER: SECRET}
TOKEN = "of-the-environment"
XSRF = "ab" * 16
CHECKED = {"Cookie": f"_xsrf={XSRF}", "X-XSRFToken": XSRF}  # as a page of this server sends it
STATUS = "/labline/api/v1/status"
EVENTS = "/labline/api/v1/events"

# What a request looks like to whatever it may be passed on to.
ECHO = """\
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated


class Echo(APIHandler):
    @authenticated
    def get(self):
        self.finish({"headers": [name.lower() for name in self.request.headers]})


def _jupyter_server_extension_points():
    return [{"module": "echo"}]


def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*", [("/echo", Echo)])
"""


class Served:
    """A server on a port of loopback."""

    def __init__(self, command: list[str], folder: Path, port: int) -> None:
        self.port = port
        self.log = (folder / "log.txt").open("w")
        python = os.pathsep.join([str(REPOSITORY / "backend"), str(REPOSITORY / "compiler"), str(folder)])
        own = {"PYTHONPATH": python, "PYTHONWARNINGS": "ignore", "JUPYTER_TOKEN": TOKEN}
        places = {"LABLINE_HOME": "home", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env={**os.environ, **own, **{name: str(folder / place) for name, place in places.items()}},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> None:
        for _ in range(SECONDS * 10):
            assert self.process.poll() is None, self.said()
            with contextlib.suppress(OSError):
                assert self.get("/api", {})[0] == 200  # what probes ask, who have no header
                return
            time.sleep(0.1)
        pytest.fail(f"it never came up: {self.said()}")

    def get(self, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers, data=data)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def opened(self, path: str, headers: dict[str, str]) -> websocket.WebSocket:
        return websocket.create_connection(
            f"ws://127.0.0.1:{self.port}{path}",
            header=headers,
            origin=f"http://127.0.0.1:{self.port}",
            timeout=SECONDS,
        )

    def refuses_a_socket(self, path: str, headers: dict[str, str]) -> bool:
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            self.opened(path, headers)
        return bool(refused.value.status_code == 403)

    def said(self) -> str:
        return Path(self.log.name).read_text()  # opened anew: to seek would move where the server writes


@contextlib.contextmanager
def served(folder: Path, *command: str) -> Iterator[Served]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Served([each.replace("PORT", str(port)) for each in command], folder, port)
    try:
        server.wait()
        yield server
    finally:
        server.process.terminate()  # so that it ends its kernels, too
        try:
            server.process.wait(SECONDS)
        finally:
            server.process.kill()
            server.log.close()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``labline server`` on a network that lets nobody but the gateway in."""
    own = ["labline_backend", "server", "--port=PORT", "--allow-root", "--gateway-only", f"--user-header={HEADER}"]
    whom = ["--user-prefix=accounts.example.org:", "--owner=ann@example.org", "--owner=bob@example.org"]
    with served(tmp_path_factory.mktemp("closed"), *own, *whom) as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Jupyter Server with Labline, which shares a secret with a gateway on this machine."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "secret").write_text(f"{SECRET}\n")
    (folder / "echo.py").write_text(ECHO)
    settings: dict[str, Any] = {
        "ServerApp.port": "PORT",
        "ServerApp.allow_root": True,
        "ServerApp.open_browser": False,
        "ServerApp.jpserver_extensions": "{'labline_backend': True, 'echo': True}",
        "ServerApp.identity_provider_class": "labline_backend.gateway.GatewayIdentityProvider",
        "GatewayIdentityProvider.owners": "ann@example.org",
        "GatewayIdentityProvider.user_prefix": "accounts.example.org:",
        "GatewayIdentityProvider.trusted_peers": "127.0.0.0/8",
        "GatewayIdentityProvider.secret_file": str(folder / "secret"),
    }
    with served(folder, "jupyter_server", *(f"--{name}={value}" for name, value in settings.items())) as server:
        yield server


def test_an_owner_is_let_in_and_known_by_name(closed: Served) -> None:
    assert closed.get(STATUS, OWNER)[0] == 200
    status, body = closed.get("/api/me", OWNER)
    assert status == 200
    assert json.loads(body)["identity"]["username"] == "ann@example.org"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: ""},
        {HEADER: "accounts.example.org:"},
        {HEADER: "accounts.example.org:eve@example.org"},
        {HEADER: "ann@example.org"},
        {HEADER: "accounts.example.org:ann@example.org,accounts.example.org:eve@example.org"},
        {"Authorization": f"token {TOKEN}"},
        {"Authorization": "token "},
    ],
    ids=["nothing", "empty", "only the prefix", "a stranger", "no prefix", "two", "a token", "an empty token"],
)
def test_others_are_let_in_neither_by_http_nor_by_a_socket(closed: Served, headers: dict[str, str]) -> None:
    assert closed.get(STATUS, headers)[0] == 403
    assert closed.refuses_a_socket(EVENTS, headers)


def test_a_header_that_came_twice_names_nobody(closed: Served) -> None:
    # As where a gateway adds its header to one that its client has sent.
    name = OWNER[HEADER]
    asked = (
        f"GET {STATUS} HTTP/1.1\r\nHost: 127.0.0.1\r\n{HEADER}: {name}\r\n{HEADER}: {name}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", closed.port), timeout=SECONDS) as connection:
        connection.sendall(asked.encode())
        assert connection.makefile("rb").readline().split()[1] == b"403"


def test_pages_say_that_the_gateway_names_nobody(closed: Served) -> None:
    status, body = closed.get("/labline/mlflow/", {"Accept": "text/html"})
    assert status == 403
    status, body = closed.get("/login", {"Accept": "text/html"})
    assert status == 403
    assert b"The gateway does not say who you are, or this server is not yours." in body


def test_a_socket_carries_events_to_an_owner(closed: Served) -> None:
    with contextlib.closing(closed.opened(EVENTS, OWNER)) as events:
        assert json.loads(events.recv())["kind"] == "hello"


def test_a_socket_of_another_sites_page_is_refused(closed: Served) -> None:
    # The gateway knows the user by a cookie, which browsers send along for any page.
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(
            f"ws://127.0.0.1:{closed.port}{EVENTS}", header=OWNER, origin="https://elsewhere.example", timeout=SECONDS
        )


def test_what_changes_something_takes_the_xsrf_token(closed: Served) -> None:
    body: dict[str, Any] = {"notebook": "none.ipynb"}
    assert closed.get("/labline/api/v1/pipelines", OWNER, body)[0] == 403
    status, answer = closed.get("/labline/api/v1/pipelines", {**OWNER, **CHECKED}, body)
    assert (status, b"XSRF" in answer or b"_xsrf" in answer) == (400, False)  # it got as far as what is asked for
    assert closed.get("/labline/api/v1/pipelines", CHECKED, body)[0] == 403


def test_a_kernels_channels_are_its_owners(closed: Served) -> None:
    status, body = closed.get("/api/kernels", {**OWNER, **CHECKED}, {"name": "python3"})
    assert status == 201, body
    channels = f"/api/kernels/{json.loads(body)['id']}/channels"
    assert closed.refuses_a_socket(channels, {})
    assert closed.refuses_a_socket(channels, {HEADER: "accounts.example.org:eve@example.org"})
    header = {"msg_id": "1", "msg_type": "kernel_info_request", "session": "1", "username": "", "version": "5.3"}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": {}, "channel": "shell"}
    with contextlib.closing(closed.opened(channels, OWNER)) as opened:
        opened.send(json.dumps(message))
        while json.loads(opened.recv())["msg_type"] != "kernel_info_reply":
            pass


def test_who_was_not_let_in_is_told_in_the_log(closed: Served) -> None:
    closed.get(STATUS, {HEADER: "accounts.example.org:mallory@example.org"})
    assert f"Not let in at {STATUS}: 'mallory@example.org' is none of this server's owners." in closed.said()


@pytest.mark.parametrize("secret", [None, "guessed-by-somebody-else", ""])
def test_without_the_gateways_secret_its_header_is_worth_nothing(shared: Served, secret: str | None) -> None:
    headers = OWNER if secret is None else {**OWNER, GATEWAY_HEADER: secret}
    assert shared.get(STATUS, headers)[0] == 403
    assert shared.refuses_a_socket(EVENTS, headers)
    assert "it came without the gateway's secret" in shared.said()


def test_with_the_gateways_secret_an_owner_is_let_in(shared: Served) -> None:
    assert shared.get(STATUS, {**OWNER, **GATEWAYS})[0] == 200
    with contextlib.closing(shared.opened(EVENTS, {**OWNER, **GATEWAYS})) as events:
        assert json.loads(events.recv())["kind"] == "hello"


def test_the_secret_alone_names_nobody(shared: Served) -> None:
    assert shared.get(STATUS, GATEWAYS)[0] == 403


def test_the_secret_stays_with_the_server(shared: Served) -> None:
    status, body = shared.get("/echo", {**OWNER, **GATEWAYS})
    assert status == 200
    assert HEADER in json.loads(body)["headers"]
    assert GATEWAY_HEADER.lower() not in json.loads(body)["headers"]
    assert SECRET not in shared.said()


def test_a_peer_is_judged_by_its_socket_whatever_it_says_of_itself(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text("c.ServerApp.trust_xheaders = True\n")
    own = ["labline_backend", "server", "--port=PORT", "--allow-root", f"--user-header={HEADER}"]
    whom = ["--user-prefix=accounts.example.org:", "--owner=ann@example.org", "--gateway-peer=10.1.0.0/16"]
    with served(tmp_path, *own, *whom) as server:
        for said in ({}, {"X-Forwarded-For": "10.1.0.1"}, {"X-Real-Ip": "10.1.0.1"}):
            assert server.get(STATUS, {**OWNER, **said})[0] == 403
        assert "the connection comes from 127.0.0.1, which is not the gateway" in server.said()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--owner=ann"], "Whoever reaches this port could write the header kubeflow-userid"),
        (["--gateway-only"], "Nobody is let in."),
        (["--owner=ann", "--gateway-peer=10.1.0"], "The gateway's addresses cannot be read"),
        (["--owner=ann", "--gateway-secret=short"], "is not ASCII or shorter than 16 characters"),
    ],
    ids=["open to all", "open to nobody", "no address", "a short secret"],
)
def test_a_server_that_anybody_could_deceive_does_not_start(
    labline: Labline, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "short").write_text("guessable")
    done = labline("server", "--port=0", "--allow-root", f"--user-header={HEADER}", *arguments, PYTHONWARNINGS="ignore")
    assert done.code == 1
    assert said in done.err
    assert "guessable" not in done.err


def test_what_is_said_of_a_gateway_takes_its_header(labline: Labline) -> None:
    done = labline("server", "--port=0", "--allow-root", "--owner=ann", "--gateway-only")
    assert done.code == 2
    assert "--user-header NAME" in done.err
