"""Steps suggested: named well, cut well, always compiling, and computing the same."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from labline_compiler.analysis.walker import Walker
from labline_compiler.compile import compile_notebook
from labline_compiler.edits import apply
from labline_compiler.ipython import ParsedCell
from labline_compiler.notebook import Notebook, parse, read
from labline_compiler.suggest import Suggestion, SuggestionError, suggest
from labline_compiler.suggest.cuts import Crossing, Cuts
from labline_compiler.suggest.names import headings, name_of
from tests.compiler.helpers import run_pipeline
from tests.compiler.test_equivalence import notebooks, outcome
from tests.equivalence.cases import CASES
from tests.equivalence.notebooks import cells_of

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def notebook(*cells: str | tuple[str, dict[str, Any]]) -> Notebook:
    """A cell that begins with # and a blank is Markdown; with a pair, the second is the metadata."""
    pairs = [(cell, {}) if isinstance(cell, str) else cell for cell in cells]
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "cell_type": "markdown" if source.startswith(("# ", "## ", "### ", "<h")) else "code",
                "id": f"c{number}",
                "metadata": metadata,
                "source": source,
            }
            for number, (source, metadata) in enumerate(pairs)
        ],
    }
    return parse(document, "little.ipynb")


def steps(suggestion: Suggestion) -> dict[str, tuple[int, ...]]:
    return {step.name: step.cells for step in suggestion.steps}


def roles(suggestion: Suggestion) -> dict[int, str]:
    return {cell.index: cell.role for cell in suggestion.cells if cell.role != "step"}


def test_history_is_not_put_into_another_step() -> None:
    found = suggest(notebook("## A", "x = [1]", "## B", "y = x[0]", "## C", "print(In[1])", "## D", "print(y)"))
    assert list(steps(found).values()) == [(1, 3, 5), (7,)]


# ------------------------------------------------------------------------------------------------------ whole notebooks


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("penguins", ["load", "clean", "look", "split", "train", "evaluate"]),
        ("digits", ["load", "look", "split", "validate", "train", "evaluate", "metrics"]),
        (
            "flight_delays",
            ["load", "join", "look", "features", "two_models", "choose", "evaluate", "metrics", "register"],
        ),
    ],
)
def test_the_examples_without_their_tags_are_given_steps_much_like_their_own(name: str, expected: list[str]) -> None:
    document = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())
    for cell in document["cells"]:
        cell["metadata"].pop("tags", None)
    suggestion = suggest(parse(document, f"{name}.ipynb"))
    assert [step.name for step in suggestion.steps] == expected
    assert suggestion.compilation.findings == ()
    own = {cell.index: cell.role for cell in compile_notebook(read(NOTEBOOKS / f"{name}.ipynb")).cells}
    for index, role in roles(suggestion).items():
        assert own[index] == role


@functools.cache
def suggested(case: str) -> tuple[Notebook, Suggestion]:
    """A case with a heading over each of its parts."""
    cells = [cell for number, (source, _) in enumerate(cells_of(CASES[case])) for cell in (f"## Part {number}", source)]
    before = notebook(*cells)
    return before, suggest(before)


@pytest.mark.parametrize("case", CASES)
def test_a_suggestion_compiles_and_is_what_its_edit_makes(case: str) -> None:
    before, suggestion = suggested(case)
    after = compile_notebook(parse(apply(before.content, suggestion.edit), before.path))
    assert after.pipeline is not None
    assert suggestion.compilation.pipeline is not None
    assert after.pipeline.steps == suggestion.compilation.pipeline.steps


def test_the_same_notebook_is_given_the_same_steps() -> None:
    before, suggestion = suggested("numpy_random_seeded_once")
    assert suggest(before) == suggestion


def test_most_cases_can_be_cut() -> None:
    assert sum(len(suggested(case)[1].steps) > 1 for case in CASES) > 0.8 * len(CASES)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(notebooks())
def test_the_last_step_sees_what_the_notebook_would_show(text: str) -> None:
    expected = outcome(text)
    if not expected:
        return
    sources = [cell.source for cell in parse(text, "little.py").code_cells]
    suggestion = suggest(notebook(*(cell for n, source in enumerate(sources) for cell in (f"## Part {n}", source))))
    pipeline = suggestion.compilation.pipeline
    assert pipeline is not None
    last = run_pipeline(pipeline)[pipeline.steps[-1].name]
    assert {key: last[key] for key in expected} == expected


