"""A notebook of notebooks runs as one pipeline, and says of which notebook it speaks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend import wire
from labline_backend.compiling import compile_file
from labline_backend.home import Home
from labline_backend.notebook_file import fix_file
from labline_backend.service import Service

from .notebooks import code, write

JUPYTER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(open(sys.argv[1]))["cells"]:
    shell.run_cell(cell["source"]).raise_error()
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(Home.open(tmp_path / "home"), track=False) as service:
        yield service


def test_a_pipeline_of_notebooks_computes_what_running_them_in_jupyter_computes(service: Service, tmp_path: Path):
    write(
        tmp_path / "data.ipynb",
        code("import random\nrandom.seed(n)", "step:seed"),
        code("rows = [random.random() for _ in range(n)]\nn += 1", "step:draw"),
    )
    root = write(
        tmp_path / "root.ipynb",
        code("n = 3", "step:begin"),
        code("%run data.ipynb", "notebook:data"),
        code("rows.append(random.random())\nprint(n, rows)", "step:show"),
    )
    jupyter = subprocess.run(
        [sys.executable, "-c", JUPYTER, root.name], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    run = service.engine.wait(service.run(root, notebook="root.ipynb").id, timeout=120)
    assert run.state == "succeeded", run.error
    assert service.log(run.id, "show").text == jupyter.stdout


def test_a_failure_is_told_with_the_name_of_its_notebook(service: Service, tmp_path: Path):
    write(tmp_path / "data.ipynb", code("x = 0", "step:make"), code("y = 1\n1 / x", "step:divide"))
    root = write(tmp_path / "root.ipynb", code("n = 3", "step:begin"), code("", "notebook:data"))
    run = service.engine.wait(service.run(root, notebook="root.ipynb").id, timeout=120)
    error = service.step(run.id, "data_divide").error
    assert error is not None
    assert error.message == "Cell 2 of data.ipynb, line 2 raised ZeroDivisionError: division by zero"
    assert error.cell_id == "c1"  # the cell that stands for it


def test_what_is_asked_for_unsaved_stands_for_the_notebooks_beside_it(tmp_path: Path):
    write(tmp_path / "data.ipynb", code("x = 0", "step:make"))
    content = json.loads(write(tmp_path / "elsewhere.ipynb", code("", "notebook:data")).read_text())
    found = compile_file(tmp_path / "unsaved.ipynb", content, shown="unsaved.ipynb").compilation
    assert [step.name for step in found.pipeline.steps] == ["data_make"]


def test_what_is_rendered_speaks_of_the_cells_that_are_open(tmp_path: Path):
    write(tmp_path / "data.ipynb", code("x = 0", "step:make"), code("y = x", "step:copy"))
    root = write(tmp_path / "root.ipynb", code("", "notebook:data"), code("z = y", "step:use"))
    rendered = wire.compilation(compile_file(root).compilation)
    assert rendered["cells"] == [{"index": 1, "id": "c1", "role": "step", "step": "use"}]
    assert [step["cells"][0]["id"] for step in rendered["pipeline"]["steps"]] == ["c0", "c0", "c1"]


def test_a_fix_changes_the_open_notebook_alone(tmp_path: Path):
    data = write(tmp_path / "data.ipynb", code("x = 0", "step:make", "cache:Off"))
    root = write(tmp_path / "root.ipynb", code("", "notebook:data"), code("z = x", "step:use", "cache:Off"))
    before = data.read_bytes()
    assert ([found.code for found in fix_file(root)], data.read_bytes()) == (["LL102"], before)
    assert [found.cell_id for found in compile_file(root).compilation.findings] == ["c0"]


def test_a_finding_on_why_is_told_once(tmp_path: Path):
    found = compile_file(write(tmp_path / "root.ipynb", code("", "notebook:gone", "limit:cpu"))).compilation
    assert (found.pipeline, [f.code for f in found.findings]) == (None, ["LL102"])
