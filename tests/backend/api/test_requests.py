"""What the API does with requests that are not as they should be."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import tornado.httpclient

from labline_backend.api.routes import PREFIX

from ..notebooks import DOUBLE, notebook, write
from .conftest import Call

ROUTES = [
    ("GET", "status"),
    ("POST", "pipelines"),
    ("GET", "runs"),
    ("POST", "runs"),
    ("GET", "runs/some"),
    ("POST", "runs/some/cancel"),
    ("GET", "kept-processes"),
    ("POST", "runs/some/steps/load/release"),
    ("GET", "runs/some/steps/load/log"),
    ("GET", "runs/some/steps/load/notebook"),
    ("POST", "targets/some/sign-in-page"),
    ("POST", "targets/some/session"),
    ("GET", "nothing/here"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_stranger_is_refused(jp_fetch: Any, method: str, path: str) -> None:
    with pytest.raises(tornado.httpclient.HTTPClientError) as refused:
        await jp_fetch(
            *f"{PREFIX}/{path}".strip("/").split("/"),
            method=method,
            body="{}" if method == "POST" else None,
            headers={"Authorization": "token wrong"},
            follow_redirects=False,
        )
    assert refused.value.code == 403
    assert set(json.loads(refused.value.response.body)) == {"message", "findings"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_user_without_the_permission_is_refused(
    call: Call, jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    asked = []

    def refuse(handler: Any, user: Any, action: str, resource: str) -> bool:
        asked.append((action, resource))
        return False

    monkeypatch.setattr(jp_serverapp.authorizer, "is_authorized", refuse)
    answer = await call(method, path, "{}" if method == "POST" else None)
    if path == "nothing/here":
        assert answer.status == 404
    else:
        assert answer.status == 403
        assert asked == [("read" if method == "GET" else "write", "labline")]


async def test_a_cookie_alone_cannot_change_anything(cookie: Any, http_server_client: Any, jp_base_url: str) -> None:
    with pytest.raises(tornado.httpclient.HTTPClientError, match="403") as refused:
        await http_server_client.fetch(
            f"{jp_base_url}{PREFIX[1:]}/runs", method="POST", body="{}", headers={"Cookie": await cookie()}
        )
    assert "_xsrf" in json.loads(refused.value.response.body)["message"]


async def test_what_is_not_there_is_a_problem(call: Call) -> None:
    assert (await call("GET", "nothing/here")).status == 404


async def test_a_method_that_is_not_there_is_a_problem(call: Call) -> None:
    assert (await call("DELETE", "runs")).status == 405


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "The request is not valid"),
        ("{}", "'path' is a required property"),
        ('{"path": 5}', "'path'"),
        ('{"path": "a.ipynb", "parameters": {"depth": 5}}', "'parameters.depth'"),
        ('{"path": "a.ipynb", "cache": "no"}', "'cache'"),
        ('{"path": "a.ipynb", "contents": {}}', "contents"),
        ('{"path": "a.ipynb", "content": []}', "'content'"),
    ],
)
async def test_a_body_that_does_not_fit_names_the_field(call: Call, body: str, sentence: str) -> None:
    answer = await call("POST", "runs", body)
    assert answer.status == 400
    assert sentence in answer.document["message"]


async def test_a_complaint_does_not_repeat_a_long_body(call: Call) -> None:
    answer = await call("POST", "runs", {"path": ["x" * 100_000]})
    assert len(answer.document["message"]) < 500


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "many"), ("limit", 0), ("limit", 501), ("before", "no-such-run")]
)
async def test_a_query_that_does_not_fit_names_the_parameter(call: Call, name: str, value: object) -> None:
    answer = await call("GET", "runs", **{name: value})
    assert answer.status in (400, 404)
    assert (name if answer.status == 400 else str(value)) in answer.document["message"]


@pytest.mark.parametrize("path", ["runs/none", "runs/none/steps/load/log", "runs/none/steps/load/notebook"])
async def test_an_unknown_run_is_not_found(call: Call, path: str) -> None:
    answer = await call("GET", path)
    assert answer.status == 404
    assert "none" in answer.document["message"]


async def test_cancelling_an_unknown_run_is_not_found(call: Call) -> None:
    assert (await call("POST", "runs/none/cancel")).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "../outside.ipynb",
        "sub/../../outside.ipynb",
        "..",
        "",
        "/",
        "link/outside.ipynb",
        "link.ipynb",
        ".hidden/inside.ipynb",
        ".inside.ipynb",
        "nowhere/new.ipynb",
        "null\0.ipynb",
        "x" * 5000 + ".ipynb",
    ],
)
@pytest.mark.parametrize("with_content", [True, False])
async def test_paths_stay_in_the_served_folder(call: Call, jp_root_dir: Path, path: str, with_content: bool) -> None:
    outside = jp_root_dir.parent / "elsewhere"
    outside.mkdir()
    write(outside / "outside.ipynb", *DOUBLE)
    write(jp_root_dir.parent / "outside.ipynb", *DOUBLE)
    (jp_root_dir / "sub").mkdir()
    (jp_root_dir / "link").symlink_to(outside)
    (jp_root_dir / "link.ipynb").symlink_to(outside / "outside.ipynb")
    (jp_root_dir / ".hidden").mkdir()
    write(jp_root_dir / ".hidden" / "inside.ipynb", *DOUBLE)
    write(jp_root_dir / ".inside.ipynb", *DOUBLE)
    answer = await call("POST", "pipelines", {"path": path, "content": notebook(*DOUBLE) if with_content else None})
    assert answer.status == 404
    assert str(jp_root_dir.parent) not in answer.document["message"]


async def test_an_absolute_path_means_one_in_the_served_folder(call: Call, jp_root_dir: Path) -> None:
    write(jp_root_dir / "here.ipynb", *DOUBLE)
    assert (await call("POST", "pipelines", {"path": "/here.ipynb"})).document["pipeline"]["name"] == "here"


async def test_an_error_of_ours_shows_nothing_of_the_inside(
    call: Call, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from labline_backend.service import Service

    def broken(service: Service) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("labline_backend.api.status.Service.status", broken)
    with caplog.at_level(logging.ERROR):
        answer = await call("GET", "status")
    assert answer.status == 500
    assert "secret" not in answer.document["message"]
    assert "secret" in caplog.text


async def test_a_data_folder_that_cannot_be_used_is_told(call: Call, labline_home: Path) -> None:
    labline_home.write_text("a file is in its way")
    answer = await call("GET", "status")
    assert answer.status == 503
    assert str(labline_home) in answer.document["message"]
