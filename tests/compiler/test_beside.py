"""What modules beside a notebook do to hidden state, and how their source is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labline_compiler.analysis.beside import read_modules
from labline_compiler.analysis.hidden_state import RANDOM_STATES
from labline_compiler.compile import compile_notebook
from labline_compiler.modules import with_modules
from labline_compiler.notebook import parse
from labline_compiler.pipeline import Step
from tests.compiler.helpers import edges
from tests.compiler.test_graph import steps

QUIET = "import warnings\ndef quiet(): warnings.simplefilter('ignore')\n"
STYLE = "import matplotlib.pyplot as plt\ndef style(): plt.rcParams['lines.linewidth'] = 3\n"


@pytest.mark.parametrize(
    ("source", "call", "changed"),
    [
        (QUIET, "tools.quiet", {"@warnings"}),
        (STYLE, "tools.style", {"@matplotlib.rcParams"}),
        ("from os import environ as e\ndef f(): e['X'] = '1'\n", "tools.f", {"@environ"}),
        (f"{QUIET}def outer(): quiet()\n", "tools.outer", {"@warnings"}),
        (f"{QUIET}def other(): pass\n", "tools.other", set()),
        (f"{QUIET}class Model:\n    def fit(self): quiet()\n", "tools.Model", {"@warnings"}),
        (
            "import warnings\ndef f():\n    with warnings.catch_warnings(): warnings.simplefilter('ignore')\n",
            "tools.f",
            set(),
        ),
        ("import numpy as np\ndef f():\n    np.seterr(all='ignore')\n", "tools.f", {"@numpy.printoptions"}),
        ("import logging\nlog = logging.getLogger('x')\ndef f(): log.setLevel(10)\n", "tools.f", {"@logging"}),
        ("import os\ndef f():\n    os.environ.get('X')\n", "tools.f", set()),
        ("def f(:", "tools.f", set()),
    ],
)
def test_a_function_may_change_what_it_or_what_it_mentions_names(source: str, call: str, changed: set[str]) -> None:
    assert read_modules({"tools.py": source}).calling(call).changes == changed


@pytest.mark.parametrize(
    ("sources", "changed"),
    [
        ({"tools.py": QUIET}, set()),
        ({"tools.py": f"{QUIET}quiet()\n"}, {"@warnings"}),
        ({"tools.py": f"{QUIET}if __name__ == '__main__':\n    quiet()\n"}, set()),
        ({"tools.py": "import other\n", "other.py": f"{QUIET}quiet()\n"}, {"@warnings"}),
        ({"tools/__init__.py": "from . import other\n", "tools/other.py": f"{QUIET}quiet()\n"}, {"@warnings"}),
        ({"tools.py": "import math\n", "other.py": f"{QUIET}quiet()\n"}, set()),
    ],
)
def test_importing_runs_what_stands_outside_functions(sources: dict[str, str], changed: set[str]) -> None:
    assert read_modules(sources).importing("tools").changes == changed


@pytest.mark.parametrize("use", ["import tools\ntools.quiet()", "from tools import quiet as q\nq()"])
def test_later_steps_get_what_a_call_into_a_module_changed(use: str) -> None:
    notebook = replace(parse(steps(a=use, b="1"), "little.py"), modules={"tools.py": QUIET})
    pipeline = compile_notebook(notebook).pipeline
    assert pipeline is not None
    assert edges(pipeline) == {"a>b:@warnings"}


def test_later_steps_get_what_a_method_of_such_an_object_changed() -> None:
    source = f"{QUIET}class Model:\n    def fit(self): quiet()\ndef make(): return Model()\n"
    text = steps(a="import tools\nm = tools.make()", b="m.fit()", c="1")
    pipeline = compile_notebook(replace(parse(text, "little.py"), modules={"tools.py": source})).pipeline
    assert pipeline is not None
    assert "b>c:@warnings" in edges(pipeline)


@pytest.mark.parametrize(("source", "states"), [("import numpy as np\n", {"@numpy.random"}), ("", RANDOM_STATES)])
def test_a_seed_set_through_a_name_of_a_star_import_reaches_who_draws(source: str, states: set[str]) -> None:
    text = steps(a="from tools import *", b="np.random.seed(1)", c="print(np.random.rand())")
    pipeline = compile_notebook(replace(parse(text, "little.py"), modules={"tools.py": source})).pipeline
    assert pipeline is not None
    taken = {name for step in pipeline.steps for each in step.inputs if each.source == "b" for name in each.names}
    assert taken - {"@module:tools"} == set(states)


def test_modules_that_the_cells_or_other_modules_name_are_read(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    sources = {"tools.py": "import package\n", "package/inner.py": "x = 1\n", "idle.py": "x = 2\n"}
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    del sources["idle.py"]
    assert with_modules(parse(steps(a="import tools"), "little.py"), tmp_path).modules == sources


def test_a_module_whose_file_a_cell_names_is_not_taken_for_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("x = 1\n")
    assert not with_modules(parse(steps(a="open('tools.py', 'w')", b="import tools"), "little.py"), tmp_path).modules


def test_imports_do_not_run_first_where_a_step_above_says_where_to_look() -> None:
    text = steps(a="import sys\nsys.path.append('..')") + '# %% tags=["imports"]\nimport tools\n' + steps(b="tools.f()")
    found = [found.code for found in compile_notebook(parse(text, "little.py")).findings]
    assert "LL111" in found


def compiled(source: str, **cells: str) -> set[str]:
    """The flows of a notebook beside which ``tools.py`` lies."""
    cells = {"a": "import tools, numpy as np, random\nnp.random.seed(1)\nrandom.seed(1)", **cells}
    pipeline = compile_notebook(replace(parse(steps(**cells), "little.py"), modules={"tools.py": source})).pipeline
    assert pipeline is not None
    return edges(pipeline)


@pytest.mark.parametrize(
    ("source", "draws"),
    [
        ("import numpy as np\ndef f(x): return np.sin(x).mean()\n", False),
        ("import numpy as np\ndef f(x): return np.random.RandomState(0).normal()\n", False),
        ("import numpy as np\ndef f(x): return np.random.rand()\n", True),
        ("import numpy as np\ndef g(x): return np.random.rand()\ndef f(x): return g(x)\n", True),
        ("from numpy.random import *\ndef f(x): return rand()\n", True),
        ("def f(x): return x.sample(3)\n", True),
        ("from sklearn.decomposition import PCA\ndef f(x): return PCA().fit(x)\n", True),
        ("import unheard\ndef f(x): return unheard.of(x)\n", True),
        ("f = make()\n", True),
    ],
)
def test_the_text_of_a_module_tells_whether_its_functions_draw(source: str, draws: bool) -> None:
    flows = compiled(source, b="tools.f(3)", c="np.random.rand()")
    assert any(edge.startswith("b>c:") and "@numpy.random" in edge for edge in flows) == draws


@pytest.mark.parametrize(
    ("source", "keeps"),
    [
        ("WIDTH = 3\nNAMES = ('a', 'b')\ndef f(x, n=WIDTH): return x * WIDTH\n", False),
        (
            "import math\nTAU = 2 * math.pi\nclass A:\n    kind = 'a'\n    def go(self): self.n = TAU\ndef f(x): A()\n",
            False,
        ),
        ("COLORS = ['red']\ndef f(x): return x\n", False),
        ("COLORS = ['red']\ndef f(x): return COLORS.pop()\n", True),
        ("n = 0\ndef f(x):\n    global n\n    n += 1\n", True),
        ("def f(x, seen=[]): seen.append(x)\n", True),
        ("from functools import lru_cache\n@lru_cache\ndef f(x): return x\n", True),
        ("class A:\n    made = []\ndef f(x): A.made.append(x)\n", True),
        ("def f(x): f.calls = x\n", True),
        ("class A: pass\ndef f(x): A.n = x\n", True),
    ],
)
def test_the_text_of_a_module_tells_whether_it_keeps_something(source: str, keeps: bool) -> None:
    flows = compiled(source, b="tools.f(3)", c="tools.f(4)")
    assert any(edge.startswith("b>c:") and "@module:tools" in edge for edge in flows) == keeps


SETTING = "N = 1\ndef set_it(n):\n    global N\n    N = n\ndef double(x): return 2 * x\n"


def test_data_imported_from_a_module_are_those_that_a_step_above_has_left() -> None:
    assert "b>c:@module:tools" in compiled(SETTING, b="tools.set_it(3)", c="from tools import N")


def test_a_function_imported_from_a_module_waits_for_no_data() -> None:
    flows = compiled(SETTING, b="tools.set_it(3)", c="from tools import double")
    assert not any(edge.startswith("b>c") for edge in flows)


@pytest.mark.parametrize(("source", "keeps"), [("import random\nN = random.random()\n", True), ("N = 1\n", False)])
def test_what_a_module_has_drawn_on_import_is_handed_on(source: str, keeps: bool) -> None:
    flows = compiled(source, b="print(tools.N)")
    assert any("@module:tools" in edge for edge in flows) == keeps


@pytest.mark.parametrize(
    ("source", "waits"),
    [
        ("def f(x): return [x.upper()]\n", False),
        ("import pandas as pd\ndef f(x): return pd.read_csv(x)\n", False),
        ("def f(x): open(x, 'w').write('')\n", True),
        ("def f(x): x.to_csv('a.csv')\n", True),
        ("import os\ndef f(x): os.remove(x)\n", True),
        ("import unheard\ndef f(x): unheard.of(x)\n", True),
    ],
)
def test_the_text_of_a_module_tells_whether_its_functions_write_files(source: str, waits: bool) -> None:
    cells = {"a": "import tools, pandas as pd", "b": "tools.f('a')", "c": "pd.read_csv('b.csv')"}
    notebook = replace(parse(steps(**cells), "little.py"), modules={"tools.py": source})
    pipeline = compile_notebook(notebook).pipeline
    assert pipeline is not None
    assert ("b" in pipeline.step("c").after) == waits


FETCHED = "import urllib.request as r\nr.urlretrieve(url, 'tools.py')"


@pytest.mark.parametrize("use", ["import tools", "from tools import style as s\ns()", "import tools\ntools.style()"])
def test_a_module_that_a_cell_fetches_may_change_anything(use: str) -> None:
    text = steps(a=f"url = 'x'\n{FETCHED}\n{use}", b="import numpy as np\nnp.random.rand()")
    pipeline = compile_notebook(parse(text, "little.py")).pipeline
    assert pipeline is not None
    assert {"@matplotlib.rcParams", "@pandas.options", "@environ", "@numpy.random"} <= taken_by(pipeline.step("b"))


def taken_by(step: Step) -> set[str]:
    return {name for taken in step.inputs for name in taken.names}


def test_what_may_change_every_option_is_told_in_one_line() -> None:
    findings = compile_notebook(parse(steps(a=f"url = 'x'\n{FETCHED}\nimport tools", b="1"), "little.py")).findings
    assert [found.code for found in findings] == ["LL302"]
    assert "may change any option (pandas.options, " in findings[0].message


@pytest.mark.parametrize("named", ["%%writefile tools.py", "%%file ./tools.py"])
def test_a_module_that_a_cell_writes_does_what_stands_there(named: str) -> None:
    text = steps(a=f"{named}\n{QUIET}", b="import tools\ntools.quiet()", c="1")
    pipeline = compile_notebook(parse(text, "little.py")).pipeline
    assert pipeline is not None
    assert "@warnings" in taken_by(pipeline.step("c"))
    assert "@pandas.options" not in taken_by(pipeline.step("c"))


def test_a_module_that_two_cells_write_may_change_anything() -> None:
    text = steps(a="%%writefile tools.py\nx = 1", b="%%writefile -a tools.py\ny = 2", c="import tools", d="1")
    pipeline = compile_notebook(parse(text, "little.py")).pipeline
    assert pipeline is not None
    assert "@pandas.options" in taken_by(pipeline.step("d"))


@pytest.mark.parametrize(
    ("source", "absent"),
    [
        ("import unheard.of", {"unheard"}),
        ("def f():\n    from unheard import of", {"unheard"}),
        ("try:\n    import unheard\nexcept ImportError: pass", set()),
        ("import pandas, json, tools, installed", set()),
    ],
)
def test_modules_that_are_nowhere_yet_are_noted(source: str, absent: set[str], tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("x = 1\n")
    notebook = with_modules(parse(steps(a=source), "little.py"), tmp_path, {"installed"}.__contains__)
    assert notebook.absent == absent


def test_a_module_that_is_nowhere_yet_may_change_anything() -> None:
    notebook = replace(parse(steps(a="import unheard", b="1"), "little.py"), absent=frozenset(("unheard",)))
    pipeline = compile_notebook(notebook).pipeline
    assert pipeline is not None
    assert "@matplotlib.rcParams" in taken_by(pipeline.step("b"))


FOREST = "from sklearn.ensemble import RandomForestClassifier\n"
MAKING = f"{FOREST}def make():\n    return RandomForestClassifier()\ndef other():\n    return 1\n"
LOADING = "from torch.utils.data import DataLoader\ndef make():\n    return DataLoader([1, 2], shuffle=True)\n"


@pytest.mark.parametrize(
    ("source", "use", "state", "draws"),
    [
        (MAKING, "made.fit([[1]], [1])", "@numpy.random", True),
        (MAKING, "made.predict([[1]])", "@numpy.random", False),
        (LOADING, "for each in made:\n    print(each)", "@torch.random", True),
        ("def make():\n    return [1, 2]\n", "for each in made:\n    print(each)", "@torch.random", False),
    ],
)
def test_who_uses_what_a_module_has_made_draws_as_a_library_does(
    source: str, use: str, state: str, draws: bool
) -> None:
    seeds = "import numpy as np, torch, tools\nnp.random.seed(1)\ntorch.manual_seed(1)\nmade = tools.make()"
    text = steps(a=seeds, b=use, c="np.random.rand(), torch.rand(1)")
    pipeline = compile_notebook(replace(parse(text, "little.py"), modules={"tools.py": source})).pipeline
    assert pipeline is not None
    assert any(state in edge for edge in edges(pipeline) if edge.startswith("b>c:")) is draws
