from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.utils import url_path_join
from tornado.httpclient import HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application, RequestHandler

from labline_backend.home import Home
from labline_backend.tracking.proxy import handlers
from labline_backend.tracking.ui import MLflowUI, UIError, serve_ui

SEARCH = ("labline", "mlflow", "ajax-api", "2.0", "mlflow", "experiments", "search")


def page() -> dict[str, str]:
    """The headers of a person's browser; new ones each time, for the fixtures add to them."""
    return {"Accept": "text/html"}


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[MLflowUI]:
    ui = MLflowUI(lambda: Home.open(tmp_path / "home"))
    yield ui
    ui.stop()


@pytest.fixture
def fetch(jp_serverapp: Any, jp_fetch: Callable[..., Any], ui: MLflowUI) -> Callable[..., Any]:
    """Fetch from a Jupyter server that has the user interface, with its token."""
    mount(jp_serverapp, ui)
    return jp_fetch


def mount(jp_serverapp: Any, ui: Any) -> None:
    routes = [(url_path_join(jp_serverapp.base_url, path), *rest) for path, *rest in handlers(ui)]
    jp_serverapp.web_app.add_handlers(".*$", routes)


async def refused(answer: Any) -> int:
    with pytest.raises(HTTPClientError) as refusal:
        await answer
    return int(refusal.value.code)


async def test_the_api_is_reached_through_the_jupyter_server(fetch: Callable[..., Any], ui: MLflowUI) -> None:
    assert ui.pid is None
    answer = await fetch(
        *SEARCH,
        method="POST",
        body=json.dumps({"max_results": 5}),
        headers={"Content-Type": "application/json"},
        request_timeout=120,
    )
    assert [experiment["name"] for experiment in json.loads(answer.body)["experiments"]] == ["Default"]
    shown = await fetch("labline", "mlflow", "/", headers=page())
    assert b"<title>MLflow</title>" in shown.body
    pid = ui.pid
    assert pid
    ui.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_person_is_told_to_wait_and_the_page_reloads_itself(fetch: Callable[..., Any]) -> None:
    shown = await fetch("labline", "mlflow", "/", headers=page())
    assert shown.code == 202
    assert b"location.reload()" in shown.body


