"""Which loops' items can run in processes of their own."""

from __future__ import annotations

import pytest

from labline_compiler.compile import Compilation, compile_notebook
from labline_compiler.notebook import parse

USE = ("print(found)", "step:use")
ITEMS = ("items = [1, 2, 3]\nother = {'a': 1}", "step:make")


def compiled(loop: str, *cells: tuple[str, str], foreach: object = True, **labline: object) -> Compilation:
    """The cells, the loop's, tagged ``step:loop``, at the place of the empty one."""
    rest = cells or (ITEMS, ("", ""), USE)
    sources = [(loop, "step:loop") if not source else (source, tag) for source, tag in rest]
    content = {
        "cells": [
            {"cell_type": "code", "id": f"c{n}", "metadata": {"tags": [tag]}, "source": source, "outputs": []}
            for n, (source, tag) in enumerate(sources)
        ],
        "metadata": {"labline": {"steps": {"loop": {"foreach": foreach}}, **labline}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return compile_notebook(parse(content, "little.ipynb"))


def told(compilation: Compilation) -> str:
    """Why the loop runs as a whole; empty where it does not."""
    assert compilation.pipeline is not None, compilation.findings
    reasons = [found.message for found in compilation.findings if found.code == "LL209"]
    assert (compilation.pipeline.step("loop").loop is None) == bool(reasons)
    return "".join(reasons)


@pytest.mark.parametrize(
    "loop",
    [
        "found = []\nfor x in items:\n    y = x * 2\n    found.append(y)",
        "found = {}\nfor number, x in enumerate(items):\n    if x > 1:\n        found[number] = x",
        "found, more = [], {}\nfor x in items:\n    found.extend([x, other['a']])\n    more[x] = 1",
        "found = [x * 2 for x in items if x > 1]",
        "found = {x: other['a'] for x in items}",
        "found = [lambda y, x=x: x for x in items]",
        "found = [sorted(other, key=lambda y: y == x) for x in items]",
        "found = []\nfor x in items:\n    try:\n        found.append(1 / x)\n    except ValueError:\n        continue",
        "found = []\nfor x in items:\n    for y in other:\n        if y:\n            break\n    found.append(x)",
    ],
)
def test_items_that_only_add_to_results_run_apart(loop: str) -> None:
    assert told(compiled(loop)) == ""


@pytest.mark.parametrize(
    ("loop", "reason"),
    [
        ("found = []\nlast = 0\nfor x in items:\n    found.append(last)", "it has code beside one loop"),
        ("found = []\nfor x in items:\n    if x > 1:\n        y = x\n    found.append(y)", "one item may need y"),
        ("found = []\nfor x in items:\n    other['a'] += x\n    found.append(x)", "one item may need other"),
        ("found = []\nfor x in items:\n    items.append(x)\n    found.append(x)", "one item may need items"),
        ("found = []\nfor x in items:\n    found.append(len(found))", "found is used in other ways"),
        ("found = []\nfor x in items:\n    found.append(x)\n    break", "may end before the last item"),
        ("found = []\nfor x in items:\n    found.append(x)\nelse:\n    pass", "may end before the last item"),
        ("found = [y for x in items for y in items]", "goes through more than one thing"),
        (
            "found = []\nfor x in items:\n    open(f'{x}', 'w').write('x')\n    found.append(x)",
            "one item may use files",
        ),
        ("found = []\nfor x in items:\n    !ls\n    found.append(x)", "is not plain Python"),
        ("found = []\nwhile items:\n    found.append(items.pop())", "does not end with a loop"),
        ("found = 1", "does not end with a loop"),
        ("found = []\rfor x in items:\r    found.append(x)", "its lines end in other ways"),
        ("for x in items:\n    print(x)\nfound = 1", "it has code beside one loop"),
        ("found = [lambda: x for x in items]", "functions made in its comprehension use x"),
    ],
)
def test_other_loops_run_as_a_whole(loop: str, reason: str) -> None:
    assert reason in told(compiled(loop))


def test_a_function_that_reads_what_has_been_gathered_is_seen() -> None:
    function = ("def count():\n    return len(found)", "functions")
    loop = "found = []\nfor x in items:\n    found.append(count())"
    assert "one item may need found" in told(compiled(loop, function, ITEMS, ("", ""), USE))


def test_items_that_share_a_stream_of_random_numbers_run_as_a_whole() -> None:
    loop = "found = []\nfor x in items:\n    found.append(random.random())"
    seeded = ("import random", "imports"), ("random.seed(1)\nitems = [1, 2]", "step:make")
    assert "random numbers where the one before has stopped" in told(compiled(loop, *seeded, ("", ""), USE))


def test_items_with_generators_of_their_own_run_apart() -> None:
    loop = "found = []\nfor x in items:\n    found.append(numpy.random.default_rng(x).normal())"
    assert told(compiled(loop, ("import numpy", "imports"), ITEMS, ("", ""), USE)) == ""


def test_what_a_loop_leaves_beside_its_results_cannot_be_taken() -> None:
    loop = "found = []\nfor x in items:\n    found.append(x)"
    assert "later steps take x" in told(compiled(loop, ITEMS, ("", ""), ("print(found, x)", "step:use")))


def test_estimators_fitted_in_a_loop_run_apart() -> None:
    imports = "import pandas as pd\nfrom sklearn.linear_model import Ridge\nfrom sklearn.model_selection import KFold"
    make = "X = pd.DataFrame({'a': range(9)})\ny = X['a'] * 2\nfolds = list(KFold(3).split(X))"
    loop = (
        "scores = []\nmodels = {}\nfor number, (train, test) in enumerate(folds):\n"
        "    model = Ridge().fit(X.iloc[train], y.iloc[train])\n"
        "    scores.append(model.score(X.iloc[test], y.iloc[test]))\n"
        "    models[number] = model"
    )
    use = ("print(scores, models)", "step:use")
    assert told(compiled(loop, (imports, "imports"), (make, "step:make"), ("", ""), use)) == ""


def test_what_a_loop_goes_through_is_told_by_its_place() -> None:
    source = "found = []\nfor ä in (  # é\n    items):\n    found.append(ä)"
    pipeline = compiled(source).pipeline
    assert pipeline is not None
    loop = pipeline.step("loop").loop
    assert loop is not None
    assert (source[loop.start : loop.end], loop.gathers, loop.listed) == ("items", ("found",), ("items",))


@pytest.mark.parametrize(
    "reading", ["len(items)", "eval('len(items)')", "frame.query('a in @items')", "ols('y ~ items')"]
)
def test_items_that_the_body_reads_too_are_no_mere_list(reading: str) -> None:
    pipeline = compiled(f"found = []\nfor x in items:\n    found.append({reading})").pipeline
    assert pipeline is not None
    loop = pipeline.step("loop").loop
    assert loop is not None and loop.listed == ()


@pytest.mark.parametrize("foreach", [1, {"parallel": 0}, {"allow_failures": 1}, {"pool": 4}, {"as": "x"}])
def test_an_option_that_cannot_be_understood_is_a_finding(foreach: object) -> None:
    assert [found.code for found in compiled("found = [x for x in items]", foreach=foreach).findings] == ["LL108"]
