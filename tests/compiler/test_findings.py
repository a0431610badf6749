"""What is wrong with a notebook is a finding that says where."""

from __future__ import annotations

import ast
import dataclasses
import re
import textwrap
from pathlib import Path

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.findings import RULES, finding
from labline_compiler.findings.page import render_markdown
from labline_compiler.ipython import parse_cell
from labline_compiler.notebook import parse, read
from tests.compiler.helpers import codes, compile_text, edges, pipeline_of
from tests.compiler.test_graph import steps

PAGE = Path(__file__).parents[2] / "docs" / "users" / "findings.md"


def test_the_page_of_all_rules_is_current() -> None:
    assert PAGE.read_text() == render_markdown(), "run: python -m labline_compiler.findings > docs/users/findings.md"


def test_a_finding_takes_severity_and_fix_from_its_rule() -> None:
    found = finding("LL201", "x")
    assert (found.severity, found.fix) == ("warning", RULES["LL201"].fix)


def test_a_syntax_error_names_cell_and_line() -> None:
    (found,) = compile_text(steps(a="x = 1\nif x:\ny = 2")).findings
    assert (found.code, found.cell_index, found.line, found.step) == ("LL101", 0, 3, "a")


def test_a_return_outside_a_function_is_a_syntax_error() -> None:
    assert codes(steps(a="return 1")) == ["LL101"]


def test_a_name_that_nothing_binds_names_cell_line_and_the_nearest_name() -> None:
    (found,) = compile_text(steps(a="total = 1", b="x = 1\nprint(totle)")).findings
    assert (found.code, found.cell_index, found.line) == ("LL201", 1, 2)
    assert "Did you mean total?" in found.message


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ('# %% tags=["step:a", "prev:b"]\nx = 1\n# %% tags=["step:b", "prev:a"]\ny = 1', "LL106"),
        ('# %% tags=["step:a", "prev:a"]\nx = 1', "LL106"),
        ('# %% tags=["step:a", "prev:nobody"]\nx = 1', "LL104"),
        ('# %% tags=["step:load-data"]\nx = 1', "LL103"),
        ('# %% tags=["step:class"]\nx = 1', "LL103"),
        ('# %% tags=["step:1st"]\nx = 1', "LL103"),
        ('# %% tags=["step:a", "step:b"]\nx = 1', "LL105"),
        ('# %% tags=["imports", "functions"]\nx = 1', "LL105"),
        ('# %% tags=["step:a", "cache:perhaps"]\nx = 1', "LL102"),
        ('# %% tags=["step:a", "limit:memory"]\nx = 1', "LL102"),
        ('# %% tags=["step:a", "limit:cpu:1"]\nx = 1\n# %% tags=["step:a", "limit:cpu:2"]\nx = 1', "LL107"),
        ('# %% tags=["step:a", "cache:enabled", "cache:disabled"]\nx = 1', "LL107"),
        ('# %% tags=["step:a"]\nx = 1\n# %% tags=["step:A"]\nx = 1', "LL112"),
        ('# %% tags=["parameters"]\nn = 1\n# %% tags=["parameters"]\nn = 2\n# %% tags=["step:a"]\nprint(n)', "LL110"),
        ('# %% tags=["skip"]\nx = 1', "LL007"),
        (steps(a="x = [1]", b="x.append(2)") + steps(a="print(x)"), "LL202"),
        (steps(a="x = 1") + steps(b="print(x)") + steps(a="x = 2", c="print(x)"), "LL202"),
        ('# %% tags=["step:a", "prev:b"]\nx = 1\n# %% tags=["step:b"]\nprint(x)', "LL203"),
        (steps(a="x = 1", b="print(In[1])"), "LL305"),
        (steps(a="x = 1", b="print(_i)"), "LL305"),
        (steps(a="x = 1", b="%rerun 1"), "LL305"),
        (steps(a="%config InteractiveShell.ast_node_interactivity = 'all'", b="1\n2", c="print(__)"), "LL305"),
    ],
)
def test_an_error_stops_the_compilation(case: str, code: str) -> None:
    compilation = compile_text(case)
    assert compilation.pipeline is None
    assert code in [found.code for found in compilation.findings if found.severity == "error"]


