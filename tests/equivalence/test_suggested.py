"""A notebook tagged by a suggestion prints, as a pipeline on the real engine, what it printed as a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.engine.engine import Engine
from labline_backend.home import Home
from labline_compiler.edits import apply
from labline_compiler.notebook import parse
from labline_compiler.suggest import suggest

from .cases import CASES
from .reference import Reference, cells_of, notebook_of

# Aliases, hidden state, classes, iterators and files: what a naive split gets wrong.
SOME = [
    "two_branches_alter_one_object",
    "a_class_defined_in_one_step_and_used_in_others",
    "numpy_random_seeded_once",
    "zip_and_enumerate_go_on",
    "a_file_written_by_an_earlier_step",
    "environment_variables",
]


@pytest.mark.parametrize("name", SOME)
def test_the_last_step_prints_what_the_notebook_prints(
    name: str, engine: Engine, home: Home, reference: Reference, tmp_path: Path
) -> None:
    folder = tmp_path / "pipeline"
    folder.mkdir()
    cells = [(source, []) for source, _ in cells_of(CASES[name])]
    content = notebook_of(cells)
    for number in range(len(cells)):
        heading = {"cell_type": "markdown", "id": f"heading-{number}", "metadata": {}, "source": f"## Part {number}"}
        content["cells"].insert(2 * number, heading)
    suggestion = suggest(parse(content, folder / "case.ipynb"))
    pipeline = suggestion.compilation.pipeline
    assert pipeline is not None
    assert len(pipeline.steps) > 1

    run = engine.submit(
        pipeline,
        notebook="case.ipynb",
        folder=folder,
        content=apply(content, suggestion.edit),
        parameters={},
        cache=False,
        findings=suggestion.compilation.findings,
    )
    done = engine.wait(run.id, timeout=120)

    assert done.state == "succeeded", done.error
    printed = "".join(
        (home.step_folder(run.id, step.name) / "log.txt").read_text()
        for step in pipeline.steps
        if step.cells[-1].index == len(content["cells"]) - 1
    )
    assert printed.endswith(reference.printed(cells, tmp_path / "notebook"))
