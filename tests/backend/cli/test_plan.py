"""What a run would do, on the command line and through the API."""

from __future__ import annotations

from pathlib import Path

from ..notebooks import DOUBLE, code, write
from .conftest import Labline


def test_before_and_after_a_run(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    assert "2 steps to run" in labline("plan", "double.ipynb").out
    labline("run", "double.ipynb", "--no-track")
    assert labline("plan", "double.ipynb").out.endswith("Nothing to run.\n")
    steps = labline("plan", "double.ipynb", "-p", "label=y", "--json").document["steps"]
    assert [(step["outcome"], step["reason"]) for step in steps] == [
        ("runs", "changed: parameter label"),
        ("depends", "runs unless the values of load come out unchanged"),
    ]
    assert steps[0]["seconds"] > 0
    assert "2 steps to run" in labline("plan", "double.ipynb", "--no-cache").out


def test_a_part_of_a_notebook_is_planned_and_run_on_what_an_earlier_run_left(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    refused = labline("run", "double.ipynb", "--only", "double", "--no-track")
    assert (refused.code, refused.out) == (2, "")
    assert "step double needs numbers of step load): run the notebook to step load first." in refused.err
    first = labline("run", "double.ipynb", "--to", "load", "-p", "count=4", "--no-track")
    assert "1 of 2 steps" in first.out and [line.split()[0] for line in first.out.splitlines()[1:2]] == ["load"]
    steps = labline("plan", "double.ipynb", "--from", "double", "--json").document["steps"]
    assert [(step["name"], step["outcome"]) for step in steps] == [("load", "taken"), ("double", "runs")]
    run = labline("run", "double.ipynb", "--from", "double", "--no-track", "--json").document
    assert (run["metrics"], run["control"]["taken"]) == ({"total": 12}, ["load"])
    assert f"taken from the run {steps[0]['cached_from']}" in labline("runs", "show").out


def test_a_notebook_with_errors_has_no_plan(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "bad.ipynb", code("x = = 1"))
    done = labline("plan", "bad.ipynb")
    assert (done.code, "LL101" in done.err) == (2, True)
