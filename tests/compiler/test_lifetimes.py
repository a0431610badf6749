"""What lives no longer than its process is told, and what only looks like it is not."""

from __future__ import annotations

import pytest

from tests.compiler.helpers import compile_text
from tests.compiler.test_graph import steps

REWRITTEN = "%%writefile helpers.py\ndef f(): return 2"
NUMBERS = "rows = [[1], [2]]\n"
CLASS = "class C:\n    def __del__(self):\n        print('gone')\nc = C()"
MAPPED = "import numpy as np\nm = np.memmap('m.bin', 'f8', {mode}, shape=(3,))"
CAUGHT = "kept = []\ntry:\n    1 / 0\nexcept ZeroDivisionError as e:\n    kept.append(e)"
FOLDER = "import os, tempfile\nt = tempfile.TemporaryDirectory()\npath = os.path.join(t.name, 'x.csv')"
THREAD = "import threading\nt = threading.Thread(target=print)\nt.start()"
FRAMES = "import pandas as pd\na = pd.DataFrame()\nb = a + 1\n"

TOLD = {
    "a dict by numbers": (NUMBERS + "found = {id(r): r for r in rows}", "print([found.get(id(r)) for r in rows])"),
    "a set of numbers": (NUMBERS + "seen = set()\nfor r in rows:\n    seen.add(id(r))", "print(id(rows[0]) in seen)"),
    "a number": (NUMBERS + "number = id(rows)", "print(number == id(rows))"),
    "numbers by map": (NUMBERS + "found = dict(zip(map(id, rows), rows))", "print(id(rows[0]) in found)"),
    "numbers that a function keeps": (
        "known = {}\ndef once(x):\n    if id(x) not in known:\n        known[id(x)] = 1\nrows = []\nonce(rows)",
        "once(rows)\nprint(known)",
    ),
    "numbers in an instance": (
        "class Seen:\n    def __init__(self):\n        self.all = set()\n    def add(self, x):\n"
        "        self.all.add(id(x))\nseen = Seen()",
        "x = []\nseen.add(x)\nprint(id(x))",
    ),
    "parts by identity": ("import pandas as pd\na = pd.DataFrame()\nb = a + 1", "print(a.index is b.index)"),
    "an index by identity with a name": (FRAMES + "ix = a.index", "print(b.index is ix)"),
    "names of indexes by identity": (FRAMES, "i, j = a.index, b.index\nprint(i is not j)"),
    "a part of an index by identity": (FRAMES + "p = a.index.levels[0]", "print(a.index.levels[0] is p)"),
    "indexes by is_": (FRAMES, "print(a.index.is_(b.index))"),
    "indexes by identity in a function": (
        FRAMES + "def same(x, y):\n    return x.index is y.index",
        "print(same(a, b))",
    ),
    "an object with __del__ is deleted": (CLASS, "del c"),
    "an object with __del__ is replaced": (CLASS, "c = None"),
    "a weak reference": ("import weakref\nclass C: pass\nc = C()\nr = weakref.ref(c)", "del c\nprint(r())"),
    "a weak dictionary": ("import weakref\nw = weakref.WeakValueDictionary()", "del w['a']\nprint(len(w))"),
    "weak references to what another object keeps": (
        "import weakref\nclass C: pass\nc = C()\nh = [c]\nw = weakref.WeakValueDictionary(c=c)",
        "c = C()",
        "print(len(w))",
    ),
    "weak references that are kept under another name": (
        "import weakref\nclass C: pass\nc = C()\nh = [c]\nr = weakref.ref(c)\nall = [r]",
        "c = C()\nprint(all[0]())",
    ),
    "a weak reference that a function makes of what it is handed, whose name is bound to another": (
        "import weakref\nclass C: pass\nc = C()\nh = [c]\ndef watch(one):\n    return weakref.ref(one)\nr = watch(c)",
        "c = 1\nprint(r() is None)",
    ),
    "a weak set that is filled later, what is in it bound to another": (
        "import weakref\nclass C: pass\nc = C()\nh = [c]\nw = weakref.WeakSet()\nw.add(c)\nr = weakref.ref(h[0])",
        "c = 1\nprint(len(w))",
    ),
    "a weak reference used in the match that binds the name to another": (
        "import weakref\nclass C: pass\nc = C()\nh = [c]\nr = weakref.ref(c)",
        "match 3:\n    case c:\n        print(r() is None)",
    ),
    "a weak reference used beside a name that an expression binds to another": (
        "import weakref\nclass C: pass\nc = C()\nh = [c]\nr = weakref.ref(c)",
        "print((c := 1), r() is None)",
    ),
    "weak references that a function makes": (
        "import weakref\nclass C: pass\nc = C()\nh = [c]\ndef watch():\n    return weakref.ref(c)\nr = watch()",
        "c = C()",
        "print(r())",
    ),
    "two classes in the same words": ("class A: pass\nfirst = A()", "class A: pass", "print(isinstance(first, A))"),
    "flags of decimal numbers": (
        "import decimal\nx = decimal.Decimal(1) / 3",
        "print(decimal.getcontext().flags)",
    ),
    "an array written through": (MAPPED.format(mode="'r+'"), "m[0] = 1"),
    "a traceback": (CAUGHT, "import traceback\ntraceback.print_exception(kept[0])"),
    "a traceback by its attribute": (CAUGHT, "print(kept[0].__traceback__)"),
    "a path in a temporary folder": (FOLDER, "print(open(path).read())"),
    "the name of a temporary file": (
        "from tempfile import NamedTemporaryFile\nname = NamedTemporaryFile().name",
        "print(open(name).read())",
    ),
    "a function of a module that is loaded anew": (
        "import helpers\nf = helpers.f",
        REWRITTEN,
        "import importlib\nimportlib.reload(helpers)",
        "print(f())",
    ),
    "one that was imported by its name": (
        "import helpers\nfrom helpers import f as old",
        REWRITTEN,
        "from importlib import reload\nreload(helpers)",
        "print(old())\nprint(old())",
    ),
    "an instance of a class of a module that is loaded anew": (
        "import helpers\nc = helpers.C()",
        REWRITTEN,
        "import importlib\nimportlib.reload(helpers)",
        "print(c)",
    ),
    "an instance of a class that was imported by its name": (
        "from helpers import C\nc = C()\ndel C",
        REWRITTEN,
        "import helpers\nfrom importlib import reload\nreload(helpers)",
        "print(c)",
    ),
    "a thread": (THREAD.replace("t.start()", "t.start()\ndel t"), "print(1)"),
    "a task": ("import asyncio\nasync def f():\n    await asyncio.sleep(0)\nasyncio.create_task(f())", "print(1)"),
    "a program": ("import subprocess\nsubprocess.Popen(['true'])", "print(1)"),
    "a shell line": ("!sleep 1 &", "print(1)"),
    "a thread that a function starts": (
        "import threading\ndef f():\n    threading.Thread(target=print).start()",
        "f()",
        "print(1)",
    ),
}

