"""Leakage: what is wrong is told, with the lines involved, and nothing is told of what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.fixing import fix
from labline_compiler.ipython import parse_cell
from labline_compiler.leakage import find_leaks
from labline_compiler.notebook import Cell, Notebook, parse, read
from tests.compiler.leakage_cases import HEAD, RIGHT, WRONG, expanded

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def leaks(*sources: str) -> list[tuple[str, int | None, int | None, str]]:
    cells = [Cell(i, f"c{i}", "code", source) for i, source in enumerate([HEAD, *sources])]
    found = find_leaks((cell, parse_cell(cell.source)) for cell in cells)
    return [(leak.code, leak.cell_index, leak.line, leak.message) for leak in found]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(name: str) -> None:
    code, source = WRONG[name]
    assert {leak[0] for leak in leaks(source)} == {code}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_told_of_what_is_right(name: str) -> None:
    assert leaks(RIGHT[name]) == []


def test_one_line_is_told_of_once() -> None:
    source = (
        "X, y = df.drop(columns='y'), df['y']\nX = (X - X.mean()) / X.std()\n"
        "X1, X2, y1, y2 = train_test_split(X, y, random_state=5)\nprint(LogisticRegression().fit(X1, y1).score(X2, y2))"
    )
    assert [leak[0] for leak in leaks("df = pd.read_csv('x.csv')", source)] == ["LL702"]


@pytest.mark.parametrize("name", ["scaler_on_all_rows", "model_fitted_on_all_then_tested", "another_column_dropped"])
def test_it_makes_no_difference_how_code_is_put_into_cells(name: str) -> None:
    code, source = WRONG[name]
    assert {leak[0] for leak in leaks(*source.strip().split("\n"))} == {code}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_example_notebooks_have_no_leaks(path: Path) -> None:
    assert [found.code for found in compile_notebook(read(path)).findings if found.code.startswith("LL7")] == []


def test_the_lines_involved_are_named() -> None:
    ((_, cell, line, message),) = leaks(
        expanded("XY"), "X = StandardScaler().fit_transform(X)", "\n" + expanded("SPLIT")
    )
    assert (cell, line) == (2, 1)
    assert "cell 3, line 1" in message
    assert "cell 4, line 2" in message


@pytest.mark.parametrize(
    ("call", "fixed"),
    [
        ("train_test_split(X, y)", "train_test_split(X, y, random_state=0)"),
        (
            "train_test_split(X, y,\n    test_size=0.2,\n)",
            "train_test_split(X, y,\n    test_size=0.2, random_state=0\n)",
        ),
    ],
)
def test_a_split_without_a_seed_is_given_one(call: str, fixed: str) -> None:
    body = f"X, y = range(9), 'größe'; a, b, c, d = {call}; print(a)\n"
    done = fix(notebook(body))
    assert done.document["cells"][0]["source"].endswith(body.replace(call, fixed).rstrip())
    assert done.compilation.findings == ()


@pytest.mark.parametrize("call", ["train_test_split(X, y,  # why\n)", "train_test_split(X, y, **more)"])
def test_a_call_that_cannot_be_changed_safely_is_left_alone(call: str) -> None:
    assert fix(notebook(f"X, y, more = 1, 2, {{}}\na, b, c, d = {call}\n")).applied == ()


def notebook(body: str) -> Notebook:
    text = f'# %% tags=["step:a"]\nfrom sklearn.model_selection import train_test_split\n{body}'
    return parse(text, "script.py")
