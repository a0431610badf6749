"""Whatever a notebook holds, compiling it gives findings or a pipeline: no traceback, and an end."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import NotebookError, parse

_bounded = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
TAGS = [
    *(
        "imports",
        "functions",
        "parameters",
        "pipeline-metrics",
        "skip",
        "step:a",
        "step:b",
        "step:",
        "step:A",
        "prev:a",
    ),
    *(
        "prev:b",
        "prev:",
        "limit:cpu:1",
        "limit:nvidia.com/gpu:x",
        "limit:::",
        "label:a:b",
        "annotation:x:y",
        "step:a:b",
    ),
    *("secret:s:k:E", "image:i", "cache:enabled", "cache:perhaps", "report:disabled", "notebook:n"),
]
tags = st.sampled_from(TAGS) | st.text(max_size=12) | json_values
FRAGMENTS = (
    "x = 1",
    "x.append(y)",
    "def f(*a, **k): return f(*a, **k)",
    "class A(A): pass",
    "del x",
    "global x",
    "return",
    "await x",
    "yield",
    "nonlocal x",
    "from m import *",
    "import os.path as x, sys",
    "%%bash\necho",
    "%cd ..",
    "!ls {x}",
    "x?",
    "%run",
    "%%",
    "%%time",
    "exec(x)",
    "exec('')",
    "eval('x')",
    "globals()[x] = y",
    "locals()",
    "setattr()",
    "type()",
    "type(*x)",
    "getattr(x)",
    "super()",
    "super().__init__()",
    "vars(x)[y] = z",
    "sum()",
    "abs(*x)",
    "max(**x)",
    "np.add(*x, out=y)",
    "pd.DataFrame(*x, **y).copy(False)",
    "a, *b = c",
    "(x := [x := 1])",
    "match x:\n    case {**r}: pass\n    case [*_]: pass",
    "try:\n    pass\nexcept* ValueError as e: del e",
    "with x as (y, z[0]): pass",
    "for x.a in y: pass",
    "@x\n@y(z)\ndef f(): pass",
    "@property\ndef f(self): return f",
    "class M(type):\n    def __call__(c): return c()\nclass X(metaclass=M): pass\nX()",
    "lambda: (yield)",
    "x = " + "9" * 5000,
    "x = " + "(" * 150 + ")" * 150,
    "x = " + "-" * 3000 + "1",
    "x" + ".a" * 3000,
    "x = " + "+".join("1" * 1500),
    "f" + "()" * 1500,
    "x = [" * 90 + "]" * 90,
    "if x:\n" + "".join(" " * depth + "if x:\n" for depth in range(1, 90)) + " " * 90 + "pass",
    "def f():\n    x = f\n    return [f() for _ in x(f)]\nf()",
    "\f\tx = 1",
    "# coding: latin-1",
    "x = '\\N{DASH}'",
    "x = " + "+".join("a" * 900),
    "x = a" + ".b()" * 450,
    "if a: pass\n" + "elif b: pass\n" * 300,
    "é = ﬁ = 1",
    "\\",
    "'''",
    "x = 1;; y",
)
sources = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=30), max_size=4).map("\n".join) | json_values


def compiled(content: Any) -> None:
    """Compile, and see that what comes out is whole."""
    try:
        notebook = parse(content, "fuzz.ipynb")
    except NotebookError:
        return  # which cannot be made without findings
    compilation = compile_notebook(notebook)
    assert (compilation.pipeline is None) == any(found.severity == "error" for found in compilation.findings)
    if compilation.pipeline is not None:
        json.loads(compilation.pipeline.to_json())


def document(cells: list[dict[str, Any]], metadata: Any = None) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {} if metadata is None else metadata, "cells": cells}


def code(source: Any, *tags: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "outputs": []}


@_bounded
@given(json_values)
def test_any_json_gives_findings(content: Any) -> None:
    compiled(json.dumps(content))


@_bounded
@given(st.lists(st.builds(code, sources, tags, tags), max_size=5), st.dictionaries(st.text(max_size=8), json_values))
def test_any_cells_and_tags_give_findings(cells: list[dict[str, Any]], metadata: dict[str, Any]) -> None:
    compiled(document(cells, metadata))


@_bounded
@given(json_values, json_values)
def test_any_options_in_the_metadata_give_findings(options: Any, steps: Any) -> None:
    compiled(
        document([code("x = 1", "step:a")], {"labline": {"steps": steps, "defaults": options}, "kernelspec": steps})
    )
    compiled(document([code("x = 1", "step:a")], {"labline": options, "kubeflow_notebook": steps}))


@pytest.mark.parametrize("fragment", range(len(FRAGMENTS)))
def test_a_strange_cell_gives_findings_or_a_pipeline(fragment: int) -> None:
    compiled(document([code("import numpy as np, pandas as pd", "imports"), code(FRAGMENTS[fragment], "step:a")]))


@pytest.mark.parametrize(
    "source",
    [
        "with f({}) as x:\n    pass",
        "try:\n    y\nexcept g({}):\n    pass",
        "x = {{}}\nx[{}] += 2",
        "from sklearn.preprocessing import StandardScaler\ns = StandardScaler().fit(X[{}:])",
        "n = {}",
    ],
)
@pytest.mark.parametrize("tag", ["step:a", "imports", "parameters"])
def test_a_number_that_python_does_not_write_gives_findings_or_a_pipeline(source: str, tag: str) -> None:
    compiled(document([code(source.format("0x" + "f" * 5000), tag), code("print(1)", "step:b")]))


@pytest.mark.parametrize(
    "source",
    ["x = 1\0", "x = '\ud800'", "x = 1\n" * 10_000, "# " + "x" * 10_000_000, "x = '" + "y" * 10_000_000 + "'"],
    ids=["null byte", "lone surrogate", "many lines", "long comment", "long string"],
)
def test_a_monstrous_cell_gives_findings_or_a_pipeline(source: str) -> None:
    compiled(document([code(source, "step:a")]))