def test_code_that_may_use_all_hidden_state_is_told_once_for_a_step_that_it_interrupts(tmp_path: Path) -> None:
    importing = "import sys\nopen('src/cleaning.py', 'w').write('')\nsys.path.append('src')\nfrom cleaning import clean"
    file = tmp_path / "a.py"
    file.write_text(steps(work=importing, idle="a = [0]") + steps(work="b = clean(' ')", idle="c = [1]"))
    findings = [found for found in compile_notebook(read(file)).findings if found.code == "LL202"]
    assert [found.step for found in findings] == ["work", "idle"]
    assert re.search(r"use [\w.]+, [\w.]+, [\w.]+ and \d+ more between", findings[0].message)


def test_a_cycle_is_named() -> None:
    (found,) = compile_text('# %% tags=["step:a", "prev:b"]\nx = 1\n# %% tags=["step:b", "prev:a"]\ny = 1').findings
    assert "a waits for b waits for a" in found.message


def test_a_bad_step_name_comes_with_a_good_one() -> None:
    (found,) = compile_text('# %% tags=["step:load-data"]\nx = 1').findings
    assert found.fix == "Write step:load_data"


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (steps(a="import random\nrandom.seed(1)", b="random.random()", c="random.random()"), "LL301"),
        (steps(a="import os\nos.environ['A'] = 'b'", b="x = 1"), "LL302"),
        (steps(a="import pandas as pd\npd.DataFrame.shout = len", b="x = 1"), "LL302"),
        (steps(a="import atexit\natexit.register(print)"), "LL303"),
        (
            steps(a="from IPython.core.magic import register_line_magic as r\n@r\ndef f(line): ...", b="%f"),
            "LL302",
        ),
        (steps(a="get_ipython().events.register('pre_execute', print)"), "LL304"),
        (steps(a="x = 1\n%store x"), "LL306"),
        (steps(a="x = 1", b="%whos"), "LL307"),
        (steps(a="x = 1", b="whos"), "LL307"),
        (steps(a="cd ..", b="x = 1"), "LL302"),
        (steps(a="x = 1", b="[name for name in dir() if len(name) == 1]"), "LL307"),
        (steps(a="x = 1", b="%history"), "LL307"),
        (
            steps(a="%matplotlib agg\nimport matplotlib.pyplot as plt\nplt.figure()", b="plt.plot([1])"),
            "LL309",
        ),
        (steps(a="x = 1", b="exec(f'x = {x}')"), "LL204"),
        ('# %% tags=["imports"]\nimport time\nstart = time.time()\n' + steps(a="print(start)"), "LL111"),
    ],
)
def test_what_is_worth_knowing_does_not_stop_the_compilation(case: str, code: str) -> None:
    compilation = compile_text(case)
    assert compilation.pipeline is not None
    assert code in [found.code for found in compilation.findings]


def test_an_alias_may_be_called_as_a_line_of_its_own() -> None:
    assert not {"LL101", "LL201"} & set(codes(steps(a="%alias greet echo", b="greet you there")))


def test_a_line_that_could_be_a_magic_is_none_where_a_variable_is_called_so() -> None:
    assert codes(steps(a="who = 1", b="who")) == []


def test_a_cell_is_compiled_as_ipython_does_statement_by_statement() -> None:
    assert codes(steps(a="import math\nfrom __future__ import annotations\nx = 1\nglobal x")) == []


def test_a_star_import_may_bind_any_name() -> None:
    assert codes(steps(a="from helper import *", b="print(something)")) == []


def test_the_first_figure_that_stays_open_is_no_finding() -> None:
    text = steps(a="import matplotlib.pyplot as plt\nplt.switch_backend('agg')\nplt.figure()")
    assert "LL201" not in codes(text)


