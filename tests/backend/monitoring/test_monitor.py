"""``labline monitor`` on a log that a server wrote and on a value that a run left."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labline_backend.home import Home
from labline_backend.serving.payload_log import Exchange, PayloadLog
from labline_backend.serving.rows import Matrix
from labline_backend.store.payloads import payload_folder

from ..cli.conftest import Labline
from .conftest import Trained

NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC).timestamp()


def log(home: Path, values: Any, start: float = NOON) -> None:
    """Requests for the version 2 of a model with the inputs a and b."""
    written = PayloadLog(payload_folder(Home.open(home), "flights", "2"))
    for index, row in enumerate(np.asarray(values)):
        rows = Matrix(("a", "b"), row[None, :])
        written.offer(Exchange(start + index, f"r{index}", 0.001, rows, (("output-0", np.array([row.sum()])),)))
    written.close()


def normal(rows: int, shift: float = 0.0) -> Any:
    return np.random.default_rng(0).normal(size=(rows, 2)) + np.array([0.0, shift])


def test_an_earlier_window_is_a_reference(labline: Labline, labline_home: Path) -> None:
    log(labline_home, normal(300))
    log(labline_home, normal(300, shift=2), NOON + 3600)
    done = labline("monitor", "flights/2", "--reference-before", "2026-03-01T12:30", TZ="UTC")
    assert done.code == 1, done.err
    assert "drifted: psi, ks" in done.out
    assert [line.split()[-1] for line in done.out.splitlines() if line.startswith("a ")] == ["same"]


def test_the_same_window_again_has_not_drifted(labline: Labline, labline_home: Path) -> None:
    log(labline_home, normal(300))
    log(labline_home, normal(300), NOON + 3600)
    done = labline("monitor", "flights", "--reference-before", "2026-03-01T12:30", "--json", TZ="UTC")
    assert done.code == 0
    assert [(c["name"], c["psi"]["value"]) for c in done.document["columns"]] == [
        ("a", 0),
        ("b", 0),
        ("output-0 (answer)", 0),
    ]


def test_what_a_run_trained_on_is_a_reference(trained: Trained, labline: Labline) -> None:
    log(trained.home, normal(300, shift=2))
    done = labline("monitor", "flights", "--reference", "latest:load/frame", "--json", LABLINE_HOME=str(trained.home))
    assert done.code == 1, done.err
    assert {c["name"]: c["reasons"] for c in done.document["columns"]} == {"a": [], "b": ["psi", "ks"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["flights"], "Name what to compare with"),
        (["flights", "--reference", "x"], "takes RUN:VALUE"),
        (["flights", "--reference-before", "yesterday"], "yesterday"),
        (["flights", "--reference", "latest:x"], "Nothing is logged of flights"),
        (["a/b", "--reference", "latest:x"], "names no model"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_sentence(labline: Labline, arguments: list[str], said: str) -> None:
    done = labline("monitor", *arguments)
    assert done.code == 2
    assert said in done.err
