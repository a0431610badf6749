"""Which definitions of the cells that run before every step a step depends on."""

from __future__ import annotations

import pytest

from labline_backend.engine.cachekey import ingredients
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import cell, pipeline, step

TWO = "def load():\n    return {}\n\ndef fit(x):\n    return x + 1"


def helpers(source: str, *steps: object):
    return pipeline(*steps, preamble=(cell(source, "functions", index=0),))


def affected(before: str, after: str, *cells: str, takes: bool = True) -> list[int]:
    """Of steps with these cells, each taking x from the one above, those for which the preamble's edit counts."""

    def keys(preamble: str) -> list[str]:
        steps = [
            step(f"s{n}", cell(text, index=n + 1), takes={"x": f"s{n - 1}"} if n and takes else {}, gives="x")
            for n, text in enumerate(cells)
        ]
        trial = helpers(preamble, *steps)
        given = {"parameters": {}, "results": {}, "environment": "e", "variables": {}}
        folder = __import__("pathlib").Path("/nowhere")
        return [ingredients(trial, each, folder=folder, **given)["preamble/0"] for each in trial.steps]

    return [n for n, (old, new) in enumerate(zip(keys(before), keys(after), strict=True)) if old != new]


def test_editing_a_helper_runs_only_the_steps_that_call_it(bench: Bench) -> None:
    def trial(preamble: str):
        return helpers(
            preamble,
            step("a", cell("x = load()", index=1), gives="x"),
            step("b", cell("y = fit(x)\nprint(y)", index=2), takes={"x": "a"}),
            step("c", cell("print(x)", index=3), takes={"x": "a"}),
        )

    bench.run(trial(TWO.format(1)))
    run = bench.run(trial(TWO.format(1).replace("+ 1", "+ 2")))
    assert bench.states(run) == {"a": "cached", "b": "succeeded", "c": "cached"}
    assert (bench.log(run, "b"), bench.step(run, "b").cache_note) == ("3\n", "changed: code of cell 1")


def test_what_a_helper_calls_counts_for_who_calls_the_helper() -> None:
    source = "def g():\n    return {}\ndef h():\n    return g()"
    assert affected(source.format(1), source.format(2), "x = h()", "x = 1") == [0]


@pytest.mark.parametrize(
    ("definitions", "makes"),
    [
        ("def h(v):\n    return {}", "x = h"),
        ("def h(v):\n    return {}", "x = lambda v: h(v)"),
        ("def h(v):\n    return {}", "def x(v):\n    return h(v)"),
        ("def h(v):\n    return {}", "class X:\n    def m(self):\n        return h(1)\nx = X()"),
        ("def h(v):\n    return {}\ndef make():\n    return lambda: h(1)", "x = make()"),
        ("def h(v):\n    return {}\ndef make():\n    return h", "x = make()"),
        ("class M:\n    def m(self):\n        return {}", "x = M()"),
        ("class M:\n    def m(self):\n        return {}\ndef make():\n    return M()", "x = make()"),
        ("import functools\n@functools.cache\ndef h(v):\n    return {}\ndef make():\n    return h", "x = make()"),
    ],
)
def test_what_may_travel_in_a_value_counts_for_who_takes_it(definitions: str, makes: str) -> None:
    assert affected(definitions.format(1), definitions.format(2), makes, "y = x") == [0, 1]


@pytest.mark.parametrize(
    "code",
    [
        "x = eval(text)",
        "x = globals()[name](1)",
        "x = getattr(module, 'h')(1)",
        "x = df.query('@h(a) > 1')",
        "%timeit h(1)",
        "%%time\nx = 1",
        "import sys\nx = sys.modules['__main__']",
        "import __main__ as m\nx = m.h(1)",
        "x = torch.load('model.pt')",
        "x = load('model.joblib')",
        "import unittest\nunittest.main(argv=[''], exit=False)",
    ],
)
def test_code_that_may_reach_it_out_of_sight_depends_on_it(code: str) -> None:
    source = "def h(v):\n    return {}"
    assert affected(source.format(1), source.format(2), code) == [0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMIT = 1", "LIMIT = 2"),
        ("@registry.add\ndef h():\n    return 1", "@registry.add\ndef h():\n    return 2"),
        ("def h(v=draw(1)):\n    pass", "def h(v=draw(2)):\n    pass"),
        ("class B:\n    def __init_subclass__(cls):\n        seen.append(cls)\nclass C(B):\n    a = {}",) * 2,
        (
            "Base = declarative_base()\nclass T(Base):\n    a = 1",
            "Base = declarative_base()\nclass T(Base):\n    a = 2",
        ),
        ("def h():\n    return 1\nx = h()", "def h():\n    return 2\nx = h()"),
    ],
)
def test_what_does_something_when_it_is_made_counts_for_every_step(before: str, after: str) -> None:
    assert affected(before.format(1), after.format(2), "print(1)") == [0]


def test_a_helper_that_is_added_counts_for_none() -> None:
    assert affected(TWO, TWO + "\n\ndef more():\n    return 3", "x = load()", "x = fit(x)") == []


def test_steps_that_do_not_follow_each_other_do_not_hand_helpers_on() -> None:
    source = "def h(v):\n    return {}"
    assert affected(source.format(1), source.format(2), "x = h", "y = 1", takes=False) == [0]