def test_a_try_for_a_name_is_no_finding() -> None:
    assert codes(steps(a="try:\n    x = unknown\nexcept NameError:\n    x = 1")) == []


def test_messages_count_cells_from_one_and_the_index_from_zero() -> None:
    (found,) = compile_text('# %% tags=["step:a"]\nx = 1\n# %% tags=["step:b"]\nx = (\n').findings
    assert found.message.startswith("Cell 2, line ")
    assert found.cell_index == 1


def test_a_setting_of_the_process_is_told() -> None:
    text = '# %% tags=["step:a"]\nimport atexit\natexit.register(print)\n'
    assert [found.code for found in compile_text(text).findings] == ["LL303"]


@pytest.mark.parametrize(
    "text",
    [
        steps(a="x = 1") + steps(a="print(In[1], _i, _i1)") + steps(a="%history") + steps(a="%whos"),
        '# %% tags=["imports"]\nimport math\n' + steps(a="print(In[1], _i1)"),
    ],
)
def test_a_step_that_runs_all_cells_above_has_their_history(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (steps(a="1 + 1", b="print(_)"), {"a>b:_1"}),
        (steps(a="1 + 1", b="print(Out[1])"), {"a>b:_1"}),
        (steps(a="1 + 1", b="print(_1)"), {"a>b:_1"}),
        (steps(a="1 + 1", b="x = 2", c="print(_)"), {"a>c:_1"}),
        (steps(a="1 + 1", b="f()", c="print(_)"), {"a>c:_1", "b>c:_2"}),  # f may give None
        (steps(a="1", b="2", c="print(__)"), {"a>c:_1", "b>c:_2"}),
        (steps(a="1;", b="print(_)"), set()),
        (steps(a="x = [1]\nx", b="x.append(2)", c="Out[1]"), {"a>b:_1,x", "b>c:_1"}),
        (steps(a="x = 1\nx + 1") + steps(a="print(_)"), set()),
        (steps(a="_ = 1", b="print(_)"), {"a>b:_"}),
        (steps(a="for _ in range(3):\n    pass\nprint(_)"), set()),
    ],
)
def test_what_a_cell_gave_flows_like_a_variable(text: str, taken: set[str]) -> None:
    assert edges(pipeline_of(text)) == taken


def test_parallel_random_is_told() -> None:
    notebook = parse(steps(a="import random\nrandom.seed(1)", b="random.random()", c="random.random()"), "n.py")
    asked = dataclasses.replace(notebook, metadata={**notebook.metadata, "labline": {"parallel_random": True}})
    found = compile_notebook(asked).findings
    assert {f.code for f in found} == {"LL310"}


def test_a_recursive_function_with_a_cache_reads_no_unbound_name() -> None:
    assert codes(steps(a="import functools\n@functools.lru_cache(None)\ndef f(n): return f(n - 1) if n else 0")) == []


def test_library_functions_that_stand_in_for_each_other_can_be_followed() -> None:
    swap = "import math\nmath.sin, math.cos = math.cos, math.sin\nmath.sin(0)"
    assert compile_text(steps(a=swap, b="math.cos(0)")).pipeline is not None


@pytest.mark.parametrize(
    "cell", ["  x = 1", "\n    x = 1\n    y = x", ">>> x = 1\n>>> y = x", "# as typed\n>>> x = 1\n1"]
)
def test_what_ipython_runs_though_it_is_indented_or_copied_with_prompts_is_no_syntax_error(cell: str) -> None:
    assert parse_cell(cell).tree.body


@pytest.mark.parametrize(("cell", "is_run"), [("x = 1\n;", "''"), ("/f x y", "f(x, y)"), (",f a b", "f('a', 'b')")])
def test_calls_without_parentheses_are_what_ipython_makes_of_them(cell: str, is_run: str) -> None:
    assert ast.unparse(parse_cell(cell).tree.body[-1]) == is_run


