"""Equal values have equal digests, different values different ones."""

from __future__ import annotations

import copy
import enum
import functools
import importlib
import io
import itertools
import json
import pickle
import sys
import types
import weakref
from typing import Any

import matplotlib.colors
import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labline_runtime.states import patches
from labline_runtime.values import load, own, store
from labline_runtime.values.digest import DigestError, digest

ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(), st.binary(max_size=20)
)
HASHABLE = st.one_of(ATOMS, st.tuples(ATOMS, ATOMS))
VALUES = st.recursive(
    st.one_of(ATOMS, st.frozensets(st.integers() | st.text()), st.lists(st.floats()), st.lists(st.text())),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(HASHABLE, inner), st.sets(st.integers() | st.text())
    ),
    max_leaves=20,
)


def uninterned(value):
    """The same value built anew: no part is shared with another, no string interned."""
    kind = type(value)
    if kind is str:
        return "".join(list(value)) if len(value) < 2 else value[:1] + value[1:]
    if kind is bytes:
        return bytes(bytearray(value))
    if kind in (list, tuple):
        return kind([uninterned(item) for item in value])
    if kind in (set, frozenset):
        return kind(sorted((uninterned(item) for item in value), key=repr, reverse=True))
    if kind is dict:
        return {uninterned(key): uninterned(item) for key, item in value.items()}
    return value


@given(VALUES)
def test_a_value_built_anew_has_the_same_digest(value):
    assert digest(uninterned(value)) == digest(value)


@given(VALUES)
def test_a_value_that_was_pickled_has_the_same_digest(value):
    assert digest(pickle.loads(pickle.dumps(value, protocol=5))) == digest(value)


@given(st.lists(ATOMS, min_size=1), st.data())
def test_changing_one_item_changes_the_digest(items, data):
    place = data.draw(st.integers(0, len(items) - 1))
    other = data.draw(ATOMS.filter(lambda atom: repr(atom) != repr(items[place])))
    changed = [*items[:place], other, *items[place + 1 :]]
    assert digest(changed) != digest(items)


@given(hnp.arrays(hnp.scalar_dtypes() | hnp.unicode_string_dtypes(), hnp.array_shapes(max_side=6)))
def test_an_array_has_one_digest_however_it_lies_in_memory(array):
    expected = digest(array)
    assert digest(np.asfortranarray(array)) == expected
    wide = np.empty((*array.shape[:-1], array.shape[-1] * 2), array.dtype)
    wide[..., ::2] = array
    assert digest(wide[..., ::2]) == expected
    assert digest(pickle.loads(pickle.dumps(array, protocol=5))) == expected


@given(hnp.arrays(np.float64, st.integers(1, 20), elements=st.floats(allow_nan=False)), st.data())
def test_changing_one_element_changes_the_digest(array, data):
    place = data.draw(st.integers(0, len(array) - 1))
    changed = array.copy()
    changed[place] = np.nextafter(changed[place], 0.0) if changed[place] else 0.5
    assert digest(changed) != digest(array)


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(), st.none() | st.text(alphabet="aé😀 "))))
def test_a_frame_has_one_digest_whatever_its_blocks(rows):
    columns = {name: [row[place] for row in rows] for place, name in enumerate("ifs")}
    whole = pd.DataFrame(columns)
    grown = pd.DataFrame({"i": whole["i"]})
    for name in "fs":
        grown[name] = whole[name]
    halves = pd.concat([whole.iloc[:2], whole.iloc[2:]]) if len(rows) > 2 else whole.copy()
    assert digest(grown) == digest(whole)
    assert digest(halves.set_axis(whole.index)) == digest(whole)
    assert digest(pickle.loads(pickle.dumps(whole))) == digest(whole)


