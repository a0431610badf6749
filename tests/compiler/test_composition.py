"""A cell that stands for another notebook: the other's cells are in its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labline_compiler.compile import Compilation, compile_notebook
from labline_compiler.composition import MOST_NOTEBOOKS, Composed, compose, own_cells
from labline_compiler.findings import Finding
from labline_compiler.notebook import parse, read
from labline_compiler.pipeline import Pipeline, Toleration
from labline_runtime.specification import Registration

from .helpers import edges, run_pipeline

Cell = dict[str, Any]


def cell(source: str, *tags: str, **metadata: Any) -> Cell:
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags), **metadata}}


class Folder:
    """Notebooks in a folder, the outermost one called root."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, *cells: Cell, **metadata: Any) -> None:
        file = self.path / f"{name}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        document = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata}
        numbered = [{"id": f"{file.stem}{n}", **each} for n, each in enumerate(cells)]
        file.write_text(json.dumps({**document, "cells": numbered}))

    def composed(self) -> Composed:
        return compose(read(self.path / "root.ipynb"), self.path)

    def compiled(self) -> Compilation:
        return compile_notebook(self.composed().notebook)

    def pipeline(self) -> Pipeline:
        found = self.compiled()
        assert found.pipeline is not None, [f.message for f in found.findings]
        return found.pipeline

    def steps(self) -> list[str]:
        return [step.name for step in self.pipeline().steps]

    def refused(self) -> Finding:
        """The one finding that keeps the notebooks apart."""
        (found,) = self.composed().findings
        assert found.severity == "error"
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.write("other", cell("x = 2", "step:load"), cell("y = x * 10", "step:double"))
    return folder


# ------------------------------------------------------------------------------------------------------------ meaning


def test_the_others_steps_carry_its_name(folder: Folder) -> None:
    folder.write("root", cell("", "notebook:other"), cell("z = y", "step:use"))
    assert folder.steps() == ["other_load", "other_double", "use"]


def test_values_cross_into_the_other_notebook_and_back(folder: Folder) -> None:
    folder.write("other", cell("y = x * 10", "step:double"))
    folder.write("root", cell("x = 2", "step:make"), cell("", "notebook:other"), cell("z = y + 1", "step:use"))
    assert edges(folder.pipeline()) == {"make>other_double:x", "other_double>use:y"}


def test_it_computes_what_running_one_after_the_other_computes(folder: Folder) -> None:
    folder.write("other", cell("def f(n):\n    return n * 10", "functions"), cell("x += f(x)", "step:more"))
    folder.write(
        "root",
        cell("def f(n):\n    return n + 1", "functions"),
        cell("x = f(1)", "step:make"),
        cell("", "notebook:other"),
        cell("x = f(x)", "step:use"),
    )
    assert run_pipeline(folder.pipeline())["use"]["x"] == 220


def test_notebooks_that_share_nothing_do_not_wait_for_each_other(folder: Folder) -> None:
    folder.write("third", cell("a = 1", "step:load"))
    folder.write("root", cell("", "notebook:other"), cell("", "notebook:third"))
    assert edges(folder.pipeline()) == {"other_load>other_double:x"}


def test_a_notebook_without_steps_is_one(folder: Folder) -> None:
    folder.write("other", cell("x = 2"), cell("y = x"))
    folder.write("root", cell("", "notebook:other"), cell("z = y", "step:use"))
    assert folder.steps() == ["other", "use"]


def test_what_stands_above_the_others_first_step_is_no_part_of_a_step_here(folder: Folder) -> None:
    folder.write("other", cell("x = 2"), cell("y = x", "step:more"))
    folder.write("root", cell("a = 1", "step:first"), cell("", "notebook:other"))
    assert folder.steps() == ["first", "other", "other_more"]


def test_an_untagged_cell_below_belongs_to_the_next_step(folder: Folder) -> None:
    folder.write("root", cell("a = 1", "step:first"), cell("", "notebook:other"), cell("b = y"), cell("b", "step:last"))
    assert [c.source for c in folder.pipeline().step("last").cells] == ["b = y", "b"]


def test_an_untagged_cell_below_that_no_step_follows_is_a_step(folder: Folder) -> None:
    folder.write("root", cell("a = 1", "step:first"), cell("", "notebook:other"), cell("b = y"))
    assert folder.steps() == ["first", "other_load", "other_double", "after_other"]


