"""Running notebooks, and looking at what ran."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from ..notebooks import DOUBLE, code, write
from .conftest import SECONDS, Labline


def test_check_of_a_good_notebook(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("check", "double.ipynb")
    assert done.code == 0
    assert done.out == "double.ipynb: 2 steps, 2 parameters, nothing to complain of\n"


def test_check_as_json(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    document = labline("check", "double.ipynb", "--json").document
    assert [step["name"] for step in document["pipeline"]["steps"]] == ["load", "double"]


def test_compile_writes_a_kubeflow_pipeline(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("compile", "double.ipynb", "-o", "out.yaml")
    assert (done.code, done.err) == (0, "")
    first = next(yaml.safe_load_all((tmp_path / "out.yaml").read_text()))
    assert set(first["root"]["dag"]["tasks"]) == {"load", "double"}


def test_compile_to_standard_output_writes_nothing_else(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("compile", "double.ipynb", "-o", "-")
    assert next(yaml.safe_load_all(done.out))["schemaVersion"]


def test_compile_writes_beside_the_notebook_unless_told_otherwise(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    labline("compile", "double.ipynb")
    assert (tmp_path / "double.pipeline.yaml").exists()


def test_compile_has_packages_installed_into_a_volume(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "odd.ipynb", code("import hypothesis", "step:one"))
    done = labline("compile", "odd.ipynb", "--packages", "shared", "-o", "-")
    specification, cluster = yaml.safe_load_all(done.out)
    assert set(specification["root"]["dag"]["tasks"]) == {"notebook-packages", "one"}
    assert "hypothesis==" in str(specification["deploymentSpec"]["executors"]["exec-notebook-packages"])
    mounts = cluster["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-one"]["pvcMount"]
    assert "shared" in str(mounts)


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--packages", "No Claim"), "no name for a volume claim"), (("--packages", "a", "--target", "python"), "volume")],
)
def test_compile_refuses_packages_that_it_has_no_place_for(
    labline: Labline, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("compile", "double.ipynb", *options)
    assert (done.code, said in done.err, "Traceback" in done.err) == (2, True, False)


def test_compile_for_python_writes_a_project_beside_the_notebook(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("compile", "double.ipynb", "--target", "python")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("double_pipeline: 2 steps; ")
    assert {path.name for path in (tmp_path / "double_pipeline" / "steps").iterdir()} == {"load.py", "double.py"}


def test_a_python_project_does_not_go_to_standard_output(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("compile", "double.ipynb", "--target", "python", "-o", "-")
    assert (done.code, done.out) == (2, "")
    assert "is a folder" in done.err


def test_a_run_tells_each_step_the_metrics_and_where_to_look(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("run", "double.ipynb", "-p", "count=4", "--no-track")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["load", "succeeded"], ["double", "succeeded"]]
    assert any(line.split() == ["total", "12"] for line in lines)
    assert any("labline runs show " in line for line in lines)
    again = labline("run", "double.ipynb", "-p", "count=4", "--no-track")
    assert [line.split()[1] for line in again.out.splitlines()[1:3]] == ["cached", "cached"]
    anew = labline("run", "double.ipynb", "-p", "count=4", "--no-track", "--no-cache")
    assert [line.split()[1] for line in anew.out.splitlines()[1:3]] == ["succeeded", "succeeded"]


def test_a_run_as_json_is_one_document_and_can_be_looked_at_afterwards(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    done = labline("run", "double.ipynb", "--json", "--no-track")
    assert (done.code, done.err) == (0, "")
    run = done.document
    assert (run["state"], run["metrics"]) == ("succeeded", {"total": 6})

    listed = labline("runs", "list")
    assert listed.code == 0
    assert run["id"] in listed.out
    assert "2/2" in listed.out
    assert labline("runs", "list", "--json").document["runs"][0]["id"] == run["id"]
    assert "total" in labline("runs", "show").out
    assert labline("runs", "show", run["id"][:-2], "--json").document == run
    assert labline("runs", "logs", "latest", "--step", "load").out == "x loaded äöü\n"
    assert "==> load" in labline("runs", "logs").out
    unknown = labline("runs", "logs", "--step", "none")
    assert unknown.code == 2
    assert "load, double" in unknown.err
    cancelled = labline("runs", "cancel")
    assert cancelled.code == 0
    assert "already ended" in cancelled.out


def test_a_failed_run_shows_the_cell_and_exits_with_1(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "bad.ipynb", code("x = 1", "step:good"), code("y = x\nx / 0", "step:bad"))
    done = labline("run", "bad.ipynb", "--no-track")
    assert done.code == 1
    assert "step bad, cell 2, line 2" in done.out
    assert "ZeroDivisionError" in done.out
    document = labline("run", "bad.ipynb", "--no-track", "--json")
    assert document.code == 1
    assert document.document["state"] == "failed"


def test_no_runs_yet(labline: Labline) -> None:
    done = labline("runs", "list")
    assert (done.code, done.err) == (0, "")
    assert "labline run NOTEBOOK" in done.out


SLOW = (code("print('begun', flush=True)\nimport time\ntime.sleep(600)", "step:slow"),)


def _begin(environment: dict[str, str], folder: Path, *cells: dict[str, Any]) -> subprocess.Popen[str]:
    """Start a run that does not end by itself."""
    write(folder / "slow.ipynb", *(cells or SLOW))
    process = subprocess.Popen(
        [sys.executable, "-m", "labline_backend", "run", "slow.ipynb", "--no-track"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert "slow.ipynb: run " in process.stdout.readline()
    return process


def test_ctrl_c_cancels_the_run(environment: dict[str, str], labline: Labline, tmp_path: Path) -> None:
    process = _begin(environment, tmp_path)
    _wait_for_output(labline)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "ancel" in err
    assert labline("runs", "show", "--json").document["state"] == "cancelled"


def test_a_run_of_another_process_is_cancelled(environment: dict[str, str], labline: Labline, tmp_path: Path) -> None:
    process = _begin(environment, tmp_path)
    _wait_for_output(labline)
    done = labline("runs", "cancel")
    assert (done.code, "cancelled" in done.out) == (0, True)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 1


def test_a_run_whose_process_is_told_to_end_can_be_resumed(
    environment: dict[str, str], labline: Labline, tmp_path: Path
) -> None:
    process = _begin(environment, tmp_path)
    _wait_for_output(labline)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in err
    assert labline("runs", "show", "--json").document["state"] == "interrupted"


def _wait_for_output(labline: Labline) -> None:
    for _ in range(100):
        if "begun" in labline("runs", "logs", "--step", "slow").out:
            return
    raise AssertionError("the step did not begin")


def test_a_reader_that_leaves_is_no_error(environment: dict[str, str], labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "long.ipynb", code("for i in range(100000): print(i)", "step:talk"))
    assert labline("run", "long.ipynb", "--no-track").code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "labline_backend", "runs", "logs"],
        cwd=tmp_path,
        env=environment | {"PYTHONUNBUFFERED": ""},  # else a write that is cut short is no error to Python
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(SECONDS) == 141
    process.stderr.close()


def test_stored_values_are_listed_and_pruned_but_those_of_a_run_that_is_kept(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    old = labline("run", "double.ipynb", "--no-track", "--json").document["id"]
    labline("run", "double.ipynb", "--no-track", "-p", "count=4")
    assert f"The values of the run {old} are not pruned." in labline("runs", "keep", old).out
    found = labline("cache", "list", "--json").document
    assert {result["kept"] for result in found["results"] if result["size"] and result["run"] == old} == {
        f"{old} is kept"
    }
    assert labline("cache", "prune", "--keep", "0", "--json").document["files"] == 0
    labline("runs", "keep", old, "--undo")
    assert "1 stored value of" in labline("cache", "prune", "--keep", "0").out
    assert labline("cache", "prune", "--keep", "lots").code == 2


WAITS = (
    code("print('first', flush=True)\nx = 1", "step:first"),
    code(
        "import os, time\nprint('begun', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.01)\ny = 2",
        "step:slow",
    ),
    code("print(x, y)", "step:last"),
)


def test_a_run_whose_process_was_killed_is_resumed_and_waited_for(
    environment: dict[str, str], labline: Labline, tmp_path: Path
) -> None:
    process = _begin(environment, tmp_path, *WAITS)
    _wait_for_output(labline)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    psutil.wait_procs(family, timeout=SECONDS)  # the step would end well if it were let go on before it is killed
    (tmp_path / "slow.ipynb").unlink()  # the run has a copy of its own
    (tmp_path / "go").touch()
    done = labline("runs", "resume", "latest", "--json", "--no-track")
    assert (done.code, done.document["state"]) == (0, "succeeded")
    assert [(step["name"], step["attempt"]) for step in done.document["steps"]] == [
        ("first", 1),
        ("slow", 2),
        ("last", 1),
    ]


def test_ctrl_c_twice_leaves_no_run_behind(environment: dict[str, str], labline: Labline, tmp_path: Path) -> None:
    process = _begin(environment, tmp_path)
    _wait_for_output(labline)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "Cancelling the run" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert labline("runs", "show", "--json").document["state"] == "cancelled"


def test_runs_are_compared_in_what_they_differ_in(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "double.ipynb", *DOUBLE)
    first = labline("run", "double.ipynb", "--no-track", "-p", "count=4", "--json").document["id"]
    second = labline("run", "double.ipynb", "--no-track", "-p", "count=5", "--json").document["id"]
    found = labline("runs", "compare", first, second, "--json").document
    values = {(row["group"], row["name"]): row["values"] for row in found["rows"]}
    assert (values["parameters", "count"], values["metrics", "total"]) == (["4", "5"], [12, 20])
    lines = [line.split() for line in labline("runs", "compare", first, second).out.splitlines()]
    assert ["metrics", "total", "12", "20"] in lines and ["parameters", "label"] not in [line[:2] for line in lines]
