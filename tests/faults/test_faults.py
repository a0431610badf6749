"""A little of what ``python -m tests.faults`` does at length."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "what",
    [*(pytest.param(long, marks=pytest.mark.long) for long in ("kill 9 --no-servers --seed 7", "writes 6")), "soak 10"],
)
def test_nothing_is_lost_and_nothing_left_behind(what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *what.split()],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
