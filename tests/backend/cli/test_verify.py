"""``labline verify``: what it prints and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labline_backend.home import Home
from labline_backend.store.certificates import Certificates, write

from ..notebooks import DOUBLE, code
from ..notebooks import write as write_notebook
from .conftest import Labline

SUBJECT = {"verdict": "verified", "created": "2030-01-01T00:00:00+00:00", "notebook": {"path": "x.ipynb", "code": "0"}}


def test_a_right_pipeline_is_verified_and_its_run_carries_the_certificate(labline: Labline, tmp_path: Path) -> None:
    write_notebook(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("verify", "double.ipynb", "-p", "count=4", "--no-track")
    assert done.code == 0
    assert "verified: 4 of 4 values equal." in done.out
    shown = labline("runs", "show", "--json").document
    assert shown["certificate"]["verdict"] == "verified"


def test_a_pipeline_that_differs_exits_with_1(labline: Labline, tmp_path: Path) -> None:
    cells = (
        code("import os\nfirst = os.getpid()", "step:one"),
        code("same = os.getpid() == first", "step:two"),
        code("print(same)", "step:three"),
    )
    write_notebook(tmp_path / "process.ipynb", *cells)
    done = labline("verify", "process.ipynb", "--no-track", "--json")
    assert (done.code, done.document["subject"]["verdict"]) == (1, "different")
    (same,) = (v for v in done.document["values"] if v["role"] == "output" and v["name"] == "same")
    assert same["difference"] == {"path": "same", "notebook": "True", "pipeline": "False"}


HIDDEN = (
    code("n = 1", "step:make"),
    code("import operator, sys\nsetattr(operator.getitem(sys.modules, '__main__'), 'n', 2)", "step:alter"),
    code("print(n)", "step:show"),
)


def test_a_pipeline_that_a_guard_stops_is_verified_with_what_was_seen(labline: Labline, tmp_path: Path) -> None:
    write_notebook(tmp_path / "hidden.ipynb", *HIDDEN)
    done = labline("verify", "hidden.ipynb", "--no-track")
    assert done.code == 0
    assert "Running again, reckoning with that." in done.err
    assert len(labline("runs", "list", "--json").document["runs"]) == 2


def test_a_pipeline_that_a_guard_stops_is_different_without_what_was_seen(labline: Labline, tmp_path: Path) -> None:
    write_notebook(tmp_path / "hidden.ipynb", *HIDDEN)
    assert labline("verify", "hidden.ipynb", "--no-track", "--no-observed").code == 1


def test_what_the_run_does_not_get_of_a_steps_options_is_told(labline: Labline, tmp_path: Path) -> None:
    write_notebook(tmp_path / "secret.ipynb", code("x = 1", "step:one", "secret:store:key:NOT_SET_HERE"))
    done = labline("verify", "secret.ipynb", "--no-track")
    assert (done.code, "LL601" in done.out + done.err, "NOT_SET_HERE" in done.out + done.err) == (0, True, True)


@pytest.mark.long
def test_the_same_pipeline_is_verified_under_kfps_local_runner(labline: Labline, tmp_path: Path) -> None:
    cells = (
        *DOUBLE,
        code("outcome = 'succeeded'", "pipeline-parameters"),
        code("squares = []\nfor n in numbers:\n    squares.append(n * n)", "step:loop"),
        code("if total > 99:\n    squares = []", "step:condition"),
        code("import os\nprint(squares, os.environ.get('DATA_FOLDER'))", "step:show"),
        code("print(outcome)", "step:last"),
    )
    volumes = {"volumes": [["claim", "/data", "DATA_FOLDER"]]}  # which is not mounted here
    options = {"steps": {"loop": {"foreach": True}, "last": {"exit": "outcome"}, "show": volumes}}
    write_notebook(tmp_path / "double.ipynb", *cells, labline=options)
    done = labline("verify", "double.ipynb", "--target", "kfp-local", "-p", "count=4", "--json", PYTHONWARNINGS="")
    assert (done.code, done.document["subject"]["verdict"]) == (0, "verified")


def test_a_notebook_that_fails_exits_with_2(labline: Labline, tmp_path: Path) -> None:
    write_notebook(tmp_path / "bad.ipynb", code("1 / 0", "step:one"))
    done = labline("verify", "bad.ipynb", "--no-track", "--json")
    assert done.code == 2
    assert "Cell 1, line 1 raised ZeroDivisionError" in done.document["message"]


@pytest.mark.parametrize("arguments", [(), ("missing.ipynb",), ("--check", "missing.json"), ("x", "--target", "moon")])
def test_bad_input_exits_with_2(arguments: tuple[str, ...], labline: Labline) -> None:
    assert labline("verify", *arguments).code == 2


@pytest.fixture
def certificate(labline_home: Path, tmp_path: Path) -> Path:
    path = tmp_path / "certificate.json"
    write(path, Certificates(Home.open(labline_home)).make(SUBJECT, [], []))
    return path


def test_an_intact_certificate_passes_its_check(labline: Labline, certificate: Path) -> None:
    done = labline("verify", "--check", certificate)
    assert done.code == 0
    assert "intact" in done.out and "signed with this data folder's key" in done.out


def test_a_changed_certificate_fails_its_check(labline: Labline, certificate: Path) -> None:
    document = json.loads(certificate.read_text())
    document["subject"]["verdict"] = "different"
    certificate.write_text(json.dumps(document))
    done = labline("verify", "--check", certificate, "--json")
    assert (done.code, done.document["changed"]) == (1, "the subject")


def test_of_a_changed_certificate_only_that_is_told(labline: Labline, certificate: Path) -> None:
    document = json.loads(certificate.read_text())
    document["subject"]["verdict"] = "different"
    certificate.write_text(json.dumps(document))
    done = labline("verify", "--check", certificate)
    assert done.out.splitlines() == [
        f"{certificate}: changed since it was written, first in the subject: nothing that it says counts"
    ]


@pytest.mark.parametrize("signed", [True, False])
def test_a_certificate_moves_no_cursor(labline: Labline, labline_home: Path, certificate: Path, signed: bool) -> None:
    document = Certificates(Home.open(labline_home)).make({**SUBJECT, "verdict": "\x1b[2Jverified"}, [], [])
    if not signed:
        document["values"] = [{"name": "\x1b[2J", "step": "a"}]
    certificate.write_text(json.dumps(document))
    assert "\x1b" not in labline("verify", "--check", certificate).out


def test_a_certificate_of_another_notebook_fails_its_check(labline: Labline, certificate: Path, tmp_path: Path) -> None:
    write_notebook(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("verify", "double.ipynb", "--check", certificate)
    assert done.code == 1
    assert "other code cells or tags" in done.out