NOT_TOLD = {
    "numbers that are only shown": (NUMBERS + "print(id(rows))", "print(rows, id(rows))"),
    "what was found by numbers": (NUMBERS + "same = id(rows) == id(rows)\nn = len({id(rows)})", "print(n, id(same))"),
    "numbers that nobody looks for": (NUMBERS + "number = id(rows)", "print(number)"),
    "a name that is called so": ("id = 7\nfound = {id: 1}", "print(found.get(id))"),
    "a column that is called so": ("ids = [row.id for row in []]", "print(ids)"),
    "identity within one value": ("import pandas as pd\na = pd.DataFrame()\nb = a", "print(a.index is b.index)"),
    "identity with something of a module": ("import pandas as pd\na = [pd.NA]", "print(a[0] is pd.NA)"),
    "identity with nothing": ("a = [[]]\nb = [[]]", "print(a[0] is not None)"),
    "an object with __del__ that is left": (CLASS, "print(1)"),
    "weak references of what lives on": (
        "import weakref\nclass C: pass\nc = C()\nr = weakref.ref(c)",
        "print(r() is c)",
    ),
    "weak references that are used before their object is bound to another": (
        "import weakref\nclass C: pass\nc = C()\nr = weakref.ref(c)",
        "print(r() is c)",
        "c = C()",
        "print(c)",
    ),
    "weak references to another object than the one whose name is bound to another": (
        "import weakref\nclass C: pass\nc = C()\nd = C()\nr = weakref.ref(c)\nother = weakref.ref(d)",
        "d = C()",
        "print(r() is c)",
    ),
    "weak references whose callback's name is bound to another": (
        "import weakref\nclass C: pass\nc = C()\nlog = []\nr = weakref.ref(c, log.append)",
        "log = [1]",
        "print(r() is c, log)",
    ),
    "weak references that are used just before their object is bound to another": (
        "import weakref\nclass C: pass\nc = C()\nr = weakref.ref(c)",
        "print(r() is c)\nc = C()",
        "print(c)",
    ),
    "a class in other words": (
        "class A: pass\nfirst = A()",
        "class A:\n    x = 1",
        "print(isinstance(first, A))",
    ),
    "a class defined again of which nothing is left": ("class A: pass\nprint(A())", "class A: pass", "print(A())"),
    "flags of the step's own numbers": ("import decimal\nx = decimal.Decimal(1) / 3\ndecimal.getcontext().flags", ""),
    "an array that is read": (MAPPED.format(mode="'r+'"), "print(m.sum(), m[0])"),
    "an array that a model is fitted with": (
        MAPPED.format(mode="'w+'"),
        "from sklearn.cluster import KMeans\nmodel = KMeans()\nmodel.fit(m)\nglobals()",
    ),
    "an array mapped to be read": (MAPPED.format(mode="'r'") + "\nm2 = m + 1", "m2[0] = 1\nprint(m)"),
    "an exception and its text": (CAUGHT, "print(kept, repr(kept[0]))"),
    "what was read in a temporary folder": (FOLDER + "\nimport pandas as pd\ndf = pd.read_csv(path)", "print(df)"),
    "a text file open for reading": ("f = open('x.txt')\nhead = f.readline()", "print(f.readline())"),
    "a file that is closed": ("f = open('x.txt')\nf.close()", "print(f.closed)"),
    "what was read of a file": ("text = open('x.txt').read()\nrows = list(open('x.txt'))", "print(text, rows)"),
    "a function of a module that is loaded anew as it was": (
        "import helpers\nf = helpers.f",
        "import importlib\nimportlib.reload(helpers)",
        "print(f())",
    ),
    "a function that is looked for in the module loaded anew": (
        "import helpers\nhelpers.f()",
        REWRITTEN,
        "import importlib\nimportlib.reload(helpers)\nf = helpers.f",
        "print(f(), helpers.f())",
    ),
    "a function that is used where the module is loaded anew": (
        "import helpers\nf = helpers.f",
        REWRITTEN,
        "import importlib\nimportlib.reload(helpers)\nprint(f())",
    ),
    "a function that is taken out again": (
        "import helpers\nf = helpers.f",
        REWRITTEN,
        "import importlib\nimportlib.reload(helpers)\nf = helpers.f",
        "print(f())",
    ),
    "an instance that is made again": (
        "import helpers\nc = helpers.C()",
        REWRITTEN,
        "import importlib\nimportlib.reload(helpers)",
        "c = helpers.C()",
        "print(c)",
    ),
    "what a function of a module loaded anew gave": (
        "import helpers\nn = helpers.f()",
        REWRITTEN,
        "import importlib\nimportlib.reload(helpers)",
        "print(n)",
    ),
    "a thread that is waited for": (THREAD + "\nt.join()\ndel t", "print(1)"),
    "a program that is waited for": (
        "import subprocess\np = subprocess.Popen(['true'])\nout, _ = p.communicate()",
        "print(out)",
    ),
    "a task that is waited for": (
        "import asyncio\nasync def f():\n    return 1\nt = asyncio.create_task(f())\nx = await t",
        "print(x)",
    ),
    "a thread in the last step": ("print(1)", THREAD),
    "one index with itself": (FRAMES, "print(a.index is a.index)"),
    "an index where nothing comes in": ("x = 1", FRAMES + "print(a.index is b.index)"),
    "a column of a database and a constant": (FRAMES + "c = table.c", "print(a, c.name.is_(None))"),
    "an index and a constant": (FRAMES, "print(a.index is None, a.index is not None)"),
    "a frame and not its index": (FRAMES + "c = a", "print(a is c, len(a.index))  # this is one"),
}


