"""What a run would do, on the command line and through the API."""

from __future__ import annotations

from pathlib import Path

from ..notebooks import DOUBLE, code, write
from .conftest import Labline


def test_before_and_after_a_run(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    assert "2 steps to run" in labline("plan", "double.ipynb").out
    labline("run", "double.ipynb", "--no-track")
    assert labline("plan", "double.ipynb").out.endswith("nothing to run.\n")
    steps = labline("plan", "double.ipynb", "-p", "label=y", "--json").document["steps"]
    assert [(step["outcome"], step["reason"]) for step in steps] == [
        ("runs", "changed: parameter label"),
        ("depends", "runs unless the values of load come out unchanged"),
    ]
    assert steps[0]["seconds"] > 0


def test_a_notebook_with_errors_has_no_plan(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "bad.ipynb", code("x = = 1"))
    done = labline("plan", "bad.ipynb")
    assert (done.code, "LL101" in done.err) == (2, True)
