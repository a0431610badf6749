"""What is made anew on the other side of a boundary, of what it is made of: it is what it was, and so is its digest."""

from __future__ import annotations

import csv
import functools
import itertools
import json
import struct
import sys
import types
from collections import defaultdict
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import pytest
from dateutil.rrule import DAILY, rrule, rruleset
from matplotlib.figure import Figure

from labline_runtime.values import digest, load, store
from labline_runtime.values.blocks import copies_on_write
from labline_runtime.values.reach import Reach


def crossed(tmp_path, **values: Any) -> Any:
    stored = store(values, tmp_path)
    return load(stored.path, stored.digest)[0]


def begun(iterator: Any, steps: int = 1) -> Any:
    for _ in range(steps):
        next(iterator)
    return iterator


def every_day(**words: Any) -> rrule:
    import datetime

    return rrule(DAILY, count=3, dtstart=datetime.datetime(2024, 1, 1), **words)


def dates(rule: Any) -> list[int]:
    return [date.day for date in rule]


def without_the_second() -> rruleset:
    rules = rruleset(cache=True)
    rules.rrule(every_day())
    rules.exdate(list(every_day())[1])
    return rules


# What makes a value, and what is seen of it.
OF_LIBRARIES = {
    "a structure": (lambda: struct.Struct("<i"), lambda v: v.pack(1)),
    "a comparison": (lambda: functools.cmp_to_key(lambda a, b: b - a), lambda v: sorted([1, 3, 2], key=v)),
    "a compared key": (lambda: functools.cmp_to_key(lambda a, b: b - a)(1), lambda v: v.obj),
    "pairs": (lambda: itertools.pairwise("abc"), list),
    "pairs that have begun": (lambda: begun(itertools.pairwise("abc")), list),
    "pairs that are used up": (lambda: begun(itertools.pairwise("ab")), list),
    "a dialect": (lambda: csv.get_dialect("excel-tab"), lambda v: list(csv.reader(["a\tb"], v))),
    "a reader of JSON": (lambda: json.JSONDecoder(object_hook=sorted), lambda v: v.decode('{"b": 1, "a": 2}')),
    "a function over arrays": (
        lambda: np.frompyfunc(lambda a, b: a - b, 2, 1, identity=0),
        lambda v: v(3, [1, 2]).tolist(),
    ),
    "what it begins with": (lambda: np.frompyfunc(lambda a, b: a - b, 2, 1, identity=0), lambda v: v.identity),
    "a template": (lambda: jinja2.Template("{% for x in xs %}<{{ x }}>{% endfor %}"), lambda v: v.render(xs=[1, 2])),
    "a rule": (lambda: every_day(cache=True), dates),
    "a rule that remembers": (lambda: begun(iter(rule := every_day(cache=True))) and rule, dates),
    "rules": (without_the_second, dates),
    "facts of the interpreter": (lambda: [sys.float_info], lambda v: v[0] is sys.float_info),
}


@pytest.mark.parametrize("case", OF_LIBRARIES)
def test_it_is_made_of_what_it_was_made_of(tmp_path, case):
    make, seen = OF_LIBRARIES[case]
    value = make()
    before = digest(value)
    found = crossed(tmp_path, v=value)["v"]
    assert (digest(found), seen(found)) == (before, seen(make()))


def of_notebook(code: str) -> Any:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(code, names)
    return names


def test_a_look_at_what_a_class_holds_sees_what_is_added_to_it(tmp_path):
    names = of_notebook("class Held: pass\nlook = vars(Held)")
    found = crossed(tmp_path, look=names["look"])["look"]
    names["Held"].added = 1
    assert found["added"] == 1


# A class of the notebook's, how one of it is made, and what is seen of it.
OF_PYTHON = {
    "decimal": ("Decimal", "self, cents = M.made('1.50'), 3", "str(v)"),
    "fraction": ("Fraction", "self = M.made(1, 3)", "v.numerator, v.denominator"),
    "date": ("datetime.date", "self = M.made(2024, 1, 2)", "v.isoformat()"),
    "datetime": ("datetime.datetime", "self = M.made(2024, 1, 2, 3, fold=1)", "v.isoformat(), v.fold"),
    "time": ("datetime.time", "self = M.made(3, 4)", "v.isoformat()"),
    "span": ("datetime.timedelta", "self = M.made(3, 4)", "v.total_seconds()"),
    "zone": ("datetime.tzinfo", "self = M.made()", "type(v).__name__"),
    "path": ("pathlib.PosixPath", "self = M.made('a', 'b')", "str(v)"),
    "address": ("ipaddress.IPv4Address", "self = M.made('1.2.3.4')", "int(v)"),
    "generator": ("random.Random", "self = M.made(5); self.random()", "v.random()"),
    "bytes": ("bytearray", "self = M.made(b'ab')", "bytes(v)"),
    "number of NumPy": ("numpy.float64", "self = M.made(1.5)", "v * 2"),
}