async def test_an_mlflow_server_is_where_people_are_sent(
    fetch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, ui: MLflowUI
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@tracking.example")
    with pytest.raises(HTTPClientError) as answer:
        await fetch("labline", "mlflow", "/", headers=page(), follow_redirects=False)
    assert answer.value.response is not None
    assert answer.value.response.headers["Location"] == "https://tracking.example"
    assert ui.pid is None


async def test_without_a_token_a_program_is_refused(
    fetch: Callable[..., Any], jp_base_url: str, http_server_client: Any, ui: MLflowUI
) -> None:
    path = url_path_join(jp_base_url, *SEARCH)
    assert await refused(http_server_client.fetch(path)) == 403
    assert await refused(http_server_client.fetch(path, method="POST", body="{}")) == 403
    assert ui.pid is None


async def test_without_a_token_a_person_is_sent_to_the_login_page(
    fetch: Callable[..., Any], jp_base_url: str, http_server_client: Any
) -> None:
    path = url_path_join(jp_base_url, "labline/mlflow/")
    with pytest.raises(HTTPClientError) as answer:
        await http_server_client.fetch(path, headers=page(), follow_redirects=False)
    assert answer.value.response is not None
    assert "/login?" in answer.value.response.headers["Location"]


class _Echo(RequestHandler):
    def _echo(self) -> None:
        self.set_header("Set-Cookie", "theirs=1")
        self.add_header("Vary", "Accept")
        self.add_header("Vary", "Cookie")
        self.write({"headers": dict(self.request.headers), "uri": self.request.uri, "method": self.request.method})

    get = post = put = patch = delete = _echo


class EchoUI:
    """Stands where MLflow does and says what it was asked."""

    def __init__(self, path: Path) -> None:
        self.socket = path

    async def start(self) -> Path:
        return self.socket


@pytest.fixture
def echo(jp_serverapp: Any, tmp_path: Path) -> Iterator[None]:
    """The proxy in front of a server that answers with what it was asked."""
    server = HTTPServer(Application([(".*", _Echo)]))
    path = tmp_path / "echo"
    server.add_socket(bind_unix_socket(str(path)))
    mount(jp_serverapp, EchoUI(path))
    yield
    server.stop()


@pytest.fixture
def as_browser(echo: None, jp_serverapp: Any, http_server_client: Any, jp_base_url: str) -> Callable[..., Any]:
    """Fetch as a browser does that has logged in: with cookies instead of a token."""

    async def fetch(method: str = "POST", path: str = "labline/mlflow/api", **headers: str) -> Any:
        login = url_path_join(jp_base_url, "login")
        form = await http_server_client.fetch(login)
        cookies = [form.headers["Set-Cookie"].split(";")[0]]
        xsrf = cookies[0].partition("=")[2]
        with pytest.raises(HTTPClientError) as entered:
            await http_server_client.fetch(
                f"{login}?_xsrf={xsrf}",
                method="POST",
                body=f"password={jp_serverapp.identity_provider.token}",
                headers={"Cookie": cookies[0]},
                follow_redirects=False,
            )
        assert entered.value.response is not None
        cookies += [each.split(";")[0] for each in entered.value.response.headers.get_list("Set-Cookie")]
        return await http_server_client.fetch(
            url_path_join(jp_base_url, path),
            method=method,
            body="{}" if method != "GET" else None,
            headers={"Cookie": "; ".join(cookies)} | {name.replace("_", "-"): value for name, value in headers.items()},
        )

    return fetch


async def test_a_page_of_this_server_may_change_things(as_browser: Callable[..., Any], jp_http_port: int) -> None:
    answer = await as_browser(Origin=f"http://127.0.0.1:{jp_http_port}")
    assert json.loads(answer.body)["method"] == "POST"


async def test_a_page_of_another_site_may_not(as_browser: Callable[..., Any]) -> None:
    assert await refused(as_browser(Origin="https://evil.example")) == 403
    assert await refused(as_browser(Sec_Fetch_Site="cross-site")) == 403


async def test_a_server_open_to_every_origin_lets_none_of_them_write(
    as_browser: Callable[..., Any], jp_serverapp: Any, jp_http_port: int
) -> None:
    jp_serverapp.web_app.settings["allow_origin"] = "*"
    assert await refused(as_browser(Origin="https://evil.example")) == 403
    assert (await as_browser(Origin=f"http://127.0.0.1:{jp_http_port}")).code == 200


async def test_a_site_that_the_server_names_may_write(as_browser: Callable[..., Any], jp_serverapp: Any) -> None:
    jp_serverapp.web_app.settings["allow_origin"] = "https://friend.example"
    assert (await as_browser(Origin="https://friend.example")).code == 200


async def test_a_header_given_twice_arrives_twice(as_browser: Callable[..., Any]) -> None:
    answer = await as_browser("GET")
    assert answer.headers.get_list("Vary") == ["Accept", "Cookie"]


async def test_an_origin_is_required_of_a_cookie(as_browser: Callable[..., Any]) -> None:
    assert await refused(as_browser()) == 403


async def test_jupyters_credentials_stay_with_jupyter(as_browser: Callable[..., Any], jp_http_port: int) -> None:
    answer = await as_browser("GET", "labline/mlflow/a%2Fb?token=abc&x=1", Authorization="nothing")
    told = json.loads(answer.body)
    assert told["uri"] == "/a%2Fb?x=1"
    assert {"Cookie", "Authorization"}.isdisjoint(told["headers"])
    assert "theirs=1" not in answer.headers.get_list("Set-Cookie")


async def test_a_data_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ui = MLflowUI(lambda: Home.open(tmp_path / "file"))
    with pytest.raises(UIError, match="a file is in its way"):
        await ui.start()


async def test_a_store_that_cannot_be_opened_is_told(ui: MLflowUI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nosuch://store")
    with pytest.raises(UIError, match=r"did not start.*nosuch"):
        await ui.start()


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UIError, match="another program uses it"):
            serve_ui(Home.open(tmp_path / "home"), taken.getsockname()[1], print)
