"""A notebook tagged by a suggestion is, as a pipeline on the real engine, equal to what it was as a notebook."""

from __future__ import annotations

import pytest

from labline_compiler.edits import apply
from labline_compiler.notebook import parse
from labline_compiler.suggest import suggest

from .cases import CASES
from .judge import Judge
from .notebooks import cells_of, notebook_of

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
def test_a_suggested_pipeline_is_equal_to_its_notebook(name: str, judge: Judge) -> None:
    content = notebook_of([(source, []) for source, _ in cells_of(CASES[name])])
    for number in range(len(content["cells"])):
        heading = {"cell_type": "markdown", "id": f"heading-{number}", "metadata": {}, "source": f"## Part {number}"}
        content["cells"].insert(2 * number, heading)
    suggestion = suggest(parse(content, "case.ipynb"))
    assert suggestion.compilation.pipeline is not None
    assert len(suggestion.compilation.pipeline.steps) > 1

    tagged = parse(apply(content, suggestion.edit), "case.ipynb").code_cells
    found = judge([(cell.source, list(cell.metadata.get("tags", ()))) for cell in tagged])
    assert found.outcome == "equal", found.said
