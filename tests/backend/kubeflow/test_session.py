"""Signing in through the REST API: what is shown first, where the password goes, and where it never is."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import tornado.httpclient

from labline_backend.api.routes import PREFIX
from labline_backend.home import Home
from labline_backend.kubeflow.targets import Target, Targets
from tests.backend.api.conftest import Call, call, cookie, jp_server_config
from tests.backend.kubeflow.gateway import PASSWORD, SESSION, USER, Site
from tests.backend.kubeflow.test_signin import gateway, other

__all__ = ["call", "cookie", "gateway", "jp_server_config", "other"]


@pytest.fixture
def kept(gateway: Site, labline_home: Path, tmp_path: Path) -> Path:
    """Where the session of the target ``prod`` is to be kept."""
    file = tmp_path / "session"
    target = Target("prod", f"{gateway.url}/pipeline", auth="cookie", secret=f"file:{file}")
    Targets(Home.open(labline_home)).add(target)
    return file


def given(where: Site, **more: Any) -> dict[str, Any]:
    return {"user": USER, "password": PASSWORD, "site": where.url} | more


async def codes(call: Call) -> list[str]:
    return [found["code"] for found in (await call("POST", "targets/prod/check")).document["findings"]]


async def test_who_signs_in_where_that_was_shown_is_let_in(call: Call, gateway: Site, kept: Path) -> None:
    assert await codes(call) == ["LL617"]
    page = (await call("POST", "targets/prod/sign-in-page", {})).document
    assert page == {"site": gateway.url, "target_site": gateway.url, "connectors": []}
    assert gateway.posted == []
    answer = await call("POST", "targets/prod/session", given(gateway))
    assert (answer.status, answer.document["kept_in"]) == (200, f"file:{kept}")
    assert answer.document["expires"] > 0
    assert kept.read_text().startswith(f"{SESSION}=")
    assert await codes(call) == []
    gateway.end_sessions()
    assert await codes(call) == ["LL617"]


async def test_another_site_than_the_targets_is_shown_and_gets_the_password_when_it_is_named(
    call: Call, gateway: Site, other: Site, kept: Path
) -> None:
    gateway.ways.elsewhere, gateway.dex_elsewhere = other.url, other
    page = (await call("POST", "targets/prod/sign-in-page", {})).document
    assert (page["site"], page["target_site"]) == (other.url, gateway.url)
    refused = await call("POST", "targets/prod/session", given(gateway))
    assert (refused.status, "nothing was sent there" in refused.document["message"]) == (400, True)
    assert (gateway.posted, other.posted, kept.exists()) == ([], [], False)
    assert (await call("POST", "targets/prod/session", given(other))).status == 200
    assert len(other.posted) == 1


async def test_the_way_to_sign_in_is_asked_for_where_there_are_several(call: Call, gateway: Site, kept: Path) -> None:
    gateway.ways.connectors = ("github", "ldap")
    page = (await call("POST", "targets/prod/sign-in-page", {})).document
    assert (page["site"], page["connectors"]) == (None, ["github", "ldap"])
    chosen = await call("POST", "targets/prod/sign-in-page", {"connector": "github"})
    assert (chosen.status, "takes no user name and password" in chosen.document["message"]) == (422, True)
    gateway.ways.connectors = ("ldap", "local")
    page = (await call("POST", "targets/prod/sign-in-page", {"connector": "local"})).document
    assert (page["site"], page["connectors"]) == (gateway.url, ["ldap", "local"])
    assert (await call("POST", "targets/prod/session", given(gateway, connector="local"))).status == 200


async def test_a_wrong_password_is_refused_in_words(call: Call, gateway: Site, kept: Path) -> None:
    refused = await call("POST", "targets/prod/session", given(gateway, password="wrong"))
    assert (refused.status, "refuses this user name or password" in refused.document["message"]) == (422, True)
    assert not kept.exists()


@pytest.mark.parametrize(
    ("changed", "status"),
    [({}, 200), ({"site": "http://127.0.0.1:1"}, 400), ({"password": [PASSWORD]}, 400), ({"passwords": PASSWORD}, 400)],
    ids=["taken", "elsewhere", "no text", "too much"],
)
async def test_neither_name_nor_password_is_logged_answered_or_kept(
    call: Call,
    gateway: Site,
    kept: Path,
    labline_home: Path,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, Any],
    status: int,
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = await call("POST", "targets/prod/session", given(gateway, **changed))
    assert answer.status == status
    everywhere = f"{caplog.text}{answer.document}".encode()
    everywhere += b"".join(file.read_bytes() for file in (*labline_home.rglob("*"), kept) if file.is_file())
    assert "session" in caplog.text  # the call itself is there
    assert PASSWORD.encode() not in everywhere and USER.encode() not in everywhere


async def test_of_a_target_without_a_session_that_is_said(
    call: Call, gateway: Site, kept: Path, labline_home: Path
) -> None:
    Targets(Home.open(labline_home)).add(Target("plain", gateway.url))
    for path, body in (("sign-in-page", {}), ("session", given(gateway))):
        refused = await call("POST", f"targets/plain/{path}", body)
        assert (refused.status, "takes no cookie" in refused.document["message"]) == (422, True)
        assert (await call("POST", f"targets/none/{path}", body)).status == 404
    assert gateway.asked == []


async def test_a_page_of_another_site_cannot_sign_in_with_the_browsers_cookie(
    cookie: Any, http_server_client: Any, jp_base_url: str, gateway: Site, kept: Path
) -> None:
    for path in ("sign-in-page", "session"):
        with pytest.raises(tornado.httpclient.HTTPClientError, match="403"):
            await http_server_client.fetch(
                f"{jp_base_url}{PREFIX[1:]}/targets/prod/{path}",
                method="POST",
                body="{}",
                headers={"Cookie": await cookie()},
            )
    assert gateway.asked == []