def test_notebooks_may_be_nested(folder: Folder) -> None:
    folder.write("middle", cell("m = 1", "step:own"), cell("", "notebook:other"), cell("n = m + y", "step:sum"))
    folder.write("root", cell("", "notebook:middle"))
    assert folder.steps() == ["middle_own", "middle_other_load", "middle_other_double", "middle_sum"]


def test_the_path_in_the_cells_metadata_is_seen_from_the_notebook_that_names_it(folder: Folder) -> None:
    folder.write("deep/middle", cell("", "notebook:a", notebook_path="./leaf.ipynb"))
    folder.write("deep/leaf", cell("x = 1", "step:s"))
    folder.write("root", cell("# comment", "notebook:m", notebook_path="deep/middle.ipynb"))
    assert folder.steps() == ["m_a_s"]


def test_a_cell_may_run_the_notebook_so_that_jupyter_does_the_same(folder: Folder) -> None:
    folder.write("root", cell("# the data\n%run other.ipynb\n", "notebook:data"))
    assert folder.steps() == ["data_load", "data_double"]


def test_a_skipped_reference_is_left_out(folder: Folder) -> None:
    folder.write("root", cell("a = 1", "step:first"), cell("", "notebook:nowhere", "skip"))
    assert folder.steps() == ["first"]


# -------------------------------------------------------------------------------------------------- order, parameters


def test_prev_waits_for_all_steps_of_a_notebook(folder: Folder) -> None:
    folder.write("root", cell("", "notebook:other"), cell("z = 1", "step:last", "prev:other"))
    assert set(folder.pipeline().step("last").after) == {"other_load", "other_double"}


def test_prev_on_the_reference_makes_all_its_steps_wait(folder: Folder) -> None:
    folder.write("root", cell("a = 1", "step:first"), cell("", "notebook:other", "prev:first"))
    assert [step.after for step in folder.pipeline().steps[1:]] == [("first",), ("first",)]


def test_prev_inside_the_other_notebook_means_its_own_steps(folder: Folder) -> None:
    folder.write("other", cell("x = 2", "step:load"), cell("y = 1", "step:more", "prev:load"))
    folder.write("root", cell("a = 1", "step:load"), cell("", "notebook:other"))
    assert folder.pipeline().step("other_more").after == ("other_load",)


def test_a_parameter_defined_above_wins_over_the_others_own(folder: Folder) -> None:
    folder.write("other", cell("n = 3\nrate = 0.5; m = n", "parameters"), cell("y = n * rate + m", "step:s"))
    folder.write("root", cell("n = 7", "parameters"), cell("", "notebook:other"))
    pipeline = folder.pipeline()
    assert {p.name: p.default for p in pipeline.parameters} == {"n": "7", "rate": "0.5"}
    assert run_pipeline(pipeline)["other_s"]["y"] == 10.5


def test_a_cell_that_runs_the_notebook_would_set_the_parameter_anew(folder: Folder) -> None:
    folder.write("other", cell("n = 3", "parameters"), cell("y = n", "step:s"))
    folder.write("root", cell("n = 7", "parameters"), cell("%run other.ipynb", "notebook:other"))
    (found,) = folder.compiled().findings
    assert found.code == "LL110"
    assert found.message == "Parameter n is defined in cell 1 and again in cell 1 of other.ipynb."


# ------------------------------------------------------------------------------------------------------------ options


def test_what_a_notebook_within_asks_of_a_cluster_goes_with_its_steps(folder: Folder) -> None:
    entry = {"tolerations": [{"key": "gpu", "operator": "Exists"}], "pull_secrets": ["registry"]}
    own = {"steps": {"load": entry}, "service_account": "birds"}
    folder.write("other", cell("x = 2", "step:load", "request:cpu:1"), labline=own)
    folder.write("root", cell("", "notebook:other"))
    found = folder.pipeline().step("other_load").options
    assert (found.tolerations, found.pull_secrets) == ((Toleration("gpu", "Exists"),), ("registry",))
    assert (found.requests, found.service_account) == ({"cpu": "1"}, "birds")


def test_a_model_that_a_step_within_registers_is_registered(folder: Folder) -> None:
    wish = {"name": "flights", "input": "X", "sample": False}
    folder.write("other", cell("x = 2", "step:load"), labline={"steps": {"load": {"register": wish}}})
    folder.write("root", cell("", "notebook:other"))
    assert folder.compiled().findings == ()
    assert folder.pipeline().step("other_load").options.register == Registration("flights", input="X", sample=False)


