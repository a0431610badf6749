"""What a step records on the way: metrics and files."""

from __future__ import annotations

import hashlib

from labline_runtime import metrics
from labline_runtime.parameters import evaluate


def test_a_metrics_cell_gives_the_numbers_it_names(steps):
    ran = steps.run(
        "import numpy as np\nseen = 7",
        (
            "accuracy = np.float32(0.5)\nok = True\nseen\nname = 'x'\n"
            "scores = {'f1': 1, 'n': np.int64(3)}\nmixed = {'a': 'b'}",
            "metrics",
        ),
    )
    assert ran.result.metrics == {"accuracy": 0.5, "ok": 1.0, "seen": 7.0, "scores.f1": 1.0, "scores.n": 3.0}


def test_an_ordinary_cell_gives_no_metrics(steps):
    assert steps.run("accuracy = 0.5").result.metrics == {}


def test_a_metric_that_is_not_finite_is_left_out_and_said(steps):
    ran = steps.run(("bad = float('nan')\ngood = 1", "metrics"))
    assert ran.result.metrics == {"good": 1.0}
    assert "The metric bad is nan" in ran.log


def test_only_top_level_names_count():
    source = "def f(a):\n    b = a\n[c for c in d]\nx = lambda e: e\nfor i in range(n): total = i"
    assert metrics.top_level_names(source) == ["d", "x", "i", "range", "n", "total"]


def test_imported_modules_are_found_in_functions_too():
    assert metrics.imported_modules("import a.b\ndef f():\n    from os import path\nfrom . import x") == {
        "a.b",
        "os",
        "os.path",
    }


def test_parameters_take_expressions_of_literals_only():
    assert [evaluate(text) for text in ("-1", "2 ** 8", "{'a': (1, None)}", "'x' * 3", "inf")] == [
        -1, 256, {"a": (1, None)}, "xxx", float("inf"),
    ]  # fmt: skip


def test_files_read_and_written_are_recorded_with_their_content(steps):
    (steps.folder / "in.txt").write_text("in")
    ran = steps.run("text = open('in.txt').read()\nwith open('out.txt', 'w') as f: f.write('out')")
    assert {(use.path, use.mode, use.digest, use.size) for use in ran.result.files} == {
        (str(steps.folder / "in.txt"), "read", hashlib.sha256(b"in").hexdigest(), 2),
        (str(steps.folder / "out.txt"), "write", hashlib.sha256(b"out").hexdigest(), 3),
    }


def test_modules_of_the_notebooks_folder_are_files_that_were_read(steps):
    (steps.folder / "helper.py").write_text("x = 1\n")
    for _ in range(2):  # the second time from the cache of compiled files
        ran = steps.run("import helper", environment={"PYTHONDONTWRITEBYTECODE": ""})
        assert [(use.path, use.mode) for use in ran.result.files] == [(str(steps.folder / "helper.py"), "read")]
    assert list(steps.folder.glob("__pycache__/helper.*.pyc"))


def test_libraries_and_the_steps_own_files_are_not_recorded(steps):
    ran = steps.run("import pandas, tempfile, json\ntempfile.TemporaryFile().write(b'x')\nx = 1", outputs=["x"])
    assert ran.result.files == ()


def test_a_file_that_a_failing_step_wrote_is_recorded(steps):
    ran = steps.run("open('out.txt', 'w').close()\n1/0")
    assert [use.path for use in ran.result.files] == [str(steps.folder / "out.txt")]


def test_a_file_renamed_into_place_counts_as_written(steps):
    ran = steps.run("import os\nopen('part', 'w').close(); os.replace('part', 'whole')")
    assert {(use.path, use.mode) for use in ran.result.files} >= {(str(steps.folder / "whole"), "write")}
