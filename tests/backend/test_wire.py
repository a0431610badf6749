"""Records to JSON."""

from __future__ import annotations

import json
import math

import pytest

from labline_backend import wire
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse

from .notebooks import code, notebook


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_know_are_null(number: float) -> None:
    document = {"metrics": {"x": number}, "rows": [(number, 1.5)]}
    assert json.loads(wire.dumps(document)) == {"metrics": {"x": None}, "rows": [[None, 1.5]]}


def test_text_that_is_no_unicode_is_written_all_the_same() -> None:
    assert wire.dumps("\ud800").isascii()


def test_a_graph_says_which_step_ends_every_run() -> None:
    content = notebook(
        code("outcome = 'succeeded'", "parameters"), code("x = 1", "step:work"), code("print(outcome)", "step:tell")
    )
    content["metadata"]["labline"] = {"steps": {"tell": {"exit": "outcome"}}}
    compiled = compile_notebook(parse(content, "told.ipynb")).pipeline
    assert compiled is not None
    assert {step["name"]: step["exit"] for step in wire.graph(compiled)["steps"]} == {"work": False, "tell": True}