def test_options_come_from_the_nearest_that_says_something(folder: Folder) -> None:
    folder.write(
        "other",
        cell("x = 2", "step:load", "limit:cpu:1"),
        kubeflow_notebook={"steps_defaults": ["limit:cpu:2", "limit:memory:2Gi", "label:a:other"], "base_image": "o"},
        labline={"steps": {"load": {"retries": 2}}},
    )
    folder.write(
        "root",
        cell("", "notebook:other", "limit:memory:3Gi", "label:b:reference"),
        kubeflow_notebook={"steps_defaults": ["limit:memory:4Gi", "label:c:root"], "base_image": "r"},
        labline={"steps": {"other_load": {"timeout": 5}}},
    )
    found = folder.pipeline().step("other_load").options
    assert found.limits == {"cpu": "1", "memory": "3Gi"}
    assert found.labels == {"a": "other", "b": "reference", "c": "root"}
    assert (found.image, found.retries, found.timeout) == ("o", 2, 5.0)


def test_caching_switched_off_in_the_other_notebook_is_off_for_its_steps_alone(folder: Folder) -> None:
    folder.write("other", cell("x = 2", "step:load"), labline={"cache": False})
    folder.write("root", cell("", "notebook:other"), cell("y = x", "step:use"))
    assert [step.options.cache for step in folder.pipeline().steps] == [False, None]


# ----------------------------------------------------------------------------------------------------------- findings


def test_a_finding_in_the_other_notebook_is_told_on_the_cell_that_stands_for_it(folder: Folder) -> None:
    folder.write("other", cell("x = 1", "step:load"), cell("if x > 1\n    pass"))
    folder.write("root", cell("a = 1", "step:first"), cell("", "notebook:other"))
    (found,) = folder.compiled().findings
    assert (found.code, found.cell_index, found.cell_id, found.line) == ("LL101", 1, "root1", None)
    assert found.message.startswith("Cell 2 of other.ipynb, line 1: ")


def test_an_edit_of_another_notebook_is_not_offered(folder: Folder) -> None:
    folder.write("other", cell("x = 1", "step:load", "cache:Off"))
    folder.write("root", cell("", "notebook:other"))
    (found,) = folder.compiled().findings
    assert (found.code, found.edit) == ("LL102", None)


def test_a_finding_below_is_told_where_it_is(folder: Folder) -> None:
    folder.write("root", cell("", "notebook:other"), cell("z = 1", "step:use", "cache:Off"))
    (found,) = folder.compiled().findings
    assert (found.cell_index, found.cell_id, found.edit is not None) == (1, "root1", True)
    assert found.message.startswith("Cell 2 has the tag")


def test_cells_are_labelled_with_their_notebook(folder: Folder) -> None:
    folder.write("root", cell("", "notebook:other"), cell("z = y", "step:use"))
    pipeline = folder.pipeline()
    labels = [pipeline.step(name).cells[0].shown for name in ("other_double", "use")]
    assert labels == ["2 of other.ipynb", "2"]


def test_cells_of_another_notebook_are_shown_on_the_cell_that_stands_for_it(folder: Folder) -> None:
    folder.write("root", cell("", "notebook:other"), cell("z = y", "step:use"))
    assert [step.cells[0].open_id for step in folder.pipeline().steps] == ["root0", "root0", "root1"]


def test_a_name_that_a_notebook_further_down_binds_is_not_there_yet(folder: Folder) -> None:
    folder.write("root", cell("z = y", "step:use"), cell("", "notebook:other"))
    assert not edges(folder.pipeline()) & {"other_double>use:y"}


def test_the_composed_document_compiles_to_the_same_again(folder: Folder) -> None:
    folder.write("root", cell("", "notebook:other", "limit:cpu:2"), cell("z = y", "step:use"))
    composed = folder.composed().notebook
    assert compile_notebook(parse(composed.content, composed.path)) == folder.compiled()


def test_the_notebooks_own_cells_can_be_told(folder: Folder) -> None:
    folder.write("root", cell("", "notebook:other"), cell("z = y", "step:use"))
    assert [each["id"] for each in own_cells(folder.composed().notebook.content)] == ["root0", "root1"]


def test_a_notebook_that_stands_for_no_other_is_left_as_it_is(folder: Folder) -> None:
    notebook = read(folder.path / "other.ipynb")
    assert compose(notebook, folder.path).notebook is notebook


