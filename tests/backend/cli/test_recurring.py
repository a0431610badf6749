"""Recurring runs of this machine from the command line: as those of a cluster, without ``--target``."""

from __future__ import annotations

from pathlib import Path

from labline_backend.clock import Presence
from labline_backend.home import Home

from ..kubeflow.test_cli import here
from ..notebooks import code, write
from .conftest import Labline

__all__ = ["here"]


def test_one_is_made_listed_paused_resumed_and_removed(here: Labline, tmp_path: Path, labline_home: Path) -> None:
    notebook = write(tmp_path / "nightly.ipynb", code("n = 1", "parameters"), code("print(n)", "step:one"))
    when = ("--cron", "30 3 * * 1-5", "--time-zone", "Europe/Berlin", "-p", "n=2")
    made = here("recurring", "add", notebook, *when)
    assert made.code == 0
    assert made.out.startswith("nightly: Monday to Friday at 03:30 (Europe/Berlin). The next run: 20")
    assert made.out.endswith("03:30.\n")
    assert "they begin while JupyterLab or labline server runs" in made.err
    presence = Presence(Home.open(labline_home))
    assert here("recurring", "list").err == ""
    presence.close()
    assert here("recurring", "pause", "nightly").out == "nightly pauses.\n"
    (paused,) = here("recurring", "list", "--json").document["recurring"]
    assert (paused["paused"], paused["parameters"]) == (True, {"n": "2"})
    assert here("recurring", "resume", "nightly").out.startswith("nightly goes on. The next run: 20")
    edited = here("recurring", "edit", "nightly", "--cron", "0 4 * * 1-5", "-p", "n=3", "--json").document
    assert (edited["id"], edited["time_zone"]) == (paused["id"], "Europe/Berlin")
    assert (edited["reading"], edited["parameters"]) == ("Monday to Friday at 04:00", {"n": "3"})
    assert here("recurring", "remove", "nightly").out == "nightly is removed.\n"
    gone = here("recurring", "remove", "nightly")
    assert (gone.code, "There is no recurring run 'nightly' on this machine" in gone.err) == (2, True)


def test_what_says_no_time_is_refused(here: Labline, tmp_path: Path) -> None:
    notebook = write(tmp_path / "nightly.ipynb", code("x = 1", "step:one"))
    assert "Say when to run" in here("recurring", "add", notebook).err
    assert "is no length of time" in here("recurring", "add", notebook, "--every", "often").err
    assert "has no time zone" in here("recurring", "add", notebook, "--every", "1h", "--time-zone", "UTC").err
