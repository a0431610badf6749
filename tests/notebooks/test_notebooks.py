"""The example notebooks: ordinary notebooks, which as pipelines compute what they compute in Jupyter."""

from __future__ import annotations

import ast
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from labline_backend.home import Home
from labline_backend.tracking.location import Location
from labline_compiler import notebook as notebooks
from labline_compiler.compile import compile_notebook
from labline_compiler.pipeline import Pipeline

from ..backend.stores import copy_into

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "notebooks"
NAMES = ("penguins", "digits", "flight_delays")

# What each notebook is remembered by.
METRICS = {
    "penguins": {"accuracy", "macro_f1"},
    "digits": {"validation_accuracy", "test_accuracy", "test_macro_f1"},
    "flight_delays": {"no_skill", "late_share", "roc_auc", "average_precision", "brier_score"},
}

# Lines with which a notebook goes through the same cells in seconds: as they stand, the flights take minutes.
QUICK = {
    "flight_delays": {
        'flights = read_table("flights.csv.zip")': 'flights = read_table("flights.csv.zip").iloc[::12]',
        "train_until = 8": "train_until = 1",
        "choose_until = 10": "choose_until = 2",
        "trees = 120": "trees = 12",
    },
}


def read(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)


def code_cells(name: str) -> list[Any]:
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def compiled(name: str) -> Pipeline:
    result = compile_notebook(notebooks.read(FOLDER / f"{name}.ipynb"))
    assert result.pipeline is not None, result.findings
    return result.pipeline


def environment(**more: str) -> dict[str, str]:
    paths = [str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")]
    commands = [str(Path(sys.executable).parent), os.environ["PATH"]]
    # Threads of OpenMP wait as they do in steps: spinning, they take the cores from what runs beside.
    told = {"OMP_WAIT_POLICY": "passive", "PYTHONPATH": os.pathsep.join(paths), "PATH": os.pathsep.join(commands)}
    return {**os.environ, **told, **more}


def quick(name: str) -> Any:
    """The notebook with fewer rows and trees, which it is soon done with."""
    content = read(name)
    for found, wanted in QUICK.get(name, {}).items():
        (cell,) = [cell for cell in content.cells if found in cell.source.splitlines()]
        cell.source = cell.source.replace(found, wanted)
    return content


def run_in_jupyter(name: str, folder: Path, store: str) -> dict[str, float]:
    """The metrics of a clean run from top to bottom, told by a cell at the end of a copy; MLflow keeps *store*."""
    content = quick(name)
    answer = folder / "metrics.json"
    names = sorted(METRICS[name])
    tell = (
        "import json, pathlib\n"
        f"found = {{name: float(globals()[name]) for name in {names!r}}}\n"
        f"pathlib.Path({str(answer)!r}).write_text(json.dumps(found))"
    )
    content.cells.append(nbformat.v4.new_code_cell(tell))
    nbformat.write(content, folder / f"{name}.ipynb")
    command = [sys.executable, "-m", "jupyter", "execute", f"{name}.ipynb"]
    told = environment(MLFLOW_TRACKING_URI=store)
    done = subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(answer.read_text(encoding="utf-8"))


def run_as_pipeline(name: str, folder: Path) -> dict[str, float]:
    nbformat.write(quick(name), folder / f"{name}.ipynb")
    command = [sys.executable, "-m", "labline_backend", "run", f"{name}.ipynb", "--json"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["metrics"]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_valid_notebook(name: str) -> None:
    content = read(name)
    nbformat.validate(content)
    assert (content.nbformat, content.nbformat_minor) == (4, 5)
    assert content.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("name", NAMES)
def test_it_is_stored_without_outputs(name: str) -> None:
    assert [cell.id for cell in code_cells(name) if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.parametrize("name", NAMES)
def test_it_imports_no_labline(name: str) -> None:
    imported = set()
    for cell in code_cells(name):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    assert imported
    assert not {module for module in imported if module.startswith("labline")}


@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_explained_above(name: str) -> None:
    cells = read(name).cells
    for above, cell in itertools.pairwise(cells):
        if any(tag.startswith("step:") for tag in cell.metadata.get("tags", ())):
            assert above.cell_type == "markdown", cell.id


@pytest.mark.parametrize("name", NAMES)
def test_it_compiles_without_an_error(name: str) -> None:
    steps = [tag[5:] for c in code_cells(name) for tag in c.metadata.get("tags", ()) if tag.startswith("step:")]
    assert sorted(step.name for step in compiled(name).steps) == sorted(steps)


def ancestors(pipeline: Pipeline, step: str) -> set[str]:
    found = set(pipeline.step(step).predecessors)
    return found.union(*(ancestors(pipeline, above) for above in found))


def test_the_two_models_of_the_flights_train_side_by_side() -> None:
    pipeline = compiled("flight_delays")
    assert "train_logistic" not in ancestors(pipeline, "train_boosting")
    assert "train_boosting" not in ancestors(pipeline, "train_logistic")
    assert {"train_logistic", "train_boosting"} <= ancestors(pipeline, "choose")


def test_the_digits_are_validated_beside_the_training() -> None:
    pipeline = compiled("digits")
    assert "validate" not in ancestors(pipeline, "train")
    assert "train" not in ancestors(pipeline, "validate")


@pytest.mark.parametrize(("name", "step"), [("penguins", "explore"), ("digits", "look"), ("flight_delays", "explore")])
def test_nothing_waits_for_a_step_that_only_draws(name: str, step: str) -> None:
    pipeline = compiled(name)
    assert [s.name for s in pipeline.steps if step in s.predecessors] == []


def test_the_parameters_of_the_digits_are_inputs_of_the_pipeline() -> None:
    assert {p.name: p.default for p in compiled("digits").parameters} == {
        "test_share": "0.3",
        "gamma": "0.001",
        "penalty": "10.0",
        "folds": "3",
        "seed": "7",
    }


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_pipeline_ends_with_the_metrics_of_the_notebook(
    name: str, labline_home: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for folder in ("jupyter", "pipeline"):
        (tmp_path / folder).mkdir()
    beside = copy_into(Home.open(tmp_path / "store"), tmp_path_factory)
    expected = run_in_jupyter(name, tmp_path / "jupyter", Location.find(beside, {}).uri)
    copy_into(Home.open(labline_home), tmp_path_factory)
    found = run_as_pipeline(name, tmp_path / "pipeline")
    assert found == expected
