"""What a module beside the notebook keeps, and a later step does not get, is told; what is harmless is not (LL410)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.findings import Finding
from labline_compiler.notebook import parse
from tests.compiler.near_misses import tagged

CONF = """\
N = 1
CACHE = []
C = {"n": 1}
class Settings:
    n = 1
    def __init__(self): self.m = 1
    def set(self, m): self.m = m
settings = Settings()
def set_n(n):
    global N
    N = n
def append(x): CACHE.append(x)
def class_n(n): Settings.n = n
def get(): return N, list(CACHE), Settings.n, settings.m, dict(C)
"""
OTHER = """\
import conf
from conf import CACHE
def setup(n): conf.N = n
def setup_by_call(n): conf.set_n(n)
def get(): return conf.get()
def size(): return len(CACHE)
"""
BOTH = {"conf.py": CONF, "other.py": OTHER}
HOOK = "_hook = None\ndef use(f):\n    global _hook\n    _hook = f\ndef run(x): return _hook(x)\n"
LAZY = (
    "_m = None\ndef get(new):\n    global _m\n    if _m is None: _m = {made}\n    return _m\ndef f(x): return get(x)\n"
)


def findings(modules: dict[str, str], *cells: str, imports: str = "") -> list[Finding]:
    """LL410 of a notebook beside which these modules lie, each cell a step."""
    imports = imports or "import " + ", ".join(path.removesuffix(".py") for path in modules if "/" not in path)
    text = tagged(("imports", imports), *((f"step:s{number}", cell) for number, cell in enumerate(cells)))
    compilation = compile_notebook(replace(parse(text, "little.py"), modules=modules))
    return [found for found in compilation.findings if found.code == "LL410"]


def h(source: str) -> dict[str, str]:
    return {"h.py": source}


TOLD = {
    "a module that another sets": (BOTH, "other.setup(5)", "print(conf.N)"),
    "a module that another calls": (BOTH, "other.setup_by_call(5)", "print(other.get())"),
    "a module that another reads": (BOTH, "conf.set_n(5)", "print(other.get())"),
    "an object that another has imported": (BOTH, "conf.append(5)", "print(other.size())"),
    "a function that is put there": (h(HOOK), "h.use(lambda x: x)", "print(h.run(1))"),
    "a function of the notebook that is put there": (h(HOOK), "def g(x): return x\nh.use(g)", "print(h.run(1))"),
    "a function of the module that is put there": (
        h("def a(): pass\ndef b(): pass\n_now = a\ndef switch():\n    global _now\n    _now = b\ndef run(): _now()\n"),
        "h.switch()",
        "h.run()",
    ),
    "an attribute of a function": (
        h("def f():\n    f.n = getattr(f, 'n', 0) + 1\n    return f.n\n"),
        "h.f()",
        "print(h.f())",
    ),
    "a default": (h("def f(x, s=[]):\n    s.append(x)\n    return list(s)\n"), "h.f(1)", "print(h.f(2))"),
    "a function that remembers": (
        h(
            "def make():\n    n = 0\n    def f():\n        nonlocal n\n        n += 1\n"
            "        return n\n    return f\nf = make()\n"
        ),
        "h.f()",
        "print(h.f())",
    ),
    "what holds a lock": (
        h(
            "import threading\nS = {'lock': threading.Lock(), 'n': 1}\n"
            "def set(n): S['n'] = n\ndef get(): return S['n']\n"
        ),
        "h.set(2)",
        "print(h.get())",
    ),
    "an instance that holds a lock": (
        h(
            "import threading\nclass S:\n"
            "    def __init__(self): self.l = threading.Lock()\n    def set(self, n): self.n = n\ns = S()\n"
        ),
        "h.s.set(2)",
        "print(h.s.n)",
    ),
    "a database in memory": (
        h(
            "import sqlite3\n_c = sqlite3.connect(':memory:')\ndef add(n): _c.execute('insert into t values (1)')\n"
            "def all(): return _c.execute('select * from t').fetchall()\n"
        ),
        "h.add(2)",
        "print(h.all())",
    ),
    "a private attribute of a class": (
        h("class M:\n    _made = 0\n    def __init__(self):\n        M._made += 1\n        self.id = M._made\n"),
        "a = h.M()",
        "b = h.M()",
    ),
    "a method of an instance": (
        h("T = []\nclass M:\n    def fit(self): T.append(1)\ndef total(): return len(T)\n"),
        "m = h.M()",
        "m.fit()",
        "print(h.total())",
    ),
    "a module that registers itself": (
        {"reg.py": "R = {}\ndef add(n): R[n] = 1\n", "plug.py": "import reg\nreg.add('plug')\n"},
        "import plug",
        "print(reg.R)",
    ),
    "a singleton that the notebook alters": (
        h(
            "class C:\n    _one = None\n    @classmethod\n    def get(cls):\n"
            "        if cls._one is None: cls._one = cls()\n        return cls._one\n"
        ),
        "h.C.get().n = 5",
        "print(h.C.get().n)",
    ),
    "what is made of the first argument, where the second step gives another": (
        {"h.py": "import st\ndef get(new):\n    if st.m is None: st.m = new\n    return st.m\n", "st.py": "m = None\n"},
        "h.get(1)",
        "print(h.get(2))",
    ),
}

HARMLESS = {
    "plain data of the module itself": (BOTH, "conf.set_n(5)\nconf.append(3)\nconf.class_n(2)", "print(conf.get())"),
    "what the notebook sets itself": (BOTH, "conf.N = 5\nconf.C['n'] = 5", "print(other.get())"),
    "the same setting again": (BOTH, "other.setup(5)", "other.setup(5)\nprint(other.get())"),
    "another setting before it is read": (BOTH, "other.setup(5)", "other.setup(6)\nprint(conf.N)"),
    "what is altered below": (BOTH, "print(other.get())", "other.setup(5)"),
    "what nobody reads": (BOTH, "other.setup(5)", "print(other.size())"),
    "a name that stands for what was there before": (
        {**BOTH, "y.py": "from conf import N\ndef get(): return N\n"},
        "conf.set_n(5)",
        "print(y.get())",
    ),
    "a cache": (h("import functools\n@functools.lru_cache\ndef f(x): return x\n"), "h.f(2)", "print(h.f(2))"),
    "results by argument": (
        {
            "h.py": "import st\ndef f(x):\n    if x not in st.M: st.M[x] = x * 2\n    return st.M[x]\n",
            "st.py": "M = {}\n",
        },
        "h.f(2)",
        "print(h.f(2))",
    ),
    "results by argument in a default": (
        h("def f(n, memo={}):\n    if n not in memo: memo[n] = n * 2\n    return memo[n]\n"),
        "h.f(2)",
        "print(h.f(2))",
    ),
    "what is made when it is first needed": (
        h("import threading\n" + LAZY.format(made="{'l': threading.Lock()}")),
        "h.f(2)",
        "print(h.f(2))",
    ),
    "a connection that is made when it is first needed": (
        h("import sqlite3\n" + LAZY.format(made="sqlite3.connect(':memory:')")),
        "h.f(2).execute('select 1')",
        "print(h.f(2))",
    ),
    "a default that is handed over": (
        h("def f(x, s=[]):\n    s.append(x)\n    return list(s)\n"),
        "a = []\nh.f(1, a)",
        "print(h.f(2, [5]))",
    ),
    "a counter that is only counted": (
        {"h.py": "import st\ndef f(x):\n    st.n += 1\n    return x\n", "st.py": "n = 0\n"},
        "h.f(1)",
        "print(h.f(2))",
    ),
    "a counter of an object with a lock": (
        h(
            "import threading\nclass S:\n    def __init__(self):\n"
            "        self.l = threading.Lock()\n        self.n = 0\n"
            "    def call(self, x):\n        self.n += 1\n        return x\ns = S()\ndef f(x): return s.call(x)\n"
        ),
        "h.f(1)",
        "print(h.f(2))",
    ),
    "what begins anew in each call": (
        {
            "h.py": "import bar\ndef f(x):\n    bar.start()\n    bar.step()\n    return x\n",
            "bar.py": "n = 0\ndef start():\n    global n\n    n = 0\ndef step():\n    global n\n"
            "    n += 1\n    print(n)\n",
        },
        "h.f(1)",
        "print(h.f(2))",
    ),
    "a logger": (
        h("import logging\nlog = logging.getLogger('h')\ndef f(x):\n    log.info('x')\n    return x\n"),
        "h.f(1)",
        "print(h.f(2))",
    ),
    "an instance that goes along": (
        h("class M:\n    n = 0\n    def fit(self, w): self.n = w\n"),
        "m = h.M()\nm.fit(2)",
        "print(m.n, h.M().n)",
    ),
    "an argument": (h("def f(d): d['a'] = 1\n"), "d = {}\nh.f(d)", "print(d)"),
    "a copy": (
        {
            "h.py": "import st\ndef f(x):\n    rows = st.R.copy()\n    rows.append(1)\n    return rows + st.R\n",
            "st.py": "R = [0]\n",
        },
        "h.f(1)",
        "print(h.f(2))",
    ),
    "what is put back": (
        {
            "h.py": "import st\ndef f(x):\n    old = st.N\n    try:\n        st.N = x\n"
            "        return st.N\n    finally: st.N = old\n"
            "def get(): return st.N\n",
            "st.py": "N = 1\n",
        },
        "h.f(1)",
        "print(h.get())",
    ),
    "a database in a file": (
        h(
            "import sqlite3\n_c = sqlite3.connect('a.db')\n"
            "def add(): _c.execute('insert into t values (1)')\ndef all(): return _c.execute('select 1')\n"
        ),
        "h.add()",
        "print(h.all())",
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_a_later_step_does_not_get_is_told(case: str) -> None:
    modules, *cells = TOLD[case]
    assert findings(modules, *cells)


@pytest.mark.parametrize("case", HARMLESS)
def test_what_makes_no_difference_is_not_told(case: str) -> None:
    modules, *cells = HARMLESS[case]
    assert not findings(modules, *cells)


def test_a_setting_at_the_start_of_every_step_is_not_told() -> None:
    assert not findings(BOTH, "print(other.get())", "print(other.get())", imports="import other\nother.setup(5)")


def test_it_says_who_alters_what_and_who_reads_it_through_which_function() -> None:
    (found,) = findings(BOTH, "other.setup(5)", "print(other.get())")
    assert found.severity == "warning"
    assert found.step == "s1"
    assert found.message == (
        "Step s1 (cell 3) reads N of conf.py, line 1, through conf.get(), which step s0 (cell 2) has altered by "
        "other.setup() (other.py, line 3). Each step imports the module anew, and this one does not see the change."
    )
    assert found.fix is not None
    assert "`imports`" in found.fix


def test_many_steps_that_miss_the_same_are_told_of_once() -> None:
    (found,) = findings(BOTH, "other.setup(5)", *["print(other.get())"] * 3)
    assert found.message.endswith("does not see the change. So it is with 2 more steps.")


def test_it_says_why_what_is_kept_does_not_travel() -> None:
    (found,) = findings(*TOLD["what holds a lock"])
    assert "does not see the change: what is kept there (a lock) goes to no other step." in found.message


def test_a_function_of_the_notebook_alters_where_it_is_called() -> None:
    (found,) = findings(BOTH, "def go(): other.setup(5)", "go()", "print(other.get())")
    assert "which step s1 (cell 3) has altered by other.setup()" in found.message


@pytest.mark.parametrize("imports", ["from other import *", "from other import setup, get", "import other as o"])
def test_it_is_found_however_the_module_is_imported(imports: str) -> None:
    name = "o." if imports.endswith("o") else ""
    assert findings(BOTH, f"{name}setup(5)", f"print({name}get())", imports=imports)


def test_packages_and_what_they_import_under_their_own_names_are_followed() -> None:
    package = {
        "pkg/__init__.py": "from .core import put, get\n",
        "pkg/core.py": "from .state import S\ndef put(n): S['n'] = n\ndef get(): return S['n']\n",
        "pkg/state.py": "S = {'n': 1}\n",
    }
    assert findings(package, "pkg.put(3)", "print(pkg.get())", imports="import pkg")
