"""What clients send is kept as far as was said, in files and at a collector of events alike."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labline_backend.registry import RegisteredVersion
from labline_backend.serving import event_sink
from labline_backend.serving.event_sink import REQUEST, RESPONSE, EventSink, EventSinkError, check_address
from labline_backend.serving.payload_log import Exchange, PayloadLog
from labline_backend.serving.privacy import Keeping, Privacy, PrivacyError, read_key
from labline_backend.serving.rows import Table
from labline_backend.serving.signature import Column, Signature
from labline_backend.store.payloads import read_payloads

from .conftest import SECONDS, Start, infer

KEY = b"k" * 32
VERSION = RegisteredVersion("prices", "3")
PEOPLE = Table(
    ("name", "city", "age"),
    (
        np.array(["Ada", "Bo", "Ada"], dtype=object),
        np.array(["Bern", None, "Rome"], dtype=object),
        np.array([36.0, np.nan, 41.0]),
    ),
)
EXCHANGE = Exchange(1.7e9, "r-1", 0.002, PEOPLE, (("score", np.array([0.25, 0.5, 0.75])),))


def kept(tmp_path: Path, *levels: str) -> Any:
    log = PayloadLog(tmp_path, Keeping(Privacy.parse(levels), KEY))
    log.offer(EXCHANGE)
    log.close()
    return read_payloads(tmp_path)


def test_a_column_that_is_off_is_nowhere_in_the_log(tmp_path: Path) -> None:
    table = kept(tmp_path, "name=off")
    assert [name for name in table.column_names if "name" in name] == []
    assert table["input.city"].to_pylist() == ["Bern", None, "Rome"]
    assert all(b"Ada" not in path.read_bytes() for path in tmp_path.iterdir())


def test_digests_are_equal_where_values_are_and_missing_where_these_are(tmp_path: Path) -> None:
    table = kept(tmp_path, "name=hashed", "city=hashed")
    first, second, third = table["hashed.input.name"].to_pylist()
    assert first == third != second
    assert [value is None for value in table["hashed.input.city"].to_pylist()] == [False, True, False]
    assert "input.name" not in table.column_names


def test_digests_depend_on_the_key() -> None:
    names = PEOPLE.arrays[0]
    privacy = Privacy.parse(["name=hashed"])
    one, other = (Keeping(privacy, key).kept("input.name", names) for key in (KEY, b"q" * 32))
    assert one is not None and other is not None and set(one[1]).isdisjoint(other[1])


def test_what_holds_for_the_rest_does_not_hold_for_what_is_named(tmp_path: Path) -> None:
    table = kept(tmp_path, "*=off", "input.age=full", "output.score=hashed")
    assert [name for name in table.column_names if "." in name] == ["input.age", "hashed.output.score"]


@pytest.mark.parametrize("text", ["name", "=off", "name=half", "name="])
def test_what_is_no_level_is_refused(text: str) -> None:
    with pytest.raises(PrivacyError, match="COLUMN=LEVEL"):
        Privacy.parse([text])


def test_a_column_that_the_model_does_not_take_is_refused() -> None:
    signature = Signature((Column("name", "string"), Column("age", "double")))
    Privacy.parse(["name=off", "*=hashed", "output.any=off"]).check(signature)
    with pytest.raises(PrivacyError, match=r"no column 'nmae'.*'name', 'age'"):
        Privacy.parse(["nmae=off"]).check(signature)


def test_the_key_is_made_once_and_is_for_nobody_else(tmp_path: Path) -> None:
    key = read_key(tmp_path / "served")
    assert read_key(tmp_path / "served") == key != bytes(32)
    (file,) = (tmp_path / "served").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


class Collector(ThreadingHTTPServer):
    """Takes events. ``status`` is what it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.status = 202
        self.taken: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}/events"


class Taking(BaseHTTPRequestHandler):
    """One event."""

    server: Collector

    def do_POST(self) -> None:
        """Take it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sent(collector: Collector, *levels: str) -> EventSink:
    sink = EventSink(collector.address, VERSION, Keeping(Privacy.parse(levels), KEY))
    sink.offer(EXCHANGE)
    sink.close()
    return sink


def test_a_request_and_its_answer_are_two_events(collector: Collector) -> None:
    assert sent(collector).dropped == 0
    (asked, request), (answered, response) = collector.taken
    assert (asked["ce-type"], answered["ce-type"]) == (REQUEST, RESPONSE)
    assert {asked["ce-id"], answered["ce-id"], request["id"], response["id"]} == {"r-1"}
    assert (asked["ce-specversion"], asked["ce-time"]) == ("1.0", "2023-11-14T22:13:20.000Z")
    assert (response["model_name"], response["model_version"]) == ("prices", "3")
    assert request["inputs"][2] == {"name": "age", "shape": [3], "datatype": "FP64", "data": [36.0, None, 41.0]}
    assert response["outputs"][0]["data"] == [0.25, 0.5, 0.75]


def test_events_keep_to_the_privacy(collector: Collector) -> None:
    sent(collector, "name=off", "city=hashed")
    city, age = collector.taken[0][1]["inputs"]
    assert (city["name"], city["datatype"], len(city["data"][0]), age["name"]) == ("city", "BYTES", 32, "age")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_a_collector_does_not_take_is_counted_and_not_sent_again(
    collector: Collector, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    collector.status = status
    assert sent(collector).dropped == 1
    assert len(collector.taken) == 1
    assert f"it answers {status}" in capsys.readouterr().err


def test_a_collector_that_is_not_there_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    sink = EventSink("http://127.0.0.1:9/events", VERSION, Keeping())
    for _ in range(3):
        sink.offer(EXCHANGE)
    sink.close()
    assert sink.dropped == 3
    assert capsys.readouterr().err.count("events cannot be sent") == 1


def test_a_collector_is_sent_its_token(collector: Collector) -> None:
    sink = EventSink(collector.address, VERSION, Keeping(), "the collector's")
    sink.offer(EXCHANGE)
    sink.close()
    assert {headers["authorization"] for headers, _ in collector.taken} == {"Bearer the collector's"}


def test_what_was_not_sent_in_time_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sink, "CLOSING_SECONDS", 0.1)
    asked, free = threading.Event(), threading.Event()

    def never(*_: Any) -> None:
        asked.set()
        free.wait(60)

    monkeypatch.setattr(EventSink, "_post", never)
    sink = EventSink("http://127.0.0.1:9/events", VERSION, Keeping())
    for _ in range(3):
        sink.offer(EXCHANGE)
    assert asked.wait(60)
    sink.close()
    assert sink.dropped == 3
    free.set()
    sink._thread.join(60)
    assert sink.dropped == 3  # and each once


@pytest.mark.parametrize("address", ["ftp://host/x", "host:80", "http://", "http://user:word@host/"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(EventSinkError) as refused:
        check_address(address)
    assert "word" not in str(refused.value).replace("password", "")


def test_a_server_keeps_to_what_was_said(start: Start, collector: Collector) -> None:
    """All that the forest takes is kept back, and its answers are kept."""
    levels = ("--log-column", "*=off", "--log-column", "output.output-0=full")
    with start("forest@champion", "--log-requests", "1", *levels, "--log-events", collector.address) as server:
        assert server.ask("/v2/models/forest/infer", infer([[1.0, 2.0, 3.0, 4.0]])).status == 200
        end = time.monotonic() + SECONDS
        while len(collector.taken) < 2 and time.monotonic() < end:
            time.sleep(0.05)
    assert [document.get("inputs") for _, document in collector.taken] == [[], None]
    assert collector.taken[1][1]["outputs"][0]["shape"] == [1, 2]
