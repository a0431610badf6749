"""What is not looked at again could not have changed."""

from __future__ import annotations

import decimal
import importlib
import os
import random
import sys
import types
import warnings
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from labline_runtime.imports import LibraryImports
from labline_runtime.states import generators, looks, parts
from labline_runtime.states.versions import Ground, Remembered, version_of

NUMBERED = sys.version_info < (3, 14)
_KEYS = st.sampled_from("abc")
_VALUES = st.integers(0, 2)
_CHANGES = {
    "set": lambda held, key, value: held.__setitem__(key, value),
    "delete": lambda held, key, _: held.pop(key, None),
    "setdefault": lambda held, key, value: held.setdefault(key, value),
    "update": lambda held, key, value: held.update({key: value}),
    "join": lambda held, key, value: held.__ior__({key: value}),
    "clear": lambda held, *_: held.clear(),
    "popitem": lambda held, *_: held and held.popitem(),
    "read": lambda held, key, _: held.get(key),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(_CHANGES)), _KEYS, _VALUES)))
def test_what_is_remembered_of_a_dictionary_is_what_is_in_it(changes):
    held: dict[str, int] = {}
    remembered = Remembered(dict)
    for change, key, value in changes:
        _CHANGES[change](held, key, value)
        assert remembered(held) == held


def test_what_is_remembered_of_a_class_is_what_is_in_it():
    kind: Any = type("Kind", (), {})
    remembered = Remembered(lambda held: held.get("told"))
    for number in range(100):  # the interpreter specialises what is done often
        kind.told = number
        assert remembered(vars(kind)) == number


def test_what_is_remembered_of_a_module_is_what_is_in_it():
    module: Any = types.ModuleType("module")
    remembered = Remembered(lambda held: held.get("told"))
    for number in range(100):
        module.told = number
        assert remembered(vars(module)) == number


@pytest.mark.skipif(not NUMBERED, reason="dictionaries have no number there")
def test_a_dictionary_that_was_not_changed_is_not_gone_through_again():
    held, asked = {"a": 1}, []
    remembered = Remembered(asked.append)
    for _ in range(2):
        remembered(held)
    assert len(asked) == 1


@pytest.mark.skipif(not NUMBERED, reason="dictionaries have no number there")
def test_a_dictionary_made_where_another_was_has_another_number():
    assert len({version_of({"a": 1}) for _ in range(50)}) == 50


@pytest.mark.skipif(not NUMBERED, reason="this Python's dictionaries have no numbers")
def test_a_class_on_the_ground_counts_as_what_is_in_it():
    kind: Any = type("Kind", (), {})
    ground = Ground([vars(kind)])
    assert ground.holds()
    kind.told = 1
    assert not ground.holds()


def test_lists_and_sets_count_by_their_items():
    listed, held = [1], {2}
    on_list, on_set = Ground([listed]), Ground([held])
    listed[0], _ = "other", held.add(3)
    assert not on_list.holds()
    assert not on_set.holds()


def _shell() -> Any:
    return InteractiveShell.instance()


def _font() -> None:
    matplotlib.rcParams["font.sans-serif"].insert(0, "Comic Sans MS")


# By state, what changes it, one after the other.
CHANGED: dict[str, list[Any]] = {
    "@environ": [lambda: os.environ.update(LABLINE_TEST="1"), lambda: os.environ.pop("LABLINE_TEST")],
    "@warnings": [lambda: warnings.simplefilter("error", FutureWarning), warnings.resetwarnings],
    "@ipython": [lambda: setattr(_shell(), "automagic", False), lambda: _shell().extension_manager.loaded.add("one")],
    "@matplotlib.rcParams": [
        lambda: matplotlib.rcParams.update({"lines.linewidth": 9}),
        _font,
        pd.plotting.register_matplotlib_converters,
    ],
    "@pandas.options": [
        lambda: pd.set_option("display.max_rows", 7),
        lambda: pd.set_option("display.html.border", 3),
    ],
    "@numpy.printoptions": [
        lambda: np.set_printoptions(precision=3),
        lambda: np.seterr(all="ignore"),
        lambda: np.set_printoptions(precision=4),
    ],
    "@decimal": [
        lambda: setattr(decimal.getcontext(), "prec", 9),
        lambda: decimal.getcontext().traps.update({decimal.Inexact: True}),
    ],
    "@sklearn.config": [
        lambda: sklearn.set_config(display="text"),
        lambda: sklearn.set_config(enable_metadata_routing=True),
    ],
    "@sys.path": [lambda: sys.path.insert(0, "labline-test"), lambda: sys.path.remove("labline-test")],
    "@random": [random.random, lambda: random.gauss(0, 1), lambda: random.gauss(0, 1), lambda: random.seed(3)],
    "@numpy.random": [
        np.random.random,
        np.random.standard_normal,
        np.random.standard_normal,
        lambda: np.random.seed(1),
    ],
}