@pytest.mark.parametrize("case", OF_PYTHON)
def test_an_instance_of_a_subclass_comes_back_whole_without_its_class_being_called(tmp_path, case):
    base, make, seen = OF_PYTHON[case]
    names = of_notebook(f"""
import datetime, ipaddress, numpy, pathlib, random
from decimal import Decimal
from fractions import Fraction
class M({base}):
    def __new__(cls): raise NotImplementedError
    def __init__(self): raise NotImplementedError
    def made(*arguments, **words):
        self = {base}.__new__(M, *(arguments if {base}.__new__ is not object.__new__ else ()), **words)
        if {base}.__init__ is not object.__init__:
            {base}.__init__(self, *arguments, **words)
        return self
{make}
self.note = ["kept"]
""")
    value = names["self"]
    before = digest(value)
    found = crossed(tmp_path, v=value)["v"]
    assert (type(found), found.note, digest(found)) == (names["M"], ["kept"], before)
    assert eval(seen, {"v": found}) == eval(seen, {"v": value})


def test_an_attribute_of_a_number_of_the_notebooks_counts():
    names = of_notebook("from decimal import Decimal\nclass M(Decimal): pass\nv = M(1)\nv.unit = 'm'")
    before = digest(names["v"])
    names["v"].unit = "km"
    assert digest(names["v"]) != before


@pytest.mark.parametrize("base", ["Counter", "defaultdict"])
def test_a_container_keeps_its_attributes(tmp_path, base):
    names = of_notebook(f"import collections\nclass M(collections.{base}): pass\nv = M()\nv.note = 1")
    assert crossed(tmp_path, v=names["v"])["v"].note == 1


def test_a_library_s_container_keeps_its_attributes_though_it_is_made_of_something_else(tmp_path, monkeypatch):
    class Held(defaultdict):
        def __init__(self, sheet):
            super().__init__(list)
            self.sheet = sheet

    Held.__module__, Held.__qualname__ = "numpy", "Held"
    monkeypatch.setattr(np, "Held", Held, raising=False)
    value = Held("first")
    value["a"].append(1)
    found = crossed(tmp_path, v=value)["v"]
    assert (found, found.sheet, found["new"]) == ({"a": [1], "new": []}, "first", [])


def test_an_exception_is_made_without_its_own_way_of_being_made(tmp_path):
    names = of_notebook(
        "class E(ValueError):\n    def __new__(cls, a, b): return super().__new__(cls, a)\n"
        "    def __init__(self, a, b): self.b = b\nv = E(1, 2)"
    )
    found = crossed(tmp_path, v=names["v"])["v"]
    assert (found.args, found.b) == (names["v"].args, 2)


def test_iterators_of_which_one_is_used_up_are_looked_into_unharmed():
    held = [3]
    value = begun(itertools.zip_longest([], [held, held]))
    assert Reach(value).holds(held)


def test_iterators_that_are_used_up_come_back_so(tmp_path):
    value = begun(itertools.zip_longest([], "ab"))
    assert digest(crossed(tmp_path, v=value)["v"]) == digest(value)


def test_a_module_made_by_hand_is_listed_where_it_arrives(tmp_path, monkeypatch):
    made = types.ModuleType("made_by_hand")
    made.x = 1
    monkeypatch.setitem(sys.modules, "made_by_hand", made)
    stored = store({"v": made}, tmp_path)
    del sys.modules["made_by_hand"]
    found = load(stored.path, stored.digest)[0]["v"]
    assert (found.x, sys.modules["made_by_hand"]) == (1, found)


def worded(word: str) -> Any:
    """A figure with a function of the notebook's, which reads a variable, for the labels of an axis."""
    names = of_notebook(f"unit = 'm'\ndef f(value, place): return {word}\n")
    axes = Figure().subplots()
    axes.xaxis.set_major_formatter(names["f"])
    return axes.figure, names


def test_the_digest_of_a_figure_is_the_same_whatever_is_in_variables_that_its_labels_read():
    figure, names = worded("unit")
    before = digest(figure)
    names["unit"] = "km"
    assert digest(figure) == before


def test_the_digest_of_a_figure_tells_how_its_labels_are_worded():
    assert digest(worded("unit")[0]) != digest(worded("unit * 2")[0])


@pytest.mark.parametrize("other", ["pd.Series(r, copy=False)", "pd.DataFrame({'x': r}, copy=False).x"])
def test_series_over_one_array_go_on_looking_at_it_though_pandas_knows_nothing_of_it(tmp_path, other):
    array = np.arange(2.0)
    values = {"pd": pd, "r": array}
    found = crossed(tmp_path, r=array, s=pd.Series(array, copy=False), t=eval(other, values))
    found["r"][0] = 9
    assert (found["s"][0], found["t"][0]) == (9, 9)


@pytest.mark.skipif(not copies_on_write(), reason="both change in the notebook, too")
@pytest.mark.parametrize("ends", [[0, 1, 2], pd.date_range("2024", periods=3)], ids=["numbers", "times"])
def test_a_column_of_intervals_stays_as_it_is_when_the_frames_is_changed(tmp_path, ends):
    frame = pd.DataFrame({"a": pd.IntervalIndex.from_breaks(ends)})
    found = crossed(tmp_path, frame=frame, column=frame["a"])
    found["frame"].loc[0, "a"] = frame["a"][1]
    assert found["column"][0] == frame["a"][0]