# ------------------------------------------------------------------------------------------------------------ refused

Write = Callable[[Folder], None]


def outside(folder: Folder) -> None:
    link = folder.path / "inner" / "link.ipynb"
    link.parent.mkdir()
    link.symlink_to(folder.path / "other.ipynb")
    folder.path = link.parent
    folder.write("root", cell("", "notebook:link"))


def indirect(folder: Folder) -> None:
    folder.write("other", cell("", "notebook:root"))
    folder.write("root", cell("a = 1"), cell("", "notebook:other"))


REFUSED: dict[str, tuple[Cell | Write, str, str]] = {
    "code": (cell("important = 42", "notebook:other"), "LL113", "its own code ('important = 42') would not run"),
    "more code": (cell("%run other.ipynb\nx = 1", "notebook:other"), "LL113", "its own code ('x = 1')"),
    "missing": (cell("", "notebook:gone"), "LL113", "There is no notebook at gone.ipynb"),
    "parent": (cell("", "notebook:a", notebook_path="../a.ipynb"), "LL113", "'../a.ipynb', which is not in"),
    "absolute": (cell("%run /etc/a.ipynb", "notebook:a"), "LL113", "'/etc/a.ipynb', which is not in"),
    "hidden": (cell("", "notebook:a", notebook_path=".git/a.ipynb"), "LL113", "'.git/a.ipynb', which is hidden"),
    "link": (outside, "LL113", "'link.ipynb', which is not in"),
    "two paths": (cell("%run other.ipynb", "notebook:a", notebook_path="b.ipynb"), "LL113", "metadata names 'b.ipynb'"),
    "no path": (cell("", "notebook:a", notebook_path=3), "LL108", "`notebook_path` in its metadata is not a path"),
    "no notebook": (cell("", "notebook:a", notebook_path="a.txt"), "LL113", "'a.txt', which is no notebook"),
    "itself": (cell("", "notebook:root"), "LL113", "root.ipynb -> root.ipynb"),
    "cycle": (indirect, "LL113", "root.ipynb -> other.ipynb -> root.ipynb"),
    "a step": (cell("", "notebook:other", "step:a"), "LL105", "both notebook:other and step:a"),
    "two names": (cell("", "notebook:other", "notebook:more"), "LL105", "two notebooks, other and more"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_composed_is_refused(folder: Folder, case: str) -> None:
    what, code, said = REFUSED[case]
    if isinstance(what, dict):
        folder.write("root", cell("a = 1"), what)
    else:
        what(folder)
    found = folder.refused()
    assert (found.code, said in found.message) == (code, True), found.message


def test_a_broken_notebook_is_told_with_its_name(folder: Folder) -> None:
    (folder.path / "other.ipynb").write_text('{"cells": [')
    folder.write("root", cell("", "notebook:other"))
    found = folder.refused()
    assert (found.code, found.cell_index) == ("LL113", 0)
    assert "cannot be used: other.ipynb" in found.message


@pytest.mark.parametrize("name", ["other_load", "other"])
def test_two_notebooks_do_not_share_a_step(folder: Folder, name: str) -> None:
    folder.write("root", cell("", "notebook:other"), cell("a = 1", f"step:{name}"))
    assert "name of a step of the notebook other" in folder.refused().message


def test_two_notebooks_do_not_share_a_name(folder: Folder) -> None:
    folder.write("root", cell("", "notebook:other"), cell("", "notebook:other"))
    assert "taken" in folder.refused().message


def test_there_is_an_end_to_how_much_is_put_together(folder: Folder) -> None:
    for level in range(14):  # each stands twice for the next one: 2 ** 14 leaves
        below = f"level{level + 1}" if level < 13 else "other"
        twice = [cell("", f"notebook:{name}", notebook_path=f"{below}.ipynb") for name in "ab"]
        folder.write("root" if level == 0 else f"level{level}", *twice)
    assert any(f"more than {MOST_NOTEBOOKS}" in found.message for found in folder.composed().findings)


def test_on_its_own_the_compiler_does_not_read_other_notebooks(folder: Folder) -> None:
    folder.write("root", cell("", "notebook:other"))
    compilation = compile_notebook(read(folder.path / "root.ipynb"))
    assert [(found.code, found.cell_index) for found in compilation.findings] == [("LL113", 0)]