# ---------------------------------------------------------------------------------------------------------------- roles


def test_imports_functions_and_parameters_are_found() -> None:
    suggestion = suggest(
        notebook(
            "%matplotlib inline\nimport numpy as np\nimport warnings\nwarnings.filterwarnings('ignore')",
            "SIZE = 3\nname = 'x'\nshare = 1 / 3",
            "def double(x):\n    return 2 * x",
            "values = [double(i) for i in range(SIZE)]\nprint(values, name, share)",
        )
    )
    assert roles(suggestion) == {0: "imports", 1: "parameters", 2: "functions"}


@pytest.mark.parametrize(
    "cell",
    [
        "import time\nstart = time.time()",  # something else each time
        "n = 3\nn = 4",  # no one value
        "n = [1]",  # could be altered
        "def f():\n    return later\nf()",
    ],
)
def test_cells_that_do_more_are_of_a_step(cell: str) -> None:
    assert roles(suggest(notebook(cell, "n = len([1])\nlater = [1]\nm = [2]", "print(n, m)"))) == {}


def test_of_imports_alone_a_step_is_made() -> None:
    assert steps(suggest(notebook("import json", "import re"))) == {"compute": (0, 1)}


def test_a_name_that_is_rebound_is_no_parameter() -> None:
    assert roles(suggest(notebook("n = 3", "n = n + 1", "print(n)"))) == {}


def test_a_seed_stays_where_it_is() -> None:
    suggestion = suggest(notebook("import random", "random.seed(1)", "print(random.random())"))
    assert roles(suggestion) == {0: "imports"}


def test_how_things_are_shown_is_set_in_every_step() -> None:
    suggestion = suggest(
        notebook("from sympy import init_printing, symbols\ninit_printing(use_latex=True)", "x = symbols('x')", "x + 1")
    )
    assert roles(suggestion) == {0: "imports"}
    assert "LL303" not in {found.code for found in suggestion.compilation.findings}


def test_options_that_an_importing_cell_names_for_itself_are_set_in_every_step() -> None:
    options = "import matplotlib.pyplot as plt\nparams = {'font.size': 9}\nplt.rcParams.update(params)"
    assert roles(suggest(notebook(options, "plt.plot([1])", "print(1)"))) == {0: "imports"}
    assert roles(suggest(notebook(options, "plt.plot([1])", "print(params)"))) == {}


def test_what_the_notebooks_own_tags_say_stays() -> None:
    suggestion = suggest(
        notebook(
            ("import json", {"tags": ["mine", "skip"]}), ("n = 3", {"tags": ["parameters"]}), "m = 4", "print(n, m)"
        )
    )
    assert roles(suggestion) == {}
    assert {edit.cell_id for edit in suggestion.edit.tags} == {"c2"}


# ----------------------------------------------------------------------------------------------------------------- cuts


def test_headings_make_steps() -> None:
    suggestion = suggest(
        notebook(
            "# All about it", "x = [1]", "## 1. Clean the data", "y = x + [2]", "print(y)", "## Report", "print(x)"
        )
    )
    assert list(steps(suggestion).values()) == [(1,), (3, 4), (6,)]
    assert [step.heading for step in suggestion.steps] == [None, "1. Clean the data", "Report"]
    assert suggestion.together == (("clean_data", "report"),)


@pytest.mark.parametrize(
    "made",
    [
        "shared = open('a.txt', 'w')",
        "shared = (x for x in [1])",
        "shared = iter([1])",
        "import matplotlib.pyplot as plt\nshared, axis = plt.subplots()",
        "import sqlite3\nshared = sqlite3.connect(':memory:')",
        "def numbers():\n    yield 1\nshared = numbers()",
        "import threading\nshared = threading.Lock()",
    ],
)
def test_no_cut_goes_through_what_cannot_leave_its_process(made: str) -> None:
    cells = steps(suggest(notebook("x = [1]", "## One", made, "## Two", "print(shared, x)", "## Three", "print(x)")))
    assert [len(step) for step in cells.values()] == [1, 2, 1]


def test_output_history_keeps_cells_together() -> None:
    assert list(steps(suggest(notebook("x = [1]", "## One", "x", "## Two", "print(_)"))).values()) == [(0,), (2, 4)]


