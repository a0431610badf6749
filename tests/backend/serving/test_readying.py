"""Before a version answers: warm, and without what only loading needed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from labline_backend.registry import RegisteredVersion
from labline_backend.serving import resident
from labline_backend.serving.predictor import Predictor
from labline_backend.serving.readying import readied, warm_up
from labline_backend.serving.rows import Rows

from .conftest import Registry, using

SECONDS = 60
LIBRARY = b"7f10-7f20 r-xp 00001000 fe:00 17    /usr/lib/libtide.so.3.1\n"
FRAMES = b"7f30-7f40 r--p 00000000 fe:00 18    /home/ann/tide frames.npy\n"
LOADING = b"7f50-7f90 r--p 00000000 fe:00 19    /usr/lib/libwave.so\n"

GIVES_BACK = """
import re
import sqlite3, ssl
from pathlib import Path
from labline_backend.serving.resident import give_back

def of_files():
    rollup = Path("/proc/self/smaps_rollup").read_text()
    resident, own = (int(re.search(rf"^{name}: +(\\d+)", rollup, re.M)[1]) for name in ("Rss", "Anonymous"))
    return resident - own

before = of_files()
give_back()
print(before, of_files())
ssl.create_default_context()
print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0])
"""


def test_pages_of_libraries_are_given_back_and_come_again_when_they_are_used() -> None:
    done = subprocess.run([sys.executable, "-c", GIVES_BACK], capture_output=True, text=True, check=True)
    before, after, answer = map(int, done.stdout.split())
    assert after < before * 0.7
    assert answer == 42


def mapped(*mappings: bytes, written: bytes = b"0") -> list[bytes]:
    """What the system tells of mappings, into which so many kB were written."""
    return [
        line for each in mappings for line in (each, b"Rss: 64 kB\n", b"Anonymous: %s kB\n" % written, b"VmFlags: rd\n")
    ]


def test_only_libraries_are_given_back_that_nobody_has_written_to() -> None:
    before = frozenset(each.rstrip() for each in (LIBRARY, FRAMES))
    assert list(resident._unaltered(mapped(LIBRARY, FRAMES), before)) == [(0x7F10, 0x7F20)]
    assert list(resident._unaltered(mapped(LIBRARY, written=b"4"), before)) == []


def test_a_library_that_another_thread_is_loading_is_left_alone() -> None:
    before = frozenset([LIBRARY.rstrip()])
    assert list(resident._unaltered(mapped(LIBRARY, LOADING), before)) == [(0x7F10, 0x7F20)]


def test_a_system_that_does_not_tell_what_is_mapped_keeps_its_pages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(resident, "_MAPS", tmp_path)  # a folder, which nobody can read as a file
    resident.give_back()


def test_a_version_whose_example_ends_the_call_is_served(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def ends(*_: object) -> list[Any]:
        asked.set()
        raise SystemExit(3)

    monkeypatch.setattr(Predictor, "answer", ends)
    with using(registry.location.uri):
        predictor = readied(RegisteredVersion("logistic", "1"), registry.checks, SECONDS)
    assert asked.is_set() and predictor.shown["body"]


def test_a_version_whose_example_never_ends_is_served(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def waits(*_: object) -> list[Any]:
        over.wait(SECONDS)
        return []

    monkeypatch.setattr(Predictor, "answer", waits)
    with using(registry.location.uri):
        predictor = readied(RegisteredVersion("logistic", "1"), registry.checks, 0.01)
    assert not over.is_set() and predictor.shown["body"]
    over.set()


def test_a_version_has_answered_its_example_before_a_client_asks(registry: Registry) -> None:
    asked: list[int] = []

    with using(registry.location.uri):
        predictor = readied(RegisteredVersion("logistic", "1"), registry.checks, SECONDS)
    ask = predictor.answer

    def counted(requests: Any) -> list[Any]:
        asked.extend(rows.count for rows, _ in requests)
        return ask(requests)

    predictor.answer = counted  # type: ignore[method-assign]
    warm_up(predictor, SECONDS)
    assert asked == [3]


def test_a_model_that_was_logged_without_an_example_is_not_asked_for_what_was_made_up(registry: Registry) -> None:
    with using(registry.location.uri):
        predictor = readied(RegisteredVersion("logistic", "1"), registry.checks, SECONDS)
    predictor.shown = {**predictor.shown, "made_up": True}
    asked: list[Rows] = []
    predictor.answer = asked.append  # type: ignore[method-assign, assignment]
    warm_up(predictor, SECONDS)
    assert asked == []