@pytest.fixture
def as_before():
    with warnings.catch_warnings(), matplotlib.rc_context(), pd.option_context("display.max_rows", 60):
        shell = _shell()
        border, loaded = pd.get_option("display.html.border"), set(shell.extension_manager.loaded)
        context, printed, faults = decimal.getcontext().copy(), np.get_printoptions(), np.geterr()
        fonts, drawn = matplotlib.rcParams["font.sans-serif"].copy(), np.random.get_state()
        yield
        matplotlib.rcParams["font.sans-serif"][:] = fonts
        pd.plotting.deregister_matplotlib_converters()
        np.random.set_state(drawn)
        decimal.setcontext(context)
        np.set_printoptions(**printed)
        np.seterr(**faults)
        sklearn.set_config(display="diagram", enable_metadata_routing=False)
        pd.set_option("display.html.border", border)
        shell.automagic, shell.extension_manager.loaded = True, loaded
    InteractiveShell.clear_instance()


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("name", sorted(CHANGED))
def test_every_change_of_a_state_is_seen(name):
    _shell()
    for change in CHANGED[name]:
        before = looks.look(name)
        change()
        assert looks.look(name) == parts.look(name) != before


@given(st.lists(st.tuples(st.sampled_from(["append", "pop", "set", "sort", "clear", "read"]), _VALUES)))
def test_the_ground_of_a_list_holds_only_where_its_items_are_the_same(changes):
    held: list[Any] = [0, 1, 2]
    for change, value in changes:
        ground, before = Ground([held]), held.copy()
        if change == "set" and held:
            held[-1] = value
        elif change == "pop" and held:
            held.pop()
        elif change == "append":
            held.append(value)
        elif change in ("sort", "clear"):
            getattr(held, change)()
        assert not ground.holds() or held == before
        assert change != "read" or ground.holds() == NUMBERED


@pytest.mark.usefixtures("as_before")
@pytest.mark.skipif(not NUMBERED, reason="dictionaries have no number there")
@pytest.mark.parametrize("name", sorted(CHANGED.keys() - {"@random", "@numpy.random"}))  # as quickly read
def test_a_state_that_did_not_change_is_not_read_again(name):
    _shell()
    looks.look(name)
    assert looks.look(name) is looks.look(name)


def _looked_around(monkeypatch, name, *, first=True):
    """What a watch of imports is told when *name* is imported, for the *first* time or not."""
    seen: list[str] = []
    watch = LibraryImports(lambda: seen.append("begun"), lambda _: seen.append("ended"))
    importlib.import_module(name)
    if first:
        monkeypatch.delitem(sys.modules, name)
    watch.start()
    try:
        importlib.import_module(name)
    finally:
        watch.stop()
    return seen


def test_a_library_begins_and_ends_to_be_imported(monkeypatch):
    assert _looked_around(monkeypatch, "IPython.lib.clipboard") == ["begun", "ended"]


def test_to_ask_for_a_module_that_is_there_is_no_import(monkeypatch):
    assert _looked_around(monkeypatch, "IPython.lib.clipboard", first=False) == []


def test_nobody_looks_around_an_import_of_pythons_own(monkeypatch):
    assert _looked_around(monkeypatch, "wave") == []


def test_numbers_drawn_and_put_back_are_no_change():
    for before, draw, back in (
        (random.getstate(), random.gauss, random.setstate),
        (np.random.get_state(), np.random.normal, np.random.set_state),
    ):
        name = "@random" if draw is random.gauss else "@numpy.random"
        seen = looks.look(name)
        draw(0, 1)
        assert looks.look(name) != seen
        back(before)
        assert looks.look(name) == seen


def test_generators_are_read_from_memory():
    numpys = np.random.mtrand._rand
    assert generators._is_in_memory()
    assert generators._layout(type(numpys), type(numpys._bit_generator)) is not None
