"""Trees of cells that were parsed before."""

from __future__ import annotations

import pytest

from labline_compiler import ipython
from labline_compiler.compile import compile_notebook
from labline_compiler.ipython import CellSyntaxError
from labline_compiler.known import Known
from labline_compiler.notebook import parse
from labline_compiler.trees import Trees

from .helpers import edges, pipeline_of
from .test_graph import steps


def test_a_cell_is_parsed_once_however_often_the_notebook_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    text = steps(a="parsed_once = [1]", b="print(parsed_once)")
    first = pipeline_of(text)
    monkeypatch.setattr(ipython, "_parse", None)
    assert pipeline_of(text) == first


def test_two_cells_of_the_same_code_have_trees_of_their_own() -> None:
    notebook = parse(steps(a="x = [1]", b="x = [1]", c="\nx = [1]", d="%%time\nx = [1]"), "notebook.py")
    known = Known(notebook)
    assert len({id(known.parse(cell).tree) for cell in notebook.code_cells}) == 4


def test_what_two_cells_of_the_same_code_make_is_not_one_object() -> None:
    text = steps(a="x = []", b="y = x", c="x = []", d="x.append(1)", e="print(y)")
    assert {"d>e:y", "c>e:y"}.isdisjoint(edges(pipeline_of(text)))


def test_trees_are_given_up_where_they_are_too_many() -> None:
    trees = Trees(most=10)
    first = trees.parse("a = 1", "a = 1", 1)
    assert trees.parse("a = 1", "a = 1", 1) is first
    trees.parse("b = 2", "b = 2", 1)
    assert trees.parse("a = 1", "a = 1", 1) is first
    trees.parse("c = 3", "c = 3", 1)
    assert trees.parse("a = 1", "a = 1", 1) is first  # asked for after the second
    assert trees.parse("d = 12345678", "d = 12345678", 1) is not trees.parse("d = 12345678", "d = 12345678", 1)


def test_what_is_no_python_is_told_again_each_time() -> None:
    notebook = parse(steps(a="x = ("), "notebook.py")
    codes = [[found.code for found in compile_notebook(notebook).findings] for _ in range(2)]
    assert codes == [["LL101"], ["LL101"]]
    with pytest.raises(CellSyntaxError):
        Trees().parse("x = (", "x = (", 1)
