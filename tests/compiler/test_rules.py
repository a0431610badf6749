"""Each rule's own examples: the bad one breaks it, the good one does not; and where there is an edit, it mends it."""

from __future__ import annotations

import json

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.edits import apply, fits
from labline_compiler.findings import RULES, Edit, Finding
from labline_compiler.fixing import fix
from labline_compiler.notebook import parse
from tests.compiler.helpers import compile_text

EXAMPLES = [code for code, rule in RULES.items() if rule.bad]
FIXABLE = {"LL102", "LL103", "LL104", "LL106", "LL109", "LL111", "LL202", "LL203", "LL406", "LL709"}
IN_TAGS = sorted(FIXABLE - {"LL709"})


def findings(text: str, code: str) -> list[Finding]:
    return [found for found in compile_text(text).findings if found.code == code]


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_bad_example_breaks_the_rule(code: str) -> None:
    assert findings(RULES[code].bad, code)


@pytest.mark.parametrize("code", EXAMPLES)
def test_nothing_is_wrong_with_the_good_example(code: str) -> None:
    assert compile_text(RULES[code].good).findings == ()


def test_the_rules_that_can_be_fixed_are() -> None:
    assert {code for code in EXAMPLES for found in findings(RULES[code].bad, code) if found.edit} == FIXABLE


@pytest.mark.parametrize("code", IN_TAGS)
def test_applied_an_edit_takes_the_finding_away_and_changes_tags_only(code: str) -> None:
    notebook = parse(RULES[code].bad, "example.py")
    before = json.dumps(notebook.content)
    found = next(f for f in compile_notebook(notebook).findings if f.code == code)
    assert found.edit is not None
    after = apply(notebook.content, found.edit)
    assert compile_notebook(parse(after, "example.ipynb")).findings == ()
    assert without_tags(after) == without_tags(notebook.content)
    assert json.dumps(notebook.content) == before


@pytest.mark.parametrize("code", sorted(FIXABLE))
def test_applied_twice_an_edit_does_what_it_does_once(code: str) -> None:
    notebook = parse(RULES[code].bad, "example.py")
    edit = next(f.edit for f in compile_notebook(notebook).findings if f.edit)
    once = apply(notebook.content, edit)
    assert not fits(once, edit)
    assert apply(once, edit) == once


def test_a_step_is_renamed_on_all_its_cells() -> None:
    text = (
        '# %% tags=["step:load-data"]\nx = 1\n# %% tags=["step:load-data"]\ny = 1\n'
        '# %% tags=["step:b", "prev:load-data"]\nz = 1'
    )
    fixed = fix(parse(text, "example.py"))
    assert [cell["metadata"]["tags"] for cell in fixed.document["cells"]] == [
        ["step:load_data"],
        ["step:load_data"],
        ["step:b", "prev:load_data"],
    ]
    assert fixed.compilation.findings == ()


@pytest.mark.parametrize("other", ["load_data", "load data"])
def test_a_step_is_not_renamed_to_what_another_is_or_would_be_called(other: str) -> None:
    text = f'# %% tags=["step:load-data"]\nx = 1\n# %% tags=["step:{other}"]\ny = 1'
    assert all(found.edit is None for found in findings(text, "LL103"))


def test_an_interrupted_step_with_options_is_not_split() -> None:
    text = RULES["LL202"].bad.replace('"step:load"', '"step:load", "limit:cpu:1"', 1)
    assert {found.edit for found in findings(text, "LL202")} == {None}


def test_an_entry_for_a_step_with_another_name_is_renamed() -> None:
    content = {
        "nbformat": 4,
        "metadata": {"labline": {"steps": {"laod": {"retries": 2}}}},
        "cells": [{"cell_type": "code", "metadata": {"tags": ["step:load"]}, "source": ["x = 1"]}],
    }
    fixed = fix(parse(content, "example.ipynb"))
    assert fixed.document["metadata"] == {"labline": {"steps": {"load": {"retries": 2}}}}
    assert fixed.compilation.pipeline is not None
    assert content["metadata"] == {"labline": {"steps": {"laod": {"retries": 2}}}}


def test_an_edit_that_no_longer_fits_changes_nothing() -> None:
    found = findings(RULES["LL104"].bad, "LL104")[0]
    assert found.edit is not None
    other = parse(RULES["LL104"].good, "example.py").content
    assert apply(other, found.edit) == other
    assert apply({"cells": []}, Edit("x", found.edit.texts, found.edit.tags)) == {"cells": []}


def test_a_place_is_counted_in_characters() -> None:
    (found,) = compile_text('# %%\nx = 1\nprint("größer", y1)').findings
    assert (found.line, found.column, found.end_line, found.end_column) == (2, 17, 2, 19)


def without_tags(document: dict[str, object]) -> list[object]:
    cells = document["cells"]
    assert isinstance(cells, list)
    return [{**cell, "metadata": {k: v for k, v in cell["metadata"].items() if k != "tags"}} for cell in cells]
