"""Signing in at Dex's page, behind oauth2-proxy: the ways there, and the ways that are not taken."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest

from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.kubeflow import browsing
from labline_backend.kubeflow.browsing import Browser, _Told
from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.signin import Session, SignIn, keep
from labline_backend.kubeflow.targets import Target
from labline_backend.service import Service
from labline_backend.targets import MOST_SIGN_INS
from tests.backend.cli.conftest import SECONDS, Labline, environment, labline
from tests.backend.kubeflow.conftest import Client
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.gateway import PASSWORD, SESSION, USER, Site, Ways
from tests.backend.kubeflow.test_cli import here
from tests.backend.kubeflow.test_run import is_running, waiting
from tests.backend.kubeflow.test_targets import Memory, memory
from tests.backend.kubeflow.test_tls import Authority

__all__ = ["environment", "here", "labline", "memory"]


@pytest.fixture
def gateway(emulator: Emulator) -> Iterator[Site]:
    site = Site(emulator.url)
    yield site
    site.close()


@pytest.fixture
def other() -> Iterator[Site]:
    """A Dex on a site of its own."""
    site = Site()
    yield site
    site.close()


def target(site: Site, **more: Any) -> Target:
    return Target("prod", f"{site.url}/pipeline", auth="cookie", secret=more.pop("secret", "keyring:prod"), **more)


def sign_in(site: Site, password: str = PASSWORD, connector: str | None = None) -> Session:
    with SignIn(target(site), connector) as signing:
        signing.find()
        return signing.submit(USER, password)


def refused(site: Site, **more: str) -> TargetError:
    with pytest.raises(TargetError) as caught:
        sign_in(site, **more)
    assert PASSWORD not in f"{caught.value}{caught.value.fix}"
    return caught.value


@pytest.mark.parametrize(
    "ways",
    [
        Ways(),
        Ways(sign_in_page=True),
        Ways(bare=True),
        Ways(approval=True),
        Ways(old_form=True),
        Ways(connectors=("github", "local")),
        Ways(sign_in_page=True, approval=True, connectors=("ldap", "local", "oidc")),
    ],
    ids=str,
)
def test_the_session_that_is_given_lets_in(
    gateway: Site, ways: Ways, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gateway.ways = ways
    session = sign_in(gateway)
    assert re.fullmatch(rf"{SESSION}=[\w-]+", session.cookie)  # and no cookie of the way there
    monkeypatch.setenv("COOKIE", session.cookie)
    client = KubeflowClient(target(gateway, secret="env:COOKIE"))
    try:
        assert client.health().release == "2.15.0"
    finally:
        client.close()


def test_over_https_only_a_server_by_the_named_authority_is_told_anything(emulator: Emulator, tmp_path: Path) -> None:
    right, wrong = (Authority(name, tmp_path) for name in ("right", "wrong"))
    site = Site(emulator.url, tls=right.serving("127.0.0.1"))
    try:
        for file in (str(wrong.file), None):
            with pytest.raises(TargetError, match="is not trusted"), SignIn(target(site, ca_file=file)) as signing:
                signing.find()
        assert site.asked == []
        with SignIn(target(site, ca_file=str(right.file))) as signing:
            assert signing.find() == site.url
            assert signing.submit(USER, PASSWORD).cookie.startswith(SESSION)
    finally:
        site.close()


@pytest.mark.parametrize(("max_age", "ends"), [(3600, True), (None, False), (2**63 - 1, False)])
def test_until_when_it_is_valid_is_told_where_the_cookie_says_so(
    gateway: Site, max_age: int | None, ends: bool
) -> None:
    gateway.ways.max_age = max_age
    assert (sign_in(gateway).expires is not None) == ends


def test_from_https_no_way_leads_to_plain_http(emulator: Emulator, gateway: Site, tmp_path: Path) -> None:
    authority = Authority("right", tmp_path)
    site = Site(emulator.url, Ways(leads_to=gateway.url), tls=authority.serving("127.0.0.1"))
    try:
        with pytest.raises(TargetError, match="from https to plain http, at http://127"):
            SignIn(target(site, ca_file=str(authority.file))).find()
        assert gateway.asked == []
    finally:
        site.close()


def test_what_is_no_text_is_not_sent(gateway: Site) -> None:
    assert "no text that can be sent" in str(refused(gateway, password="\ud800"))
    assert gateway.posted == []


@pytest.mark.parametrize("status", [200, 401])
def test_a_wrong_password_is_refused_in_words(gateway: Site, status: int) -> None:
    gateway.ways.status_of_refusal = status
    assert "refuses this user name or password" in str(refused(gateway, password="wrong"))
    assert gateway.sessions == {}


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        (Ways(sso=True), "a page that takes no user name and password"),
        (Ways(hops=1), "redirects in a circle"),
        (Ways(connectors=("github", "ldap")), "sign in to prod by github, ldap; none is chosen"),
        (Ways(leads_to="http://dex.example.org/auth"), "over plain http to dex.example.org"),
        (Ways(leads_to="ftp://127.0.0.1/auth"), "no address"),
        (Ways(leads_to="https://user:word@127.0.0.1/auth"), "no address"),
        (Ways(leads_to="http://127.0.0.1:1/auth"), "cannot be reached"),
        (Ways(form_to="http://dex.example.org"), "a page that takes no user name and password"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_where_no_password_can_be_given_that_is_said(gateway: Site, ways: Ways, said: str) -> None:
    gateway.ways = ways
    error = refused(gateway)
    assert said in str(error) and error.fix
    assert gateway.posted == []


def test_of_a_page_of_another_kind_it_is_said_how_to_paste_the_cookie(gateway: Site) -> None:
    gateway.ways = Ways(sso=True)
    assert "labline target login prod --paste" in str(refused(gateway).fix)


def test_a_way_to_sign_in_is_chosen_by_its_name(gateway: Site) -> None:
    gateway.ways = Ways(connectors=("github", "ldap"))
    assert "there is no moon" in str(refused(gateway, connector="moon"))
    assert "takes no user name and password" in str(refused(gateway, connector="github"))


def test_a_password_is_never_posted_again_elsewhere(gateway: Site, other: Site) -> None:
    gateway.ways.sends_on = f"{other.url}/dex/auth/local/login"
    assert "wants what was typed in to be sent elsewhere" in str(refused(gateway))
    assert (len(gateway.posted), other.asked) == (1, [])


@pytest.mark.parametrize("ways", [Ways(thinks=0.3), Ways(drips=True)], ids=["many slow pages", "a page without end"])
def test_a_sign_in_takes_no_longer_as_a_whole_than_one_page_may(
    gateway: Site, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "WHOLE_SECONDS", 0.8)
    gateway.ways = ways
    error = refused(gateway)
    assert ("takes too long" in str(error), error.code) == (True, "LL602")
    assert gateway.sessions == {}


def test_where_nobody_needs_to_sign_in_that_is_said(emulator: Emulator, gateway: Site) -> None:
    gateway.sessions = {"": float("inf")}  # everybody's
    assert "asks nobody to sign in" in str(refused(gateway))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"host": "http://kubeflow.example.org/pipeline", "plain_http": True}, "over plain http"),
        ({"port_forward": True, "kubeconfig": "/k"}, "nobody signs in there"),
    ],
)
def test_targets_without_such_a_way_are_refused_before_anything_is_asked(changed: dict[str, object], said: str) -> None:
    given = {"name": "prod", "host": "http://ml-pipeline.kubeflow:8888", "auth": "cookie", "secret": "keyring:prod"}
    with pytest.raises(TargetError, match=said):
        SignIn(Target(**{**given, **changed}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "page",
    [
        "<a " * 300_000,
        "<!--" * 300_000,
        "<a x='" * 200_000,
        "<![foo[x]]>",
        "<a href='https://x:abc/auth/y'>",
        "<?" * 300_000,
        f"<a href='&#{'1' * 5000};'>",
    ],
    ids=lambda page: page[:9],
)
def test_a_page_that_is_no_html_is_a_page_of_another_kind(gateway: Site, page: str) -> None:
    gateway.ways = Ways(shows=page)
    assert "labline target login prod --paste" in str(refused(gateway).fix)


def test_of_a_page_with_links_without_number_most_are_not_kept(gateway: Site) -> None:
    gateway.ways = Ways(shows="<a href=x>" * 10_000)
    with contextlib.closing(Browser()) as browser:
        assert len(browser.get(gateway.url).links) == browsing.MOST_PARTS


def test_an_address_that_no_server_takes_is_not_gone_to(gateway: Site) -> None:
    gateway.ways = Ways(leads_to=f"{gateway.url}/{'x' * browsing.LONGEST_ADDRESS}")
    assert "something that is no address" in str(refused(gateway))


def test_a_page_is_not_unpacked(gateway: Site) -> None:
    form = "<form method=post action=x><input name=u><input type=password name=p></form>"
    gateway.ways = Ways(shows=form, packs=True)
    assert "takes no user name and password" in str(refused(gateway))


def test_a_form_for_an_address_that_is_none_is_not_filled_in(gateway: Site) -> None:
    form = "<form method=post action='{}'><input name=u><input type=password name=p></form>"
    for action in ("https://x:abc/", "javascript:x()", "data:text/html,x", "//[x"):
        gateway.ways = Ways(shows=form.format(action))
        assert "takes no user name and password" in str(refused(gateway))
    assert gateway.posted == []


@pytest.mark.parametrize(
    "leads_to",
    ["http://[x", "https://x:abc/", "https://ex\xe4mple.org/", "https://a\\.example.org/", "https://a@b.example.org/"],
)
def test_an_address_that_is_none_or_looks_like_another_is_not_gone_to(gateway: Site, leads_to: str) -> None:
    gateway.ways = Ways(leads_to=leads_to)
    assert "something that is no address" in str(refused(gateway))


def test_a_cookie_without_a_domain_is_for_its_host_alone() -> None:
    with contextlib.closing(Browser()) as browser:
        told = Message()
        told["Set-Cookie"] = "session=s; Path=/"
        told["Set-Cookie"] = "shared=s; Path=/; Domain=example.org"
        browser._jar.extract_cookies(_Told(told), Request("https://example.org/"))  # type: ignore[arg-type]

        def sent(address: str) -> list[str]:
            request = Request(address)
            browser._jar.add_cookie_header(request)
            assert sorted(each.name for each in browser.cookies(address)) == sorted(
                pair.partition("=")[0] for pair in (request.get_header("Cookie") or "").split("; ") if pair
            )
            return sorted(each.name for each in browser.cookies(address))

        assert sent("https://example.org/a") == ["session", "shared"]
        assert sent("https://dex.example.org/") == ["shared"]
        assert sent("https://example.com/") == []


def test_a_session_does_not_show_its_cookie() -> None:
    assert "secret" not in repr(Session("name=secret", None))


# ---------------------------------------------------------------- the command


@pytest.fixture
def prod(here: Labline, gateway: Site) -> Site:
    """The target as the command has it."""
    added = here("target", "add", "prod", "--host", f"{gateway.url}/pipeline", "--auth", "cookie")
    assert (added.code, added.out.splitlines()[-1]) == (0, "Sign in first: labline target login prod")
    return gateway


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_login_keeps_the_session_and_the_target_is_let_in(
    here: Labline, prod: Site, memory: Memory, monkeypatch: pytest.MonkeyPatch, labline_home: Path
) -> None:
    typed(monkeypatch, USER, PASSWORD)
    done = here("target", "login", "prod")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == f"prod: the sign-in page is at {prod.url}."
    assert "is kept in keyring:prod: valid until 2" in done.out
    assert PASSWORD not in done.out and memory.kept["labline", "prod"].startswith(f"{SESSION}=")
    assert here("target", "check", "prod").code == 0
    kept = b"".join(file.read_bytes() for file in labline_home.rglob("*") if file.is_file())
    assert PASSWORD.encode() not in kept and USER.encode() not in kept


def test_a_session_that_has_ended_names_the_command_that_begins_another(
    here: Labline, prod: Site, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, USER, PASSWORD)
    here("target", "login", "prod")
    prod.end_sessions()
    done = here("target", "check", "prod")
    assert (done.code, "error LL617" in done.err, "labline target login prod" in done.err) == (1, True, True)


def test_before_the_first_sign_in_the_command_is_named(here: Labline, prod: Site, memory: Memory) -> None:
    done = here("target", "check", "prod")
    assert (done.code, "error LL617" in done.err, "Nobody is signed in to the target prod" in done.err) == (
        1,
        True,
        True,
    )
    assert "labline target login prod" in done.err


def test_login_puts_the_session_into_the_targets_file(
    here: Labline, prod: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "cookie"
    here("target", "add", "prod", "--host", f"{prod.url}/pipeline", "--auth", "cookie", "--secret", f"file:{file}")
    typed(monkeypatch, USER, PASSWORD)
    assert here("target", "login", "prod").code == 0
    assert (file.read_text().startswith(f"{SESSION}="), file.stat().st_mode & 0o777) == (True, 0o600)
    assert here("target", "check", "prod").code == 0


def test_login_of_a_target_with_a_variable_says_where_to_keep_it(here: Labline, prod: Site) -> None:
    here("target", "add", "prod", "--host", f"{prod.url}/pipeline", "--auth", "cookie", "--secret", "env:COOKIE")
    done = here("target", "login", "prod")
    assert (done.code, "--secret keyring:prod" in done.err) == (2, True)
    assert prod.asked == []


def test_a_cookie_is_still_pasted(here: Labline, prod: Site, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "a=b")
    assert here("target", "login", "prod", "--paste").code == 0
    assert memory.kept == {("labline", "prod"): "a=b"}
    assert prod.asked == []


def test_another_site_gets_the_password_only_when_the_user_names_it(
    here: Labline, prod: Site, other: Site, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    prod.ways.elsewhere, prod.dex_elsewhere = other.url, other
    typed(monkeypatch, USER, PASSWORD)
    done = here("target", "login", "prod")
    assert (done.code, f"--site {other.url}" in done.err, other.posted) == (2, True, [])
    wrong = here("target", "login", "prod", "--site", prod.url)
    assert (wrong.code, "nothing was sent there" in wrong.err, other.posted) == (2, True, [])
    done = here("target", "login", "prod", "--site", other.url)
    assert (done.code, len(other.posted)) == (0, 1), done.err
    assert here("target", "check", "prod").code == 0


def test_a_pipe_that_has_ended_and_a_site_that_is_no_address_are_told(
    here: Labline, prod: Site, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, USER)
    done = here("target", "login", "prod")
    assert (done.code, "Password: nothing was given" in done.err, prod.posted) == (2, True, [])
    done = here("target", "login", "prod", "--site", "https://x:abc")
    assert (done.code, "is no address" in done.err) == (2, True)
    assert memory.kept == {}


def test_at_a_terminal_the_other_site_is_shown_before_anything_is_asked_and_no_password_is(
    labline: Labline, environment: dict[str, str], gateway: Site, other: Site, tmp_path: Path
) -> None:
    gateway.ways.elsewhere, gateway.dex_elsewhere = other.url, other
    file = tmp_path / "cookie"
    labline(
        "target", "add", "prod", "--host", f"{gateway.url}/pipeline", "--auth", "cookie", "--secret", f"file:{file}"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "labline_backend", "target", "login", "prod"],
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    for question, answer in (("[y/N]: ", "y"), ("User name: ", USER), ("Password: ", PASSWORD), ("Signed in.", "")):
        while question not in shown:
            assert select.select([ours], [], [], SECONDS)[0], shown
            shown += os.read(ours, 4096).decode()
        assert other.posted == [] or question == "Signed in."
        os.write(ours, f"{answer}\n".encode() if answer else b"")
    assert process.wait(SECONDS) == 0
    os.close(ours)
    assert f"the sign-in page is at {other.url}" in shown and f"That is not {gateway.url}." in shown
    assert PASSWORD not in shown
    assert file.read_text().startswith(f"{SESSION}=")


def out_of_sight(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [found for found in run["findings"] if found["code"] in ("LL608", "LL617")]


def test_a_run_outlives_its_session_and_is_followed_again_after_the_next_sign_in(
    client: Client, emulator: Emulator, gateway: Site, tmp_path: Path
) -> None:
    more = {"host": f"{gateway.url}/pipeline", "auth": "cookie", "secret": f"file:{tmp_path / 'cookie'}"}
    prod = client.add(emulator, **more)
    keep(prod, sign_in(gateway))
    record = client.submit(*waiting(client.folder))
    client.until(record, is_running)
    gateway.end_sessions()
    lost = client.until(record, out_of_sight)
    (said,) = out_of_sight(lost)
    assert (lost["state"], said["code"], said["severity"]) == ("running", "LL617", "warning")
    assert "labline target login prod" in said["fix"]
    keep(prod, sign_in(gateway))
    (client.folder / "go").touch()
    run = client.end(record)
    assert (run["state"], out_of_sight(run)) == ("succeeded", [])


def test_so_many_sign_ins_go_on_at_once_and_no_more(labline_home: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Service(Home.open(labline_home), track=False) as service:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        service.targets.add(Target("prod", host, auth="cookie", secret=f"file:{tmp_path / 'session'}"))
        with ThreadPoolExecutor(MOST_SIGN_INS) as pool:
            going = [pool.submit(service.targets.sign_in_page, "prod") for _ in range(MOST_SIGN_INS)]
            silent.settimeout(SECONDS)
            asked = [silent.accept()[0] for _ in going]
            with pytest.raises(InputError, match="sign-ins are going on already"):
                service.targets.sign_in_page("prod")
            for connection in asked:
                connection.close()
            assert all(isinstance(each.exception(), InputError) for each in going)
            silent.close()
            with pytest.raises(InputError, match="cannot be reached"):  # it is tried again
                service.targets.sign_in_page("prod")
