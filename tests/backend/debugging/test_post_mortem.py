"""A step that failed with ``--post-mortem``: its process is there for the debugger, and goes when the run goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labline_runtime import post_mortem
from tests.backend.cli.conftest import Labline
from tests.backend.debugging.test_replay import FAILING
from tests.backend.debugging.test_resume_with import chain, go_on
from tests.backend.engine.bench import Bench, is_gone, wait_until
from tests.backend.engine.pipelines import pipeline, step
from tests.backend.notebooks import write


def test_the_debugger_looks_at_the_process_that_failed(
    labline: Labline, environment: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "failing.ipynb", *FAILING)
    failed = labline("run", "failing.ipynb", "--no-track", "--post-mortem")
    assert (failed.code, "Its process has stayed" in failed.out) == (1, True)
    document = labline("debug", "latest", "use", "--json").document
    assert (document["stop"], [part["cell_id"] for part in document["parts"]]) == ("kept", [None, "c0", None])
    typed = "%debug\np x\nq\nprint(['here', xs, 'drawn' in globals()])\n"
    command = [sys.executable, "-m", "labline_backend", "debug", "latest", "use", "--console"]
    variables = {**environment, "PYTHONWARNINGS": "default", "IPYTHONDIR": str(tmp_path / "ipython"), "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, input=typed, capture_output=True, text=True, timeout=120
    )
    assert "10" in done.stdout, done.stderr
    assert "['here', [0, 1, 2], False]" in done.stdout
    assert labline("debug", "latest", "use", "--again", "--json").document["stop"] == "at"
    (listed,) = labline("debug", "--list", "--json").document["processes"]
    assert (listed["step"], listed["notebook"], listed["memory"] > 0) == ("use", "failing.ipynb", True)
    assert "has gone" in labline("debug", "latest", "use", "--release").out
    assert labline("debug", "--list").out == "No process of a failed step has stayed.\n"


@pytest.mark.parametrize("way", ["warm", "fresh"])
def test_the_process_goes_when_its_run_goes_on(bench: Bench, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "fresh":
        monkeypatch.setattr("labline_backend.engine.warm.WarmParents.start", refuse)
    run = bench.run(chain(), control={"post_mortem": True})
    folder = bench.home.step_folder(run.id, "use")
    process = post_mortem.process(folder)
    assert process is not None
    assert go_on(bench, run, chain("y = x + 1")).state == "succeeded"
    wait_until(lambda: is_gone(process), "the process has not gone")


def refuse(*_: object) -> None:
    raise OSError("there is none in this test")


def test_a_step_that_is_tried_again_stays_after_its_last_try(bench: Bench) -> None:
    source = "with open('tries', 'a') as f: f.write('.')\n1 / 0"
    run = bench.run(pipeline(step("use", source, retries=1, post_mortem=True)))
    assert bench.file("tries").read_text() == ".."
    assert post_mortem.release(bench.home.step_folder(run.id, "use"))


def test_a_run_ends_though_what_a_step_has_forked_stays_with_it(bench: Bench) -> None:
    source = "import os, signal\nif os.fork() == 0:\n    signal.pause()\n1 / 0"
    run = bench.run(pipeline(step("use", source, post_mortem=True)))
    assert (run.state, post_mortem.release(bench.home.step_folder(run.id, "use"))) == ("failed", True)