def test_a_setting_of_the_process_keeps_what_follows_together() -> None:
    setting = "import codecs\ncodecs.register_error('ask', lambda error: ('?', error.end))"
    cells = steps(suggest(notebook("x = [1]", "## One", setting, "## Two", "print(x)")))
    assert list(cells.values()) == [(0,), (2, 4)]


def test_without_headings_the_cuts_are_where_few_values_cross() -> None:
    cells = [
        f"{name}1 = {name}0 = {source}" for name, source in [("a", "[1]"), ("b", "a1"), ("c", "b1"), ("d", "a0 + c1")]
    ]
    more = ["e0 = len(d1)", "f0 = [e0]", "g0 = f0 + [e0]", "print(e0, f0, g0)"]
    assert list(steps(suggest(notebook(*cells, *more))).values()) == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_modules_that_are_handed_on_keep_no_sections_together() -> None:
    names = ["base64", "bisect", "calendar", "cmath", "copy", "csv", "glob", "heapq", "json", "math", "re", "string"]
    imports = "print('ready')\n" + "\n".join(f"import {name}" for name in names)
    used = "\n".join(f"{name}.__name__" for name in names)
    cells = steps(suggest(notebook(imports, "## One", f"x = 1\n{used}", "## Two", f"print(x)\n{used}")))
    assert list(cells.values()) == [(0,), (2,), (4,)]


def test_there_are_not_too_many_steps() -> None:
    cells = [cell for n in range(40) for cell in (f"## Section {n}", f"x{n} = [{n}]")]
    assert 2 <= len(steps(suggest(notebook(*cells)))) <= 12


def test_of_two_cuts_the_cheaper_is_taken() -> None:
    crossings = [Crossing(0, 7, "a"), Crossing(2, 4, "b"), Crossing(2, 4, "c")]
    cuts = Cuts(8, crossings)
    assert cuts.best() == [0, 5]
    cuts.forbid_between(4, 6)
    assert 5 not in cuts.best()


# ---------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("1.2 Load the Data", "load_data"),
        ("**Clean** `df`: [why](x.html)", "clean_df_why"),
        ("Préparer les données!", "preparer_les_donnees"),
        ("III. Model selection & tuning, in detail", "model_selection_tuning"),
        ("2", None),
        ("数据", None),
        ("利用cut和qcut进行区间构造", "cut_qcut"),
        ("k-최근접 이웃", None),
        ("【END】", None),
        ("Die Größe", "die_groe"),
        ("Don’t panic", "dont_panic"),
        ("The end of history", "end_history"),
        ("Class", "step_class"),
        ("3D plots", "step_3d_plots"),
        ("What is it?", "what_is_it"),
        ("Part 2", "part_2"),
        ("Step 3. Assign it to iris", "assign_iris"),
        ("Lab 2.1: Principal components", "principal_components"),
        ("Task 3.3.4:", "task_3_3_4"),
    ],
)
def test_a_heading_gives_a_name(heading: str, name: str | None) -> None:
    assert name_of(heading) == name


def test_a_heading_that_stands_in_every_section_is_named_by_its_section() -> None:
    cells = ("## Merge tables", "x = [1]", "### How it works...", "y = x", "## Pivot", "### Example", "print(y)")
    assert list(steps(suggest(notebook("# Recipes", "### Example", "z = 1", *cells)))) == [
        "example",
        "merge_tables",
        "merge_tables_2",
        "pivot",
    ]


def test_headings_in_code_are_none() -> None:
    cells = notebook("# Title\n```\n# comment\n```\n### Sub ###\n<h2 class='x'>Html</h2>", "x = 1").cells
    assert [(h.level, h.text) for h in headings(cells)] == [(1, "Title"), (3, "Sub"), (2, "Html")]


def test_names_are_unique_whatever_their_case() -> None:
    found = steps(
        suggest(notebook("x = [1]", "## Plot", "print(x)", "## PLOT", "print(x, 1)", "## plot!", "print(x, 2)"))
    )
    assert list(found) == ["compute", "plot", "plot_2", "plot_3"]


# ---------------------------------------------------------------------------------------------------------------- gains


def ran(source: str, seconds: float) -> tuple[str, dict[str, Any]]:
    ended = f"2026-01-01T00:00:{seconds:09.6f}Z"
    return source, {"execution": {"iopub.execute_input": "2026-01-01T00:00:00Z", "shell.execute_reply": ended}}


