"""Reading notebooks, whole and broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labline_compiler.notebook import Notebook, NotebookError, parse, read


def document(*cells: dict[str, Any], **changes: Any) -> dict[str, Any]:
    code = [{"cell_type": "code", "metadata": {}, "source": "x = 1", **cell} for cell in cells or ({},)]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": code, **changes}


def code_of(content: str | dict[str, Any], path: str = "n.ipynb") -> str:
    with pytest.raises(NotebookError) as caught:
        parse(content, path)
    return caught.value.finding.code


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="There is no notebook at"):
        read(tmp_path / "none.ipynb")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="is a folder"):
        read(tmp_path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_bytes(b"{\n\xff}")
    with pytest.raises(NotebookError) as caught:
        read(tmp_path / "n.ipynb")
    assert (caught.value.finding.code, caught.value.finding.line) == ("LL003", 2)


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text(json.dumps(document()), encoding="utf-8-sig")
    assert read(tmp_path / "n.ipynb").cells[0].source == "x = 1"


def test_text_that_is_not_json_names_the_line() -> None:
    with pytest.raises(NotebookError) as caught:
        parse('{"a": 1,\n<<<<<<< HEAD\n}', "n.ipynb")
    assert (caught.value.finding.code, caught.value.finding.line) == ("LL003", 2)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_notebook_cut_off(share: float) -> None:
    text = json.dumps(document())
    assert code_of(text[: int(len(text) * share)]) == "LL004"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "LL004"),
        ("[]", "LL005"),
        ("{}", "LL005"),
        (json.dumps(document(cells={})), "LL005"),
        (json.dumps(document(cells=[1])), "LL005"),
        (json.dumps(document({"source": 5})), "LL005"),
        (json.dumps(document({"cell_type": "heading"})), "LL005"),
        (json.dumps(document(metadata=[])), "LL005"),
        (json.dumps(document(nbformat=3)), "LL006"),
        (json.dumps(document(nbformat=5)), "LL006"),
        (json.dumps(document(nbformat="4")), "LL006"),
        (json.dumps(document(cells=[])), "LL007"),
        (json.dumps(document({"source": "  \n"})), "LL007"),
        (json.dumps(document(metadata={"kernelspec": {"name": "ir", "language": "R"}})), "LL008"),
        (json.dumps(document({"source": "x = '\ud800'"})), "LL009"),
        (json.dumps(document({"source": "x = '\0'"})), "LL009"),
        (json.dumps({**document({"source": "x"}), "metadata": {"kernelspec": {"name": "\ud800"}}}), "LL009"),
        ("[" * 100_000, "LL003"),
    ],
)
def test_what_is_not_a_notebook(content: str, code: str) -> None:
    assert code_of(content) == code


def test_source_as_a_list_of_lines() -> None:
    assert parse(document({"source": ["a = 1\n", "b = 2"]}), "n.ipynb").cells[0].source == "a = 1\nb = 2"


def test_missing_and_repeated_ids_become_stable_ones() -> None:
    notebook = parse(document({}, {"id": "same"}, {"id": "same"}), "n.ipynb")
    assert [cell.id for cell in notebook.cells] == ["cell-0", "same", "cell-2"]


def test_the_kernel_is_the_notebooks() -> None:
    notebook = parse(document(metadata={"kernelspec": {"name": "conda-ml", "language": "python"}}), "n.ipynb")
    assert notebook.kernel == "conda-ml"


def percent(text: str) -> Notebook:
    return parse(text, "n.py")


def test_percent_cells_and_their_tags() -> None:
    notebook = percent('# %% tags=["step:a", "prev:b"]\nx = 1\n\n# %% [markdown]\n# Words\n# %%\ny = 2\n')
    assert [(c.kind, c.source) for c in notebook.cells] == [("code", "x = 1"), ("markdown", "Words"), ("code", "y = 2")]
    assert notebook.cells[0].metadata["tags"] == ["step:a", "prev:b"]


def test_percent_code_above_the_first_marker() -> None:
    assert [cell.source for cell in percent("x = 1\n# %%\ny = 2").cells] == ["x = 1", "y = 2"]


def test_jupytexts_header_is_no_cell() -> None:
    notebook = percent("# ---\n# jupyter:\n#   kernelspec: {}\n# ---\n\n# %%\nx = 1\n")
    assert [cell.source for cell in notebook.cells] == ["x = 1"]


def test_jupytexts_commented_magics_are_magics() -> None:
    assert percent("# %%\n# %matplotlib inline\nx = 1").cells[0].source == "%matplotlib inline\nx = 1"


def test_the_document_of_a_script_is_a_notebook() -> None:
    content = percent("# %%\nx = 1").content
    assert parse(content, "n.ipynb").cells[0].source == "x = 1"