DIFFERENT = [
    (1, True),
    (1, 1.0),
    (0.0, -0.0),
    ("a", b"a"),
    ([1, 2], (1, 2)),
    ([1, [2]], [[1], 2]),
    (["ab", "c"], ["a", "bc"]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({1}, frozenset({1})),
    (np.array([1, 2]), np.array([1, 2], dtype=np.int32)),
    (np.array([1, 2]), np.array([[1, 2]])),
    (np.array([0.0]), np.array([-0.0])),
    (np.float64(1), 1.0),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}, index=["x"])),
    (pd.Series(["a", None]), pd.Series(["a", ""])),
    (pd.Series(["ab", "c"]), pd.Series(["a", "bc"])),
    (pd.Series([1, None], dtype="Int64"), pd.Series([1, 0], dtype="Int64")),
    (pd.Categorical(["a"], ["a", "b"]), pd.Categorical(["a"], ["a"])),
    (pd.Series(pd.to_datetime(["2024-01-01"])), pd.Series(pd.to_datetime(["2024-01-01"]).tz_localize("UTC"))),
    (lambda x: x + 1, lambda x: x + 2),
    (lambda x=1: x, lambda x=2: x),
    (functools.partial(print, 1), functools.partial(print, 2)),
    (len, sum),
    ([].append, "".join),
    (np.random.default_rng(1), np.random.default_rng(2)),
]


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_what_differs_has_different_digests(first, second):
    assert digest(first) != digest(second)


def test_every_nan_is_the_same_nan():
    other = np.frombuffer(np.array([0x7FF8000000000001], dtype=np.uint64).tobytes(), dtype=np.float64)
    assert digest(other.copy()) == digest(np.array([np.nan]))
    assert digest(float(other[0])) == digest(float("nan"))
    assert digest([1.0, float(other[0])]) == digest([1.0, -float("nan")])


def test_byte_order_is_layout():
    for letter in ("f8", "i4", "U3", "c16", "M8[D]"):
        plain = np.array([1, 0]).astype(letter)
        assert digest(plain.astype(plain.dtype.newbyteorder(">"))) == digest(plain)


def test_sharing_does_not_count():
    part = [1, 2]
    assert digest([part, part]) == digest([[1, 2], [1, 2]])


def test_much_sharing_is_walked_once():
    value = [1]
    for _ in range(200):
        value = [value, value]
    assert digest(value) == digest(copy.deepcopy(value))


def test_a_value_that_contains_itself_has_a_digest():
    def ring(n):
        value = [n]
        value.append({"me": value})
        return value

    assert digest(ring(1)) == digest(ring(1)) != digest(ring(2))


def test_the_order_of_attributes_does_not_count():
    class Point:
        pass

    first, second = Point(), Point()
    first.x, first.y = 1, 2
    second.y, second.x = 2, 1
    assert digest(first) == digest(second)


def test_an_attribute_counts():
    class Point:
        pass

    first, second = Point(), Point()
    first.x, second.x = 1, 2
    assert digest(first) != digest(second)


def compiled(source, name="f", file="<Cell 1>"):
    namespace = {"__name__": "__main__"}
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


def test_a_function_is_its_code_not_its_place():
    first = compiled("def f(a):\n    return a + 1")
    assert digest(compiled("\n\n# moved\ndef f(a):\n    return a + 1", file="<Cell 9>")) == digest(first)
    assert digest(compiled("def f(a):\n    return a + 2")) != digest(first)


def test_a_closure_counts():
    source = "def make(n):\n    def f(): return n\n    return f\nf = make({})"
    assert digest(compiled(source.format(1))) != digest(compiled(source.format(2)))


def test_a_class_of_the_notebook_is_what_its_body_holds():
    source = "class f:\n    x = {}\n    def m(self): return {}"
    first = compiled(source.format(1, 1))
    assert digest(compiled(source.format(1, 1))) == digest(first)
    assert digest(compiled(source.format(2, 1))) != digest(first)
    assert digest(compiled(source.format(1, 2))) != digest(first)


def test_a_frame_keeps_its_digest_when_it_is_used():
    frame = pd.DataFrame({"k": ["a", "b", "a"], "v": [1.0, 2.0, 3.0]})
    before = digest(frame)
    frame.groupby("k").v.mean()
    frame.loc[1]
    frame.index.get_loc(1)
    assert frame.columns.is_unique
    repr(frame)
    assert digest(frame) == before


def test_a_partial_keeps_its_digest_when_its_attributes_are_looked_at():
    double = functools.partial(int, base=2)
    before = digest(double)
    assert vars(double) == {}
    assert digest(double) == before
    double.note = "an attribute counts"
    assert digest(double) != before


@pytest.mark.parametrize("make", [lambda: io.StringIO("text"), lambda: functools.partial(len, "text")])
def test_attributes_that_were_asked_for_and_are_not_there_do_not_count(make):
    asked = make()
    assert vars(asked) == {}
    assert digest(asked) == digest(make())


