"""The access log: what is in it, and that nothing waits for it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from labline_backend.serving import access_log
from labline_backend.serving.access_log import Access, AccessLog, AccessLogError
from labline_backend.serving.answering import Answering
from labline_backend.serving.app import Application
from labline_backend.serving.body import BodyReader
from labline_backend.serving.metrics import Metrics

from .conftest import TOKEN
from .test_app import asked


def access(**changes: Any) -> Access:
    given: dict[str, Any] = {
        "time": 1_700_000_000.25,
        "request_id": "r-1",
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/invocations",
        "model": "forest",
        "version": "3",
        "status": 200,
        "rows": 2,
        "seconds": 0.0015,
        "received": 10,
        "sent": 20,
    }
    return Access(**{**given, **changes})


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_request_is_one_line_of_json(tmp_path: Path) -> None:
    log = AccessLog(str(tmp_path / "log"))
    log.offer(access())
    log.close()
    assert lines(tmp_path / "log") == [
        {
            "time": "2023-11-14T22:13:20.250Z",
            "request_id": "r-1",
            "client": "127.0.0.1",
            "method": "POST",
            "path": "/invocations",
            "model": "forest",
            "version": "3",
            "status": 200,
            "rows": 2,
            "latency_ms": 1.5,
            "bytes_in": 10,
            "bytes_out": 20,
        }
    ]


def test_a_path_cannot_forge_a_line_nor_fill_the_disk(tmp_path: Path) -> None:
    log = AccessLog(str(tmp_path / "log"))
    log.offer(access(path='/x\n{"status": 200}' + "x" * 10_000))
    log.close()
    (line,) = lines(tmp_path / "log")
    assert len(line["path"]) == access_log.PATH_CHARACTERS


def test_the_log_is_its_owners_alone(tmp_path: Path) -> None:
    AccessLog(str(tmp_path / "log")).close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_what_is_offered_while_the_disk_is_slow_waits_up_to_a_bound_and_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, free = threading.Event(), threading.Event()
    write = os.write

    def slow(descriptor: int, data: Any) -> int:
        writing.set()
        free.wait()
        return write(descriptor, data)

    monkeypatch.setattr(access_log, "WAITING", 100)
    log = AccessLog(str(tmp_path / "log"))
    monkeypatch.setattr(access_log.os, "write", slow)
    try:
        log.offer(access())
        writing.wait()
        for _ in range(150):
            log.offer(access())
        assert log.dropped == 50
    finally:
        free.set()
        log.close()
    assert len(lines(tmp_path / "log")) == 101


def test_a_log_that_was_rotated_is_begun_anew(tmp_path: Path) -> None:
    log = AccessLog(str(tmp_path / "log"))
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.offer(access())
    log.close()
    assert len(lines(tmp_path / "log")) == 1


def test_what_cannot_be_written_is_counted_and_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    log = AccessLog(str(folder / "log"))
    (folder / "log").unlink()
    folder.rmdir()
    log.offer(access())
    log.close()
    assert log.dropped == 1
    assert "the access log cannot be written" in capfd.readouterr().err


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(AccessLogError):
        AccessLog(str(tmp_path / "no" / "such" / "log"))


async def test_what_is_refused_is_in_the_log_too(tmp_path: Path) -> None:
    log = AccessLog(str(tmp_path / "log"))
    application = Application(Answering(TOKEN, Metrics(), access_log=log), BodyReader(1 << 20, 30.0, 1 << 26))
    await asked(application, "/v2/models/forest/infer", b"{}")
    log.close()
    (line,) = lines(tmp_path / "log")
    assert (line["status"], line["path"], line["rows"]) == (503, "/v2/models/forest/infer", None)
    assert line["bytes_out"] > 0
