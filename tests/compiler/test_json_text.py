"""A notebook's text is changed where its meaning is, and nowhere else."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labline_compiler.json_text import locate, rewrite
from labline_compiler.notebook import parse
from labline_compiler.percent_text import rewrite_percent

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
INDENTS = st.sampled_from([None, 1, 2, "\t"])


@given(VALUES, INDENTS, st.booleans())
@settings(max_examples=60)
def test_what_did_not_change_keeps_its_bytes(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only) + "\n"
    assert rewrite(text, value) == text
    assert locate(text).value == value


@given(VALUES, VALUES, INDENTS)
@settings(max_examples=150)
def test_the_new_text_means_the_new_value(old: Any, new: Any, indent: Any) -> None:
    assert json.loads(rewrite(json.dumps(old, indent=indent), new)) == new


@pytest.mark.parametrize("indent", [1, 4])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_changed_tag_changes_one_line(indent: int, end: str) -> None:
    document = {"cells": [{"metadata": {"tags": ["a", "b"], "x": 1.0}, "source": ["é\n"]}], "nbformat": 4}
    text = json.dumps(document, indent=indent, ensure_ascii=False) + end
    document["cells"][0]["metadata"]["tags"] = ["a", "c"]  # type: ignore[index]
    assert rewrite(text, document) == text.replace('"b"', '"c"')


def test_first_tags_are_written_in_the_files_own_style() -> None:
    text = json.dumps({"cells": [{"metadata": {}, "id": "a"}]}, indent=1)
    changed = {"cells": [{"metadata": {"tags": ["step:a"]}, "id": "a"}]}
    assert rewrite(text, changed) == json.dumps(changed, indent=1)


def test_windows_line_ends_stay() -> None:
    text = '{\r\n "a": [\r\n  1\r\n ],\r\n "b": {}\r\n}\r\n'
    assert rewrite(text, {"a": [1, 2], "b": {"c": [3]}}).replace("\r\n", "").count("\n") == 0


@pytest.mark.parametrize("text", ["", "{", '{"a" 1', "[1, ", "{]"])
def test_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        locate(text)


SCRIPT = textwrap.dedent("""\
    # ---
    # jupyter: {}
    # ---

    # %% [markdown]
    # # A title

    # %% tags=['step:a', "x"]
    # %matplotlib inline
    x = 1

    # %%  A name
    y = 2
    """)


def test_a_script_keeps_every_line_that_did_not_change() -> None:
    document = parse(SCRIPT, "script.py").content
    assert rewrite_percent(SCRIPT, document) == SCRIPT


def test_tags_and_lines_of_a_script_are_changed_in_place() -> None:
    document = parse(SCRIPT, "script.py").content
    document["cells"][1]["metadata"]["tags"] = ["step:b"]
    document["cells"][1]["source"] = "%matplotlib inline\nx = 3\n!ls"
    document["cells"][2]["metadata"]["tags"] = ["step:c"]
    changed = (
        SCRIPT.replace("""tags=['step:a', "x"]""", 'tags=["step:b"]')
        .replace("x = 1\n", "x = 3\n# !ls\n")
        .replace("# %%  A name\n", '# %%  A name tags=["step:c"]\n')
    )
    assert rewrite_percent(SCRIPT, document) == changed
    again = parse(changed, "script.py").content
    assert [cell["source"] for cell in again["cells"]] == [cell["source"] for cell in document["cells"]]