def test_a_list_beside_a_library_s_function_is_what_is_appended_to() -> None:
    search = """
    class Search:
        def __init__(self, scoring):
            self.scoring = scoring

        def fit(self, y):
            self.scores = [self.scoring(y, y)]
            self.scores.append(self.scoring(y, y))
            return self
    """
    made = f"from sklearn.metrics import accuracy_score as scoring\n{textwrap.dedent(search)}"
    assert "LL302" not in codes(steps(a=made, b="search = Search(scoring).fit([1])", c="unknown(search)", d="x = 1"))


@pytest.mark.parametrize("cell", ["In [1]: x = 1", "\n[ins] In [12]: if x:\n    ...:     y = x", ">>> x = 1"])
def test_a_copied_prompt_is_no_part_of_the_code(cell: str) -> None:
    assert "In" not in {node.id for node in ast.walk(parse_cell(cell).tree) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("removed", ["del globals()[name]", "g = globals()\ndel g[name]", "globals().pop(name)"])
def test_a_name_that_may_be_removed_from_globals_need_not_be_there_when_the_step_ends(removed: str) -> None:
    cells = steps(a="x = 1\nname = input()", b=removed, c="print('done' if name else x)")
    (output,) = (each for each in pipeline_of(cells).step("b").outputs if "x" in each.names)
    assert "x" in output.optional


def test_names_that_ipython_leaves_to_the_shell_are_not_reported_as_unbound() -> None:
    assert "LL201" not in codes(steps(a="!ls $HOME/data"))


def test_what_a_method_gives_that_calls_itself_through_another_is_not_taken_for_the_libraries_that_it_uses() -> None:
    search = """
    from itertools import combinations

    class Search:
        def __init__(self, model):
            self.model = model

        def fit(self, x):
            self.best = []
            for pair in combinations(range(3), 2):
                self.best.append(self.score(x, pair))
            return self

        def score(self, x, pair):
            self.model.fit(x[:, pair])
            return self.scoring(x, pair)
    """
    cells = {
        "a": "import numpy as np\nfrom sklearn.neighbors import KNeighborsClassifier\nx = np.ones((3, 3))",
        "b": textwrap.dedent(search),
        "c": "search = Search(KNeighborsClassifier()).fit(x)",
        "d": "search.model.fit(x)",
        "e": "print(x)",
    }
    assert "LL302" not in codes(steps(**cells))


@pytest.mark.parametrize(
    "cells",
    [
        {"a": "f = open('x', 'w')\nf.write('1')", "b": "f.close()"},
        {"a": "f = open('x', 'rb')", "b": "f.read()"},
        {"a": "import sqlite3\nf = sqlite3.connect('x')\nf.execute('')", "b": "f.close()"},
        {"a": "f = (x for x in [1])", "b": "print(list(f))"},
        {"a": "def g():\n    yield 1\nf = g()", "b": "print(list(f))"},
        {"a": "async def g(): pass\nf = g()", "b": "await f"},
        {"a": "import threading as t\nf = t.Lock()", "b": "f.acquire()"},
        {"a": "from tempfile import TemporaryDirectory\nf = TemporaryDirectory()", "b": "print(f.name)"},
        {"a": "f = open('x', 'w')", "b": "import json\njson.dump(1, f)"},
    ],
)
def test_what_cannot_leave_its_step_is_an_error_where_it_is_used(cells: dict[str, str]) -> None:
    (found,) = [each for each in compile_text(steps(**cells)).findings if each.severity == "error"]
    assert (found.code, found.cell_index, found.step) == ("LL406", 1, "b")
    assert "made in cell 1" in found.message


@pytest.mark.parametrize(
    "cells",
    [
        {"a": "f = open('x', 'w')\nf.close()", "b": "print(f.name)"},
        {"a": "f = open('x')", "b": "f.read()"},
        {"a": "with open('x', 'w') as f: pass", "b": "print(f.name)"},
        {"a": "f = open('x', 'w')\ng = f\ng.close()", "b": "print(f.name)"},
        {"a": "import sqlite3\nc = sqlite3.connect('x')\nf = c.execute('').fetchall()", "b": "print(f)"},
        {"a": "g = (x for x in [1])\nf = list(g)", "b": "print(f)"},
        {"a": "g = (x for x in [[1]])\nf = next(g)", "b": "print(f)"},
        {"a": "f = (x for x in [1])", "b": "f = 1"},
        {"a": "f = (x for x in [1])\nf = list(f)", "b": "print(f)"},
        {"a": "f = 1\nif f:\n    f = (x for x in [1])", "b": "print(f)"},
    ],
)
def test_what_may_leave_its_step_is_no_error(cells: dict[str, str]) -> None:
    assert compile_text(steps(**cells)).pipeline is not None


def test_a_cell_that_is_too_large_to_be_followed_is_told() -> None:
    calls = "\n".join("grow(rows)" for _ in range(30))
    grown = "\n".join("    rows.append(1)" for _ in range(30))
    cases = {text: steps(a=f"rows = []\ndef grow(rows):\n{grown}", b=text) for text in ("grow(rows)", calls)}
    assert [codes(case) for case in cases.values()] == [[], ["LL213"]]


def test_a_small_class_around_a_container_is_not_too_large_to_be_followed() -> None:
    """What is called on an attribute calls no other method of its instance."""
    made = """\
from collections import OrderedDict
class Kept:
    def __init__(self, most):
        self.most, self.items, self.hits = most, OrderedDict(), 0
    def get(self, key):
        if key in self.items:
            self.items.move_to_end(key)
            self.hits += 1
            return self.items[key]
    def put(self, key, value):
        self.items[key] = value
        self.items.move_to_end(key)
        if len(self.items) > self.most:
            self.items.popitem(last=False)
kept = Kept(2)
kept.put(1, 1)
"""
    used = {name: f"kept.get({name!r})\nkept.put({name!r}, 1)" for name in ("b", "c", "d")}
    assert codes(steps(a=made, **used, e="print(kept.hits)")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from __future__ import annotations\ndef f(rows: Rows) -> Rows: ...\ntotal: Total = 1",
        "x = 1\ndir(x)",
    ],
)
def test_what_is_no_fault_is_not_told(source: str) -> None:
    assert {"LL201", "LL307"}.isdisjoint(codes(steps(a=source)))


