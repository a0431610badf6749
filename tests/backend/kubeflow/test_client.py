"""The API's client: every failure is one sentence."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.targets import Target
from tests.backend.kubeflow.emulator import Emulator


@pytest.fixture
def api(emulator: Emulator) -> Iterator[KubeflowClient]:
    with KubeflowClient(Target("prod", emulator.url)) as api:
        yield api


@contextlib.contextmanager
def odd(*answers: bytes) -> Iterator[str]:
    """A server that answers each connection with these bytes and hangs up; with None it never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept = []

    def serve() -> None:
        for answer in answers:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                kept.append(connection)
                connection.recv(1 << 16)
                if answer:
                    connection.sendall(answer)
                    connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join()
        listener.close()
        for connection in kept:
            connection.close()


@contextlib.contextmanager
def dripping(begins: bytes, heard: threading.Event | None = None) -> Iterator[str]:
    """A server that answers with these bytes, and then with one after another, for minutes unless nobody listens.

    *heard* is set when it has been asked.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            if heard is not None:
                heard.set()
            connection.sendall(begins)
            for _ in range(6000):
                connection.sendall(b"H")
                time.sleep(0.02)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join()
        listener.close()


def refusal(call: KubeflowClient) -> TargetError:
    with pytest.raises(TargetError) as caught:
        call.run("some-run")
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "passing", "said"),
    [
        (302, "LL603", False, "sends to a login page"),
        (400, "LL609", False, "refuses a run (400, bad request). It says: an injected fault"),
        (401, "LL603", False, "does not accept the credentials (401)"),
        (403, "LL603", False, "does not allow a run (403)"),
        (404, "LL610", False, "does not have a run (404)"),
        (408, "LL602", True, "is out of order (408)"),
        (410, "LL610", False, "does not have a run (410)"),
        (409, "LL609", False, "is in conflict (409)"),
        (429, "LL602", True, "is asked too often (429)"),
        (500, "LL602", True, "is out of order (500)"),
        (503, "LL602", True, "is out of order (503)"),
    ],
)
def test_an_error_is_a_sentence_and_is_known_to_pass_or_not(
    api: KubeflowClient, emulator: Emulator, status: int, code: str, passing: bool, said: str
) -> None:
    emulator.faults.append(("GET .*/runs/", status))
    error = refusal(api)
    assert (error.code, error.passing, error.status) == (code, passing, status)
    assert said in str(error)


def test_a_server_that_does_not_answer_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.connection.READ_SECONDS", 0.1)
    with odd(b"") as url, KubeflowClient(Target("prod", url)) as api:
        error = refusal(api)
    assert (error.code, error.passing) == ("LL602", True)
    assert "does not answer in time" in str(error)


@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"])
def test_a_server_that_answers_byte_by_byte_is_given_up_too(monkeypatch: pytest.MonkeyPatch, begins: bytes) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.connection.WHOLE_SECONDS", 0.3)
    with dripping(begins) as url, KubeflowClient(Target("prod", url)) as api:
        error = refusal(api)
    assert (error.code, error.passing) == ("LL602", True)
    assert "does not answer in time" in str(error)


def test_a_server_that_begins_tls_byte_by_byte_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = threading.Event()

    class WhenHeard(threading.Timer):
        """Time is up as soon as the server has the first of the handshake."""

        def run(self) -> None:
            heard.wait(60)
            self.function()

    monkeypatch.setattr("threading.Timer", WhenHeard)
    a_long_record = b"\x16\x03\x03\x40\x00"  # of a handshake, which is looked at when all its 16 KiB are there
    with (
        dripping(a_long_record, heard) as url,
        KubeflowClient(Target("prod", url.replace("http:", "https:"))) as api,
    ):
        error = refusal(api)
    assert (error.code, error.passing) == ("LL602", True)
    assert "does not answer in time" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
        b"HTTP/1.1 2",
    ],
)
def test_a_connection_that_breaks_off_may_be_tried_again(answer: bytes) -> None:
    with odd(answer) as url, KubeflowClient(Target("prod", url)) as api:
        error = refusal(api)
    assert (error.code, error.passing) == ("LL602", True)


@pytest.mark.parametrize("body", [b"<html>Hello</html>", b"[1]", b'"text"', b"\xff\xfe"])
def test_what_is_no_api_is_said(body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with odd(answer) as url, KubeflowClient(Target("prod", url)) as api:
        assert refusal(api).code == "LL604"


def test_a_server_that_is_not_there_is_said() -> None:
    with KubeflowClient(Target("prod", "http://127.0.0.1:9")) as api:
        assert "http://127.0.0.1:9) cannot be reached" in str(refusal(api))


def test_the_token_goes_where_it_belongs(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    emulator.credentials = ("Authorization", "Bearer abc")
    with KubeflowClient(Target("prod", emulator.url, auth="token", secret=f"file:{tmp_path / 'token'}")) as api:
        assert api.health().release == "2.15.0"


def test_the_cookie_goes_where_it_belongs(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION", "authservice_session=abc")
    emulator.credentials = ("Cookie", "authservice_session=abc")
    with KubeflowClient(Target("prod", emulator.url, auth="cookie", secret="env:SESSION")) as api:
        assert api.health().multi_user is False


def test_two_that_make_the_same_at_once_get_the_same(api: KubeflowClient, emulator: Emulator) -> None:
    made = api.experiment("trial")
    find = emulator._list_experiments
    emulator._list_experiments = lambda *_: [setattr(emulator, "_list_experiments", find), {}][1]  # not seen yet
    assert api.experiment("trial") == made