def told(parts: tuple[str, ...]) -> list[str]:
    text = steps(**{f"s{number}": part for number, part in enumerate(parts)})
    return [found.code for found in compile_text(text).findings if found.code in ("LL308", "LL408", "LL409")]


@pytest.mark.parametrize("case", TOLD)
def test_what_does_not_outlive_its_process_is_told_once(case: str) -> None:
    assert len(told(TOLD[case])) == 1


@pytest.mark.parametrize("case", NOT_TOLD)
def test_what_is_the_same_in_every_process_is_not(case: str) -> None:
    assert told(NOT_TOLD[case]) == []


def test_the_place_is_where_the_value_is_missed() -> None:
    (found,) = compile_text(
        steps(a=NUMBERS + "found = {id(r): r for r in rows}", b="x = 1\nfound[id(rows[0])]")
    ).findings
    assert (found.code, found.step, found.cell_index, found.line) == ("LL408", "b", 1, 2)


@pytest.mark.parametrize(
    ("first", "second"), [("x: int = 1", "y: str = ''\nprint(__annotations__)"), ("x = [1]\ny = x", "%xdel x")]
)
def test_what_a_step_finds_fewer_names_by_is_told(first: str, second: str) -> None:
    assert [found.code for found in compile_text(steps(a=first, b=second)).findings] == ["LL307"]
