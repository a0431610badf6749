"""How much work a notebook makes, counted in lines of the compiler's own code that run, never in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from labline_compiler import known
from labline_compiler.analysis import blurring
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_compiler.passage import Passage
from labline_compiler.trees import Trees
from labline_runtime.outcome import Observation

from ..bench.compile import columns, items, ordinary, shared


@pytest.fixture(autouse=True)
def nothing_parsed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The larger notebook has the smaller one's cells, which would be parsed by then."""
    monkeypatch.setattr(known, "TREES", Trees(most=0))


def lines_run(cells: list[str]) -> int:
    """How many lines of Python compiling the cells runs, each cell a step; loops count each time around."""
    notebook = parse(_steps(cells), "notebook.py")

    def work() -> None:
        compilation = compile_notebook(notebook)
        assert compilation.pipeline is not None, compilation.findings

    return _lines(work)


def _steps(cells: list[str]) -> str:
    return "\n".join(f'# %% tags=["step:s{i}"]\n{cell}\n' for i, cell in enumerate(cells))


def _lines(work: Callable[[], object]) -> int:
    count = 0

    def line(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        nonlocal count
        count += 1
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def _subclass(attributes: int) -> list[str]:
    """A class with a base that is not known, and attributes that are looked for in attributes."""
    names = [f"a{i}" for i in range(attributes)]
    fit = "\n".join(
        f"        self.{one} = [self.{other}.{one} for q in X]" for one, other in zip(names, names[::-1], strict=True)
    )
    use = "\n".join(f"        X.{name}.{name}.append(self.{name})" for name in names)
    return [
        "from lib import Base",
        f"class Model(Base):\n    def fit(self, X):\n{fit}\n        return self\n    def use(self, X):\n{use}",
        "model = Model()\nmodel.fit([1])\nmodel.unknown(model)",
        "model.use(model)\nfor i in range(3):\n    model = model.predict(model)",
    ]


def _library_objects(attributes: int) -> list[str]:
    """Objects of libraries that may or may not be meant, and attributes of them in a loop."""
    body = "\n".join(f"    thing = thing.a{i} or thing" for i in range(attributes))
    return ["from lib import first, second", f"thing = first or second\nfor i in range(3):\n{body}\nthing(1)"]


def _evaluated(count: int) -> list[str]:
    """Any name may be read and changed in every cell."""
    start = "a = [1]\ndef show(*names):\n    return [repr(eval(name)) for name in names]"
    return [start, *(f"x{i} = [a, {i}]\nshow('x{i}', 'a')" for i in range(count))]


def _instances(count: int) -> list[str]:
    """Instances that all come to hold each other, of a class with attributes of any name."""
    start = (
        "from lib import Base, clone, names\n"
        "class Model(Base):\n"
        "    def __init__(self, parts):\n"
        "        self.parts = parts\n"
        "    def fit(self, X):\n"
        "        self.a = clone(self)\n"
        "        self.b = names(self.parts)\n"
        "        self.c = self.a.fit(X)\n"
        "        return self"
    )
    made = "\n".join(f"m{i} = Model([X, {i}])" for i in range(count))
    every = f"[{', '.join(f'm{i}' for i in range(count))}]"
    return [start, f"X = [1]\n{made}\nsetattr(Model, names({every}), m0)", f"for m in {every}:\n    m.fit(X)"]


def _decorated(count: int) -> list[str]:
    """A function in every cell, under a decorator that keeps its name."""
    start = (
        "import functools\n"
        "def timed(f):\n"
        "    @functools.wraps(f)\n"
        "    def inner(*args):\n"
        "        return f(*args)\n"
        "    return inner"
    )
    return [start, *(f"@timed\ndef f{i}(x):\n    return x + [{i}]\ny{i} = f{i}([1])" for i in range(1, count))]


def _inheriting(count: int) -> list[str]:
    """A class in every cell that inherits from the one before, too many for all calls to be followed."""
    init = "    def __init__(self, x):\n        super().__init__(x)"
    start = "class A0:\n    def __init__(self, x):\n        self.x = x"
    return [
        start,
        *(f"class A{i}(A{i - 1}):\n{init}\n        self.y{i} = {i}\na{i} = A{i}([{i}])" for i in range(1, count)),
    ]


def _piped(count: int) -> list[str]:
    """A frame in every cell that a function makes of the one before."""
    start = "import pandas as pd\nd0 = pd.read_csv('a.csv')"
    step = "def f{i}(d):\n    d['c{i}'] = d['c']\n    return d\nd{i} = d{j}.pipe(f{i})"
    return [start, *(step.replace("{i}", str(i)).replace("{j}", str(i - 1)) for i in range(1, count))]


def _modelled(variables: int) -> list[str]:
    """A library's object whose parts hold it, and functions that anybody may call and that compare these parts."""
    names = [f"x{i}" for i in range(variables)]
    return [
        "from lib import Model, Var, Rule, solve",
        "m = Model()\n" + "\n".join(f"m.{name} = Var(m.t)" for name in names),
        "\n".join(
            f"m.c_{one} = Rule(m.t, rule=lambda m, t: m.{one}[t] == m.{other}[t] + m.{one})"
            for one, other in zip(names, names[::-1], strict=True)
        ),
        "solve(m).write()",
        "solve(m).write()",
        "xs = [m.x0[t]() for t in m.t]",
    ]


@pytest.mark.parametrize(
    ("make", "small", "factor", "most"),
    [
        (ordinary, 20, 4, 1.08),
        (shared, 20, 4, 1.1),
        (_subclass, 2, 4, 2.0),
        (_library_objects, 4, 2, 1.5),
        (_evaluated, 5, 2, 1.4),
        (_instances, 4, 2, 0.6),
        (columns, 20, 4, 1.7),
        (_decorated, 8, 4, 1.2),
        (_inheriting, 12, 3, 2.1),
        (items, 20, 4, 1.3),
        (_piped, 20, 4, 1.3),
        (_modelled, 4, 4, 2.0),
    ],
)
def test_a_larger_notebook_makes_about_as_much_work_for_its_size(
    make: Callable[[int], list[str]], small: int, factor: int, most: float
) -> None:
    lines_run(make(1))  # tables that are made once
    assert lines_run(make(small * factor)) <= most * factor * lines_run(make(small))


@pytest.mark.parametrize("use", ["other.add({i})\nprint(other.size())", "helper.add({i})\nprint(helper.size())"])
def test_what_many_steps_alter_in_a_module_makes_about_as_much_work_for_its_size(use: str) -> None:
    modules = {
        "helper.py": "import threading\nKEPT = []\nLOCK = threading.Lock()\ndef add(x): KEPT.append(x)\n"
        "def size(): return len(KEPT)\n",
        "other.py": "import helper\ndef add(x): helper.add(x)\ndef size(): return helper.size()\n",
    }

    def work(count: int) -> int:
        cells = ["import helper, other", *(use.format(i=i) for i in range(count))]
        notebook = replace(parse(_steps(cells), "notebook.py"), modules=modules)
        return _lines(lambda: compile_notebook(notebook))

    assert work(160) < 2.6 * work(80)


def test_what_passes_one_of_many_steps_by_is_gathered_once() -> None:
    tasks = [f"y{i} = x + {i}" for i in range(100)]
    cells = ["x = 1", *tasks, f"print([{', '.join(f'y{i}' for i in range(100))}])"]
    pipeline = compile_notebook(parse(_steps(cells), "notebook.py")).pipeline
    assert pipeline is not None
    assert Passage(pipeline, "s50").passing["s1"] == ("y0",)
    assert _lines(lambda: Passage(pipeline, "s51").passing) < 10 * len(cells)


def test_what_was_seen_of_many_steps_is_looked_at_by_each_for_itself() -> None:
    notebook = parse(_steps([f"y{i} = unknown({i})" for i in range(80)]), "notebook.py")
    facts = [Observation(f"s{i}", "is", (f"y{i}", "int")) for i in range(80)]

    def lines(observed: list[Observation]) -> int:
        return _lines(lambda: compile_notebook(notebook, observed=observed))

    lines([])  # tables that are made once
    assert lines(facts) - lines([]) < 20 * len(facts)


def test_a_notebook_that_is_too_much_to_follow_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blurring, "_ALLOWED", 0)
    monkeypatch.setattr(blurring, "_ALLOWED_A_LINE", 0)
    cells = ["a = [1]\ndef f():\n    a.append(2)", "b = [a]", "g = f\ng()", "print(b)"]
    compilation = compile_notebook(parse(_steps(cells), "notebook.py"))
    assert compilation.pipeline is not None
    assert [found.code for found in compilation.findings] == ["LL213"]
    last = compilation.pipeline.steps[-1]
    assert [(given.source, "b" in given.names) for given in last.inputs] == [("s2", True)]