@pytest.mark.parametrize("content", [[1], (1,), "a", itertools.chain([1])])
def test_an_iterator_that_is_used_up_has_the_digest_of_its_copy(content):
    used = iter(content)
    list(used)
    assert digest(pickle.loads(pickle.dumps(used))) == digest(used) != digest(iter([2]))


def test_a_view_of_a_dict_has_the_digest_of_what_it_looks_at():
    assert digest({"a": 1}.keys()) == digest({"a": 1}.keys()) != digest({"b": 1}.keys())
    assert digest({"a": 1}.values()) != digest({"a": 1}.items())


def test_arrow_strings_have_one_digest_whatever_their_chunks():
    pa = pytest.importorskip("pyarrow")
    texts = ["aé", None, "", "bcd", "e"]
    plain = pd.Series(pd.array(texts, dtype="string[pyarrow]"))
    chunked = pa.chunked_array([pa.array(["x", *texts[:2]])[1:], pa.array(texts[2:])])
    assert digest(pd.Series(pd.arrays.ArrowStringArray(chunked))) == digest(plain)


def test_structured_padding_does_not_count():
    kind = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    first, second = np.zeros(2, kind), np.frombuffer(b"\xff" * 32, kind).copy()
    second["a"], second["b"] = 0, 0
    assert digest(first) == digest(second)


@pytest.mark.parametrize("value", [(n for n in ()), sys._getframe()], ids=["generator", "frame"])
def test_what_has_no_content_has_no_digest(value):
    with pytest.raises(DigestError):
        digest(value)