def test_it_says_what_runs_at_the_same_time_and_what_that_saves() -> None:
    suggestion = suggest(
        notebook(ran("x = [1]", 1), "## One", ran("y = x + [2]", 10), "## Two", ran("z = x + [3]", 20)),
        sizes={"x": 2_000_000},
    )
    assert (suggestion.seconds, suggestion.critical) == (31.0, 21.0)
    assert suggestion.gains == (
        "one and two can run at the same time.",
        "The cells took 31.0 s one after the other; the longest chain of steps takes 21.0 s.",
        "After a change in two 1 of 3 steps runs again; the results of compute and one (11.0 s of work) are taken "
        "from the cache.",
        "1 value is handed from step to step, 2.0 MB in all: x.",
    )


@pytest.mark.parametrize("timing", [None, 3, {}, {"shell.execute_reply": "x"}, {"iopub.execute_input": 5}])
def test_timing_that_cannot_be_read_is_none(timing: object) -> None:
    assert suggest(notebook(("x = 1", {"execution": timing}))).seconds is None


def test_the_notebook_is_followed_once_however_often_its_cells_are_made_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[str] = []
    run_cell = Walker.run_cell

    def noted(walker: Walker, cell: ParsedCell, number: int, source: str) -> None:
        followed.append(source)
        run_cell(walker, cell, number, source)

    monkeypatch.setattr(Walker, "run_cell", noted)
    cells = ["# One", "items = []", "# Two", "def add(item, kept=items):\n    kept.append(item)", "# Three", "add(1)"]
    suggestion = suggest(notebook(*cells))
    assert [cell.role for cell in suggestion.cells] == ["step", "step", "step"]  # the second cannot be `functions`
    assert followed == cells[1::2]


# ------------------------------------------------------------------------------------------------------------- refusals


def test_a_notebook_with_steps_is_left_alone() -> None:
    with pytest.raises(SuggestionError, match="has steps already"):
        suggest(notebook(("x = 1", {"tags": ["step:a"]})))


@pytest.mark.parametrize("cell", ["x = = 1", ("x = 1", {"tags": "no list"}), ("x = 1", {"tags": None})])
def test_a_notebook_with_errors_is_told_what_they_are(cell: Any) -> None:
    with pytest.raises(SuggestionError) as refused:
        suggest(notebook("y = 2", cell))
    assert [found.severity for found in refused.value.findings] == ["error"]


WORK = (
    "import pandas as pd\nfrom sklearn.linear_model import LinearRegression",
    "df = pd.DataFrame({'x': [1.0, 2.0, 3.0], 'y': [2.0, 4.0, 6.0]})",
    "df.head()",
    "df = df.dropna()",
    "df['z'] = df['x'] ** 2",
    "model = LinearRegression().fit(df[['x', 'z']], df['y'])",
    "print(model.score(df[['x', 'z']], df['y']))",
)


def test_without_headings_steps_begin_where_another_part_of_the_work_does() -> None:
    found = suggest(notebook(*WORK))
    assert steps(found) == {"load": (1, 2), "prepare": (3, 4), "train": (5,), "evaluate": (6,)}
    assert {cell.index: cell.reason for cell in found.cells}[5] == "another part of the work begins: train"


def took(seconds: int) -> dict[str, Any]:
    begun, ended = (f"2026-01-01T00:{minutes:02}:00Z" for minutes in (0, seconds // 60))
    return {"execution": {"iopub.execute_input": begun, "shell.execute_reply": ended}}


def test_without_headings_a_step_ends_below_a_cell_that_took_long() -> None:
    cells = [f"x{number} = x{number - 1} + 1" for number in range(1, 7)]
    quick, slow = took(0), took(120)
    timed = [("x0 = abs(1)", quick), *((cell, slow if number == 1 else quick) for number, cell in enumerate(cells))]
    assert steps(suggest(notebook(*timed))) == {"compute": (0, 1, 2), "compute_2": (3, 4, 5, 6)}


def test_looking_at_data_in_between_is_not_another_part_of_the_work() -> None:
    plot = "df.plot()"
    found = suggest(notebook(WORK[0], WORK[1], WORK[3], plot, "df = df.drop_duplicates()", "df['w'] = 1"))
    assert steps(found) == {"load": (1,), "prepare": (2, 3, 4, 5)}