def test_a_single_statement_that_is_too_much_to_follow_is_told_with_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blurring, "_ALLOWED_A_STATEMENT", -10_000_000)  # all that is left by then is too much
    grown = "\n".join("    rows.append(1)" for _ in range(30))
    cells = [f"rows = []\ndef grow(rows):\n{grown}", f"({'grow(rows), ' * 30})"]
    compilation = compile_notebook(parse(_steps(cells), "notebook.py"))
    assert compilation.pipeline is None
    assert [(found.code, found.cell_index) for found in compilation.findings] == [("LL101", 1)]


@pytest.mark.parametrize(
    ("imported", "setting", "state"),
    [
        ("import numpy as np", "np.set_printoptions(precision=2)", "@numpy.printoptions"),
        ("import pandas as pd", "pd.options.display.width = 3", "@pandas.options"),
        ("import os", "os.chdir('/')", "@cwd"),
        ("import os", "os.environ['A'] = 'b'", "@environ"),
        ("import logging", "logging.getLogger().setLevel(10)", "@logging"),
        ("import helpers", "helpers.change()", "@module:helpers"),
        ("", "import numpy as np; np.set_printoptions(precision=2)", "@numpy.printoptions"),
        ("", "from warnings import simplefilter; simplefilter('ignore')", "@warnings"),
    ],
)
def test_a_function_that_is_not_followed_changes_the_hidden_state_that_it_names(
    imported: str, setting: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blurring, "_ALLOWED", 0)
    monkeypatch.setattr(blurring, "_ALLOWED_A_LINE", 0)
    cells = [imported, f"def f():\n    {setting}", "g = f\ng()", "import helpers\nhelpers.show()"]
    compilation = compile_notebook(parse(_steps(cells), "notebook.py"))
    assert compilation.pipeline is not None
    assert [given.source for given in compilation.pipeline.steps[-1].inputs if state in given.names] == ["s2"]