def test_an_open_file_has_no_digest(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(DigestError):
        digest(file)


def test_a_text_file_open_for_reading_is_opened_again_at_its_place(tmp_path):
    (tmp_path / "file").write_text("é\nb\nc\n", "utf-8")
    with (tmp_path / "file").open(encoding="utf-8") as file:
        file.readline()
        kept = store({"file": file}, str(tmp_path))
        copied = load(str(kept.path), kept.digest)[0]["file"]
        with copied:
            assert (copied.name, digest(copied)) == (file.name, digest(file))
            assert copied.read() == file.read() == "b\nc\n"


def test_where_the_file_is_gone_its_text_is_there_at_the_same_place(tmp_path):
    (tmp_path / "file").write_text("é\nb\n", "utf-8")
    with (tmp_path / "file").open(encoding="utf-8") as file:
        file.readline()
        kept = store({"file": file}, str(tmp_path))
    (tmp_path / "file").unlink()
    assert load(str(kept.path), kept.digest)[0]["file"].read() == "b\n"


@pytest.mark.parametrize("mode", ["w", "x", "wb", "ab"])
def test_a_closed_file_crosses_as_one(tmp_path, mode):
    with (tmp_path / "file").open(mode) as file:
        pass
    kept = store({"file": file}, str(tmp_path))
    copied = load(str(kept.path), kept.digest)[0]["file"]
    assert copied.closed
    assert copied.name == file.name
    assert digest(copied) == digest(file)


def test_what_is_nested_too_deeply_is_said():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(DigestError, match="nested too deeply"):
        digest(value)
    while value:  # freed by hand: the interpreter would recurse
        value = value[0]


def test_a_dense_net_of_references_has_no_digest_rather_than_taking_for_ever():
    nodes = [[] for _ in range(25)]
    for node in nodes:
        node.extend(nodes)
    with pytest.raises(DigestError, match="refer to each other"):
        digest(nodes)


def test_figures_are_equal_when_they_look_alike():
    figure = pytest.importorskip("matplotlib.figure")

    def drawn(*values):
        made = figure.Figure(figsize=(1, 1))
        return made, made.subplots().plot(values)[0]

    (first, line), (second, same), (other, _) = drawn(1, 2), drawn(1, 2), drawn(2, 1)
    assert digest(first) == digest(second) != digest(other)
    assert digest(line) == digest(same)
    assert digest(first.axes[0]) != digest(line)


def test_a_class_of_pydantic_is_what_its_body_holds():
    def made(default):
        class Point(pydantic.BaseModel):
            x: int = default

        return Point

    assert digest(made(1)) == digest(made(1)) != digest(made(2))


def test_a_class_of_pydantic_with_a_validator_is_no_other_each_time_that_it_is_made():
    def made():
        class Point(pydantic.BaseModel):
            x: int = 0

            @pydantic.field_validator("x")
            @classmethod
            def positive(cls, value):
                return abs(value)

        return Point

    first, second = made(), made()  # both are there, so at different addresses
    assert digest(first) == digest(second)
    assert digest(first(x=1)) == digest(second(x=1)) != digest(second(x=2))


def test_the_seconds_that_a_search_took_are_no_content_and_its_scores_are():
    search = pytest.importorskip("sklearn.model_selection").GridSearchCV
    linear = pytest.importorskip("sklearn.linear_model")

    def fitted(alphas):
        return search(linear.Ridge(), {"alpha": alphas}, cv=2).fit(np.arange(12.0).reshape(6, 2), np.arange(6.0) ** 2)

    first, second, other = fitted([1, 9]), fitted([1, 9]), fitted([1, 9])
    second.refit_time_ += 1
    second.cv_results_["mean_fit_time"] += 1
    other.cv_results_["mean_test_score"] += 1
    assert digest(first) == digest(second) != digest(other)


def test_pickling_leaves_the_digest_of_a_colour_scale():
    scale = matplotlib.colors.Normalize(0, 1)
    before = digest(scale)
    pickle.dumps(scale)
    assert digest(scale) == before


def test_an_accessor_that_a_series_keeps_is_no_content() -> None:
    series = pd.Series(["a", "b"])
    before = digest(series)
    object.__setattr__(series, "str", series.str)  # as pandas 2 does
    assert digest(series) == before


def test_the_order_of_a_weak_set_does_not_count():
    parts = [Part(number) for number in range(20)]
    others = [Part(number) for number in reversed(range(20))]
    assert digest(weakref.WeakSet(parts)) == digest(weakref.WeakSet(others))


class Part:
    def __init__(self, number):
        self.number = number


def test_an_instance_of_a_class_that_is_of_no_module_has_a_digest():
    nowhere = type("Nowhere", (), {"__module__": None})
    one, other = nowhere(), nowhere()
    one.x, other.x = 1, 2
    assert digest(one) != digest(other)


def test_combinations_of_flags_that_were_asked_for_are_no_content_of_their_class():
    class Right(enum.Flag):
        READ = enum.auto()
        WRITE = enum.auto()

    before = digest(Right)
    assert digest(Right.READ | Right.WRITE) != digest(Right.READ)
    assert digest(Right) == before


def test_that_pickle_imports_the_module_of_a_library_s_class_leaves_its_digest(monkeypatch):
    monkeypatch.delitem(sys.modules, "numpy.rec", raising=False)
    records = np.zeros(1, dtype=[("n", "i4")]).view(np.recarray)
    before = digest(records)
    importlib.import_module("numpy.rec")
    assert digest(records) == before


def test_what_a_library_defines_is_the_same_while_something_else_stands_in_its_place(monkeypatch):
    original = json.dumps
    before = digest(original)
    monkeypatch.setattr(json, "dumps", lambda value: "mine")
    patches.note_exchange("@patch:json.dumps")
    assert digest(original) == before


def test_what_a_function_of_a_library_remembers_is_not_its_own():
    import fnmatch

    before = digest(fnmatch._compile_pattern)
    fnmatch.fnmatch("a", "no other test asks for this")
    assert digest(fnmatch._compile_pattern) == before


def test_a_cache_around_what_has_no_name_has_a_digest():
    assert digest(functools.lru_cache(functools.partial(max, 1))) == digest(
        functools.lru_cache(functools.partial(max, 1))
    )


def test_a_function_that_a_library_compiles_with_numba_crosses_as_the_librarys(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type("CPUDispatcher", (), {"__module__": "numba.core.registry"})
    held, copy = kind(), kind()
    module = types.ModuleType("compiling")
    module.identity = held  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "compiling", module)
    for each in (held, copy):
        each.__dict__.update(__module__="compiling", __qualname__="identity")
    assert own.place_of(held) == ("compiling", "identity")
    assert own.place_of(copy) is None


class HandingItsAttributesOver:
    """As classes of some libraries do, to the function that makes them anew."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def __reduce__(self) -> Any:
        return dict, (dict(vars(self)),)


def test_attributes_have_no_order_where_an_object_is_made_of_them() -> None:
    one, same, other = (
        HandingItsAttributesOver(**attributes) for attributes in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 2, "b": 1})
    )
    assert digest(one) == digest(same) != digest(other)
