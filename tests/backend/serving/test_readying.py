"""Before a version answers: warm, and without what only loading needed."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from labline_backend.registry import RegisteredVersion
from labline_backend.serving.readying import readied, warm_up
from labline_backend.serving.rows import Rows

from .conftest import Registry, using

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


def test_a_version_has_answered_its_example_before_a_client_asks(registry: Registry) -> None:
    asked: list[int] = []

    with using(registry.location.uri):
        predictor = readied(RegisteredVersion("logistic", "1"), registry.checks)
    ask = predictor.answer

    def counted(requests: Any) -> list[Any]:
        asked.extend(rows.count for rows, _ in requests)
        return ask(requests)

    predictor.answer = counted  # type: ignore[method-assign]
    warm_up(predictor)
    assert asked == [3]


def test_a_model_that_was_logged_without_an_example_is_not_asked_for_what_was_made_up(registry: Registry) -> None:
    with using(registry.location.uri):
        predictor = readied(RegisteredVersion("logistic", "1"), registry.checks)
    predictor.shown = {**predictor.shown, "made_up": True}
    asked: list[Rows] = []
    predictor.answer = asked.append  # type: ignore[method-assign, assignment]
    warm_up(predictor)
    assert asked == []
