"""What cannot leave its process is told before anything runs, also where another object holds it."""

from __future__ import annotations

import pytest

from labline_compiler.fixing import fix
from labline_compiler.notebook import parse
from tests.compiler.helpers import codes, compile_text, edges, pipeline_of
from tests.compiler.test_graph import steps

_LOG = "class Log:\n    def __init__(self, path):\n        self.file = open(path, 'w')\n        self.name = path\n"
_CONNECTION = "import sqlite3\nd = {}\nd['c'] = sqlite3.connect('x')\n"

HOLDING = {
    "in a list": {"a": "g = (x for x in [1])\nd = [g]", "b": "next(d[0])"},
    "in a dictionary in a list": {"a": "import threading\nd = [{'lock': threading.Lock()}]", "b": "print(d)"},
    "set as an item": {"a": _CONNECTION + "d['c'].execute('')", "b": "d['c'].close()"},
    "set as an attribute": {"a": "class C: ...\nd = C()\nd.f = open('x', 'w')", "b": "d.f.write('')"},
    "set by __init__": {"a": _LOG + "d = Log('x')", "b": "d.file.close()"},
    "appended": {"a": "d = []\nd.append(x for x in [1])", "b": "list(d[0])"},
}


@pytest.mark.parametrize("cells", HOLDING.values(), ids=HOLDING)
def test_what_may_hold_something_that_cannot_leave_its_step_is_a_warning(cells: dict[str, str]) -> None:
    (found,) = [each for each in compile_text(steps(**cells)).findings if each.code == "LL406"]
    assert (found.severity, found.step) == ("warning", "b")
    assert "needs d, which may hold" in found.message


STAYING = {
    "a workbook": "d = pd.ExcelFile('x.xlsx')",
    "a reader": "d = pd.read_csv('x.csv', chunksize=10)",
    "arrays of a file": "import numpy as np\nd = np.load('x.npz')",
    "an archive": "import zipfile\nd = zipfile.ZipFile('x.zip')",
    "a store": "d = pd.HDFStore('x.h5')",
    "a document": "from lxml import etree\nd = etree.parse('x.xml')",
}


@pytest.mark.parametrize("cell", STAYING.values(), ids=STAYING)
def test_what_has_a_file_open_cannot_leave_its_step(cell: str) -> None:
    assert "LL406" in codes(steps(a=f"import pandas as pd\n{cell}", b="print(d)"))


def test_a_whole_file_leaves_its_step() -> None:
    cell = (
        "import pandas as pd, numpy as np\nd = pd.read_csv('x', chunksize=None, iterator=False)\ne = np.load('x.npy')"
    )
    assert codes(steps(a=cell, b="print(d, e)")) == []


_BATCHES = (
    "import itertools\nclass Batches:\n    def __iter__(self):\n        yield from [1, 2]\n"
    "    def pairs(self):\n        yield 1, 2\nq = Batches()\ng = (x for x in [1])\n"
)
GOING = {
    "iter of an instance": "d = iter(q)",
    "iter of a generator": "d = iter(g)",
    "a method": "d = q.pairs()",
    "enumerate": "d = enumerate(q)",
    "map": "d = map(str, g)",
    "zip": "d = zip([1], q)",
    "islice": "d = itertools.islice(q, 1)",
    "chain": "d = itertools.chain([0], g)",
    "a subclass": "class More(Batches): ...\nm = More()\nd = iter(m)",
}


@pytest.mark.parametrize("cell", GOING.values(), ids=GOING)
def test_what_goes_through_a_generator_cannot_leave_its_step(cell: str) -> None:
    found = compile_text(steps(a=_BATCHES + cell, b="print(next(d))")).findings
    assert [(each.code, each.severity) for each in found] == [("LL406", "error")]


STARTING_LATER = {
    "the instance": "d = q",
    "chain": "d = itertools.chain(q)",
    "a list of it": "d = list(q)",
    "a method that gives a list": "class C:\n    def rows(self):\n        return [1]\nc = C()\nd = c.rows()",
    "iter of a list": "d = iter([1, 2])",
    "own iterators": (
        "class C:\n    def __iter__(self):\n        return self\n    def __next__(self):\n        return 1\n"
        "c = C()\nd = iter(c)"
    ),
}


@pytest.mark.parametrize("cell", STARTING_LATER.values(), ids=STARTING_LATER)
def test_what_can_be_gone_through_later_leaves_its_step(cell: str) -> None:
    assert codes(steps(a=_BATCHES + cell, b="print(d)")) == []


LET_GO = {
    "taken out": {"a": "d = []\nd.append(x for x in [1])\nlist(d.pop())", "b": "print(d)"},
    "replaced": {"a": _CONNECTION + "d['c'] = None", "b": "print(d)"},
    "deleted": {"a": _CONNECTION + "del d['c']", "b": "print(d)"},
    "closed": {"a": _LOG + "d = Log('x')\nd.file.close()", "b": "print(d.name)"},
    "left out when pickled": {"a": _LOG + "    def __getstate__(self): return {}\nd = Log('x')", "b": "print(d)"},
    "used up": {"a": "g = (x for x in [1])\nd = [list(g)]", "b": "print(d)"},
}


@pytest.mark.parametrize("cells", LET_GO.values(), ids=LET_GO)
def test_what_was_let_go_is_no_finding(cells: dict[str, str]) -> None:
    assert codes(steps(**cells)) == []


def test_who_may_read_any_name_does_not_ask_for_what_cannot_leave_an_earlier_step() -> None:
    thread = "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()\nx = 1"
    pipeline = pipeline_of(steps(a=thread, b="globals()", c="print(sorted(globals()))"))
    assert not any("t" in edge.partition(":")[2].split(",") for edge in edges(pipeline))


def test_a_step_is_merged_with_the_one_above_that_makes_what_cannot_leave_it() -> None:
    text = steps(a="g = (x for x in [1])", b="next(g)", c="list(g)", d="y = 1")
    fixed = fix(parse(text, "little.py"))
    assert fixed.compilation.pipeline is not None
    assert [step.name for step in fixed.compilation.pipeline.steps] == ["a", "d"]


def test_a_step_with_others_between_is_not_merged() -> None:
    (found,) = compile_text(steps(a="g = (x for x in [1])", b="y = 1", c="list(g)")).findings
    assert (found.code, found.edit) == ("LL406", None)
