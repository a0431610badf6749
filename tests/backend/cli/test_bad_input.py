"""Bad input gets one clear answer: exit code 2, a finding or a sentence on stderr, and never a traceback."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from ..notebooks import DOUBLE, code, notebook, write
from .conftest import Labline


def truncated() -> str:
    text = json.dumps(notebook(*DOUBLE))
    return text[: len(text) // 2]


FILES = {
    "LL003": "this is not JSON",
    "LL004": truncated(),
    "LL005": json.dumps({"hello": "world"}),
    "LL006": json.dumps({**notebook(*DOUBLE), "nbformat": 3}),
    "LL007": json.dumps(notebook({"cell_type": "markdown", "source": "# only text", "metadata": {}})),
}


@pytest.mark.parametrize("finding", FILES)
def test_a_file_that_is_no_notebook_to_run_is_told(labline: Labline, tmp_path: Path, finding: str) -> None:
    (tmp_path / "bad.ipynb").write_text(FILES[finding])
    done = labline("check", "bad.ipynb")
    assert done.code == 2
    assert done.err.startswith("bad.ipynb: ")
    assert finding in done.err


@pytest.mark.parametrize("command", ["check", "compile", "run"])
def test_a_path_with_nothing_there_is_told(labline: Labline, command: str) -> None:
    done = labline(command, "none.ipynb")
    assert done.code == 2
    assert "none.ipynb: error LL001" in done.err


def test_a_folder_is_no_notebook(labline: Labline, tmp_path: Path) -> None:
    done = labline("check", tmp_path)
    assert done.code == 2
    assert "LL002" in done.err


def test_bytes_that_are_no_text_are_told(labline: Labline, tmp_path: Path) -> None:
    (tmp_path / "bad.ipynb").write_bytes(b"\xff\xfe\x00\x01" * 100)
    assert labline("run", "bad.ipynb").code == 2


def test_a_syntax_error_names_cell_and_line(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "bad.ipynb", code("x = 1", "step:good"), code("y = 2\nz = = 3", "step:bad"))
    done = labline("check", "bad.ipynb")
    assert done.code == 2
    assert "bad.ipynb: cell 2, line 2: error LL101" in done.err


def test_a_finding_says_what_to_do(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "bad.ipynb", code("y = = 3", "step:bad"))
    first, *rest = labline("check", "bad.ipynb").err.splitlines()
    assert "LL101" in first
    assert rest
    assert all(line.startswith("    ") for line in rest)


STEPS = {
    "LL106": (code("x = 1", "step:one", "prev:two"), code("y = 1", "step:two", "prev:one")),
    "LL104": (code("x = 1", "step:one", "prev:nowhere"),),
    "LL103": (code("x = 1", "step:not-a-name"),),
}


@pytest.mark.parametrize("finding", STEPS)
def test_a_fault_in_the_tags_is_told(labline: Labline, tmp_path: Path, finding: str) -> None:
    write(tmp_path / "bad.ipynb", *STEPS[finding])
    done = labline("run", "bad.ipynb", "--no-track")
    assert done.code == 2
    assert finding in done.err


def test_a_python_keyword_is_no_step_name(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "bad.ipynb", code("x = 1", "step:class"))
    done = labline("compile", "bad.ipynb", "-o", "-")
    assert done.code == 2
    assert done.out == ""
    assert "LL103" in done.err
    assert "class" in done.err


def test_an_unknown_kernel_is_told_with_those_there_are(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "bad.ipynb", *DOUBLE, kernel="pascal")
    done = labline("run", "bad.ipynb", "--no-track")
    assert done.code == 2
    assert "LL501" in done.err
    assert "pascal" in done.err
    assert "python3" in done.err


@pytest.mark.parametrize(
    ("given", "finding"), [("depth=3", "LL120"), ("count=many", "LL121"), ("count=[", "LL121"), ("count", "NAME=VALUE")]
)
def test_a_parameter_that_does_not_fit_is_told(labline: Labline, tmp_path: Path, given: str, finding: str) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("run", "double.ipynb", "-p", given, "--no-track")
    assert done.code == 2
    assert finding in done.err
    assert "depth" in done.err or "count" in done.err


def test_a_value_that_cannot_be_stored_names_variable_and_culprit(labline: Labline, tmp_path: Path) -> None:
    source = "import threading\nholder = {'deep': [threading.Lock()]}"
    write(tmp_path / "lock.ipynb", code(source, "step:make"), code("print(holder)", "step:use"))
    done = labline("run", "lock.ipynb", "--no-track")
    assert done.code == 1
    assert "LL401" in done.out
    assert "holder['deep'][0]" in done.out


@pytest.mark.parametrize("command", [["runs", "list"], ["run", "double.ipynb"], ["server", "--allow-root"], ["mlflow"]])
def test_a_data_folder_that_cannot_be_made_is_told(labline: Labline, tmp_path: Path, command: list[str]) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    (tmp_path / "file").write_text("in the way")
    done = labline(*command, LABLINE_HOME=str(tmp_path / "file"))
    assert done.code == 2
    assert str(tmp_path / "file") in done.err
    assert "LABLINE_HOME" in done.err


def test_a_data_folder_that_is_not_writable_is_told(labline: Labline) -> None:
    done = labline("runs", "list", LABLINE_HOME="/sys/labline")  # where even root may not
    assert done.code == 2
    assert "/sys/labline is not writable" in done.err


@pytest.mark.parametrize("command", [["show"], ["logs"], ["cancel"], ["show", "none"], ["logs", "none"]])
def test_a_run_that_does_not_exist_is_told(labline: Labline, command: list[str]) -> None:
    done = labline("runs", *command)
    assert done.code == 2
    assert done.err.startswith("labline: There ")


def test_a_port_in_use_is_told(labline: Labline) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = labline("server", "--port", port, "--allow-root")
    assert done.code == 2
    assert port in done.err
    assert len(done.err.splitlines()) == 1


def test_an_address_that_is_not_ours_is_told(labline: Labline) -> None:
    done = labline("server", "--ip", "no.such.host.invalid", "--allow-root")
    assert done.code == 2
    assert "no.such.host.invalid" in done.err


def test_an_output_that_cannot_be_written_is_told(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("compile", "double.ipynb", "-o", "nowhere/pipeline.yaml")
    assert done.code == 2
    assert "nowhere/pipeline.yaml" in done.err


@pytest.mark.parametrize(
    ("command", "finding"),
    [
        (["check", "--json", "bad.ipynb"], "LL101"),
        (["run", "--json", "bad.ipynb"], "LL101"),
        (["run", "--json", "none.ipynb"], "LL001"),
        (["run", "--json", "double.ipynb", "-p", "depth=1"], "LL120"),
    ],
)
def test_json_is_one_document_also_for_errors(
    labline: Labline, tmp_path: Path, command: list[str], finding: str
) -> None:
    write(tmp_path / "bad.ipynb", code("y = = 3", "step:bad"))
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline(*command)
    assert done.code == 2
    assert [f["code"] for f in done.document["findings"]] == [finding]
    assert done.err == ""


@pytest.mark.parametrize("command", [["runs", "show", "none", "--json"], ["run", "--json", "x.ipynb", "-p", "y"]])
def test_json_is_one_document_also_for_sentences(labline: Labline, command: list[str]) -> None:
    done = labline(*command)
    assert done.code == 2
    assert set(done.document) == {"message", "findings"}
    assert done.err == ""