QUIET = "def quiet():\n    warnings.simplefilter('ignore')\n"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("with warnings.catch_warnings():\n    warnings.simplefilter('ignore')", []),
        (f"{QUIET}with warnings.catch_warnings():\n    quiet()", []),
        (f"{QUIET}with warnings.catch_warnings():\n    quiet()\nquiet()", ["LL302"]),
        ("with plt.rc_context():\n    plt.rcParams['axes.grid'] = True", []),
        ("with plt.rc_context():\n    warnings.simplefilter('ignore')", ["LL302"]),
    ],
)
def test_what_a_block_puts_back_it_does_not_change(source: str, told: list[str]) -> None:
    imports = '# %% tags=["imports"]\nimport warnings\nimport matplotlib.pyplot as plt\n'
    assert codes(imports + steps(a=source, b="print(1)")) == told


def test_the_options_that_one_statement_changes_are_told_in_one_finding() -> None:
    quiet = "import os, warnings\ndef quiet():\n    warnings.simplefilter('ignore')\n    os.environ['A'] = 'b'"
    found = [each for each in compile_text(steps(a=f"{quiet}\nquiet()", b="x = 1")).findings if each.code == "LL302"]
    assert [each.message.split(",")[:2] for each in found] == [["Step a may change warnings", " environ"]]


def test_a_name_that_nothing_binds_is_told_once_a_cell() -> None:
    found = compile_text(steps(a="x = np.ones(2)\ny = np.zeros(2)", b="z = np.pi")).findings
    assert [(each.code, each.line) for each in found] == [("LL201", 1), ("LL201", 1)]
