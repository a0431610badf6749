"""Values cross a step boundary as the notebook would have had them."""

from __future__ import annotations

import ctypes
import os
import pickle
import sys
import tempfile
import threading
import warnings
from collections import deque

import numpy as np
import pandas as pd
import pytest

from labline_runtime.values import DamagedArtifactError, load, memory, store
from labline_runtime.values.blocks import copies_on_write
from labline_runtime.values.culprit import find_culprit


def crossed(value, folder):
    stored = store({"value": value}, folder)
    return load(stored.path, stored.digest)[0]["value"]


def test_a_big_array_is_written_out_of_band_aligned_and_loaded_writable(tmp_path):
    array = np.arange(100_000.0)
    stored = store({"a": array}, tmp_path)
    loaded = load(stored.path)[0]["a"]
    assert loaded.ctypes.data % 64 == 0
    loaded[0] = 5.0
    assert load(stored.path, stored.digest)[0]["a"][0] == 0.0
    assert stored.size < array.nbytes + 1000


def test_where_code_sees_whose_memory_an_array_has_it_is_the_arrays_own(tmp_path):
    array = np.arange(100_000.0)
    stored = store({"a": array, "b": array[10:]}, tmp_path)
    loaded = load(stored.path, stored.digest, owned=True)[0]
    assert loaded["a"].flags.owndata
    assert loaded["b"].base is loaded["a"]


@pytest.mark.parametrize("owned", [False, True])
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_big_array_keeps_the_order_of_its_axes_in_memory(axes, owned, tmp_path):
    array = np.arange(60_000.0).reshape(30, 40, 50).transpose(axes).copy("K")
    stored = store({"a": array}, tmp_path)
    loaded = load(stored.path, stored.digest, owned=owned)[0]["a"]
    np.testing.assert_array_equal(loaded, array)
    assert loaded.strides == array.strides


@pytest.mark.parametrize("code", ["x.resize(3)", "print(x.flags)", "x . base is None", "sys.getsizeof(x)"])
def test_code_that_sees_whose_memory_an_array_has_is_known(code):
    assert memory.is_seen(["import sys", code])


def test_two_frames_on_the_memory_of_one_array_see_what_is_written_into_it(tmp_path):
    array = np.zeros((3, 2))
    frames = [pd.DataFrame(array, columns=list(names), copy=False) for names in ("ab", "cd")]
    array, frames = crossed((array, frames), tmp_path)
    array[0, 0] = 9
    assert [frame.iloc[0, 0] for frame in frames] == [9, 9]


@pytest.mark.parametrize("kept", [True, False])
def test_a_frame_whose_memory_an_array_looks_at_is_copied_on_writing_while_a_series_looks_at_it_too(tmp_path, kept):
    frame = pd.DataFrame(np.zeros((3, 2)), columns=list("ab"))
    frame, array, series = crossed((frame, frame.to_numpy(), frame["a"]), tmp_path)
    series = series if kept else None
    frame.loc[0, "a"] = 9
    assert array[0, 0] == (0 if kept and copies_on_write() else 9)


def test_a_read_only_array_stays_read_only(tmp_path):
    array = np.arange(1000.0)
    array.flags.writeable = False
    assert not crossed(array, tmp_path).flags.writeable
    assert not crossed(np.broadcast_to(array, (2, len(array))), tmp_path).flags.writeable


def test_a_class_whose_module_is_imported_only_when_it_is_asked_for_is_not_stored_with_its_methods(
    tmp_path, monkeypatch
):
    monkeypatch.delitem(sys.modules, "numpy.rec", raising=False)
    stored = store({"value": np.zeros(2, "i4,f8").view(np.recarray)}, tmp_path)
    assert b"_make_skeleton_class" not in stored.path.read_bytes()


def test_objects_shared_within_an_artifact_stay_shared(tmp_path):
    shared = [1]
    stored = store({"a": shared, "b": {"inner": shared}}, tmp_path)
    values = load(stored.path)[0]
    assert values["b"]["inner"] is values["a"]


@pytest.mark.parametrize(
    "view_of",
    [
        lambda base: base[2:5],
        lambda base: base[::-1],
        lambda base: base.reshape(4, 5).T[1:, ::2],
        lambda base: base.view("int32")[3:],
        lambda base: np.ma.masked_array(base, copy=False)[3:],
        lambda base: base.view(np.recarray)[3:],
    ],
)
def test_a_write_through_a_view_is_seen_in_its_array(tmp_path, view_of):
    base = np.arange(20)
    here = {"base": base, "view": view_of(base)}
    there = load(store(here, tmp_path).path)[0]
    assert (there["view"] == here["view"]).all()
    there["view"][...] = -1
    here["view"][...] = -1
    assert (there["base"] == here["base"]).all()


@pytest.mark.parametrize(
    "view_of", [lambda base: base[2:5], lambda base: base[::-1], lambda base: base.reshape(2, 3).T[1:, ::2]]
)
def test_a_write_through_a_view_of_an_array_of_objects_is_seen_in_it(tmp_path, view_of):
    base = np.array([[1], [2], None, "a", {3}, 1.5], dtype=object)
    here, there = (base, view_of(base)), crossed((base, view_of(base)), tmp_path)
    for array, view in (here, there):
        view[...] = 9
        assert (array == 9).sum() == view.size
    assert there[0].tolist() == here[0].tolist()


def test_a_view_of_an_array_of_objects_may_be_one_of_them(tmp_path):
    base = np.array([None, None], dtype=object)
    base[0] = base[1:]
    there = crossed([base[1:], base], tmp_path)
    there[1][1] = 5
    assert (there[0].tolist(), there[1][0].tolist()) == ([5], [5])


def test_the_references_in_a_record_are_not_taken_for_an_array_of_them(tmp_path):
    records = np.array([(1, [2])], dtype=[("n", "i8"), ("held", object)])
    assert crossed((records["held"], records["held"][:]), tmp_path)[1].tolist() == [[2]]


def test_two_overlapping_views_share_memory_without_their_array(tmp_path):
    base = np.asfortranarray(np.arange(20.0).reshape(4, 5))
    there = load(store({"left": base[:, :3], "right": base[:, 2:]}, tmp_path).path)[0]
    there["left"][0, 2] = 99
    assert there["right"][0, 0] == 99


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.lib.stride_tricks.as_strided(np.arange(6.0), (4, 3), (8, 8)),
        lambda: np.lib.stride_tricks.sliding_window_view(np.arange(6.0), 3, writeable=True),
    ],
    ids=["strides", "windows"],
)
def test_a_write_through_one_element_shows_in_the_others_of_its_memory(tmp_path, make):
    here, there = make(), crossed(make(), tmp_path)
    here[0, 1] = there[0, 1] = 99
    assert (there == here).all() and (there == 99).sum() == 2


def test_views_still_share_memory_after_a_second_crossing(tmp_path):
    base = np.arange(6)
    there = load(store({"base": base, "view": base[2:4]}, tmp_path).path)[0]
    further = load(store(there, tmp_path).path)[0]
    further["base"][2] = 99
    assert further["view"].tolist() == [99, 3]


def test_views_that_do_not_overlap_leave_their_array_behind(tmp_path):
    base = np.zeros(1_000_000)
    assert store({"head": base[:5], "tail": base[-5:]}, tmp_path).size < 10_000


def test_arrays_on_the_same_memory_of_another_library_go_on_sharing_it(tmp_path):
    memory = (ctypes.c_double * 4)()
    one, two = (np.frombuffer(view, "f8") for view in (memoryview(memory), memoryview(memory)[1:3]))
    there = load(store({"one": one, "two": two}, tmp_path).path)[0]
    there["one"][1] = 5.0
    assert there["two"].tolist() == [5.0, 0.0]


@pytest.mark.parametrize(
    "value",
    [np.nan, [1.0, np.nan], {np.nan: 1}, np.array(["a", np.nan], dtype=object), pd.Series(["a", np.nan], dtype=object)],
    ids=["alone", "in a list", "as a key", "in an array", "in a series"],
)
def test_numpys_nan_is_numpys_nan(tmp_path, value):
    loaded = crossed(value, tmp_path)
    assert any(each is np.nan for each in ([loaded] if isinstance(loaded, float) else loaded))


def test_another_nan_is_another(tmp_path):
    assert crossed([float("nan")], tmp_path)[0] is not np.nan


@pytest.mark.parametrize(
    "start", [iter, lambda d: iter(d.values()), lambda d: iter(d.items()), reversed, lambda d: reversed(d.values())]
)
def test_an_iterator_over_a_dictionary_sees_what_is_replaced_in_it(tmp_path, start):
    held = {"a": 1, "b": 2, "c": 3}
    here = {"held": held, "it": start(held)}
    next(here["it"])
    there = load(store(here, tmp_path).path)[0]
    for each in (here, there):
        each["held"] |= {"a": 7, "b": 8, "c": 9}
    assert list(there["it"]) == list(here["it"])


def test_an_artifact_is_addressed_by_its_content(tmp_path):
    stored = store({"x": 1}, tmp_path)
    assert stored.path == tmp_path / stored.digest[:2] / stored.digest
    assert store({"x": 1}, tmp_path) == stored
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [stored.digest]


@pytest.mark.parametrize("links", [True, False])
def test_a_value_is_on_the_disk_with_its_name_when_it_is_stored(tmp_path, monkeypatch, links):
    synced = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.readlink(f"/proc/self/fd/{file}")) or sync(file))
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError))
    stored = store({"x": 1}, tmp_path)
    inside = [path for path in synced if path != str(tmp_path)]  # whose new subfolder is synced first
    if links:  # the content after the name, which the file had had from its link on
        assert len(inside) == 1
    else:
        assert inside[-1] == str(stored.path.parent)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [stored.digest]


@pytest.mark.parametrize("damage", [False, True])
def test_a_value_that_is_there_is_written_again_only_where_it_is_damaged(tmp_path, damage):
    stored = store({"x": 1}, tmp_path)
    first, content = stored.path.stat(), stored.path.read_bytes()
    os.utime(stored.path, (1, 1))
    if damage:
        stored.path.chmod(0o644)
        stored.path.write_bytes(content[:-1])
    assert store({"x": 1}, tmp_path) == stored
    assert stored.path.read_bytes() == content
    assert (stored.path.stat().st_ino != first.st_ino) == damage
    assert stored.path.stat().st_mtime > 1  # it is not pruned as one that nobody uses


def test_facts_travel_with_an_artifact(tmp_path):
    stored = store({"x": 1}, tmp_path, {"x": {"digest": "d"}})
    assert load(stored.path)[1] == {"x": {"digest": "d"}}


def test_nothing_is_left_of_a_value_that_cannot_be_stored(tmp_path):
    with pytest.raises(TypeError):
        store({"x": np.arange(1e5), "lock": threading.Lock()}, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "empty"])
def test_damage_is_found(tmp_path, damage):
    stored = store({"x": np.arange(1000)}, tmp_path)
    content = bytearray(stored.path.read_bytes())
    damaged = {
        "flip": bytes(content[:500]) + bytes([content[500] ^ 1]) + bytes(content[501:]),
        "cut": bytes(content[:-1]),
        "grow": bytes(content) + b"\0",
        "empty": b"",
    }[damage]
    os.chmod(stored.path, 0o644)
    stored.path.write_bytes(damaged)
    with pytest.raises(DamagedArtifactError):
        load(stored.path, stored.digest)


def test_a_file_that_is_no_artifact_is_refused_without_a_digest_too(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    with pytest.raises(DamagedArtifactError):
        load(path)


@pytest.mark.parametrize(
    "value",
    [
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.array([1, "a", None], dtype=object),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(100)[::3],
        np.float32(1.5),
        pd.Series(pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin")),
        pd.DataFrame({"a": pd.Categorical(["x", "y", "x"]), "b": [1.5, None, 2], "c": ["u", None, "w"]}),
        pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", None]),
        pd.Series([1, None, 3], dtype="Int64"),
        np.random.default_rng(3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_comes_back_with_the_same_digest(tmp_path, value):
    from labline_runtime.values import digest

    assert digest(crossed(value, tmp_path)) == digest(value)


class Holder:
    def __init__(self, **parts):
        self.__dict__.update(parts)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (threading.Lock(), "model"),
        ([1, {"k": threading.Lock()}], "model[1]['k']"),
        (Holder(callbacks=[1, 2, Holder(_thread=threading.Lock())]), "model.callbacks[2]._thread"),
        ((n for n in ()), "model"),
        (Holder(make=(lambda lock: lambda: lock)(threading.Lock())), "model.make.<lock>"),
        (Holder(callbacks=[Holder(_thread=threading.Thread())]), "model.callbacks[0]._thread"),
        (deque([1, threading.Lock()]), "model[1]"),
        (np.array([[1, threading.Lock()]], dtype=object), "model[0, 1]"),
        (pd.DataFrame({"a": [1, 2], "b": [1, threading.Lock()]}), "model['b'].iloc[1]"),
        (threading.Lock().acquire, "model.__self__"),
    ],
)
def test_the_culprit_is_the_innermost_part(value, path):
    assert find_culprit({"fine": 1, "model": value}).path == path


def test_a_culprit_inside_a_cycle_is_found():
    value = Holder(lock=threading.Lock())
    value.me = value
    assert find_culprit({"v": value}).path == "v.lock"


def test_no_part_is_to_blame_for_what_is_nested_too_deeply():
    first = value = Holder()
    for _ in range(5000):
        value.next = Holder()
        value = value.next
    assert find_culprit({"v": first}).path == "v"


def test_there_is_no_culprit_in_what_pickles():
    assert find_culprit({"v": [1, Holder()]}) is None


def test_a_function_of_the_notebook_reads_the_live_globals_of_its_step(steps):
    ran = steps.chain("k = 1\ndef f(): return k", ["f"], "k = 10\nprint(f())\nk = 20\nprint(f())")
    assert ran.printed() == "10\n20\n"


def test_a_function_ships_none_of_the_globals_it_reads(steps):
    ran = steps.chain("import threading\nlock = threading.Lock()\ndef f(): return lock", ["f"], "lock = 3\nprint(f())")
    assert ran.printed() == "3\n"


def test_closures_defaults_and_recursion_survive(steps):
    ran = steps.chain(
        "def outer(n):\n    def fact(k, scale=2):\n        return 1 if k == 0 else k * fact(k - 1)\n"
        "    return lambda: fact(n)\ng = outer(5)\nh = lambda x, *, y=[3]: x + y[0]",
        ["g h"],
        "print(g(), h(1))",
    )
    assert ran.printed() == "120 4\n"


def test_a_class_of_the_imports_cell_is_one_class_in_every_step(steps):
    imports = ("import enum\nclass A: pass\nclass Color(enum.Enum):\n    RED = 1", "imports")
    before = steps.run(imports, "a = A(); c = Color.RED", outputs=["a", "c"])
    ran = steps.run(imports, "print(isinstance(a, A), type(a) is A, c is Color.RED)", inputs=before.inputs())
    assert ran.printed() == "True True True\n"


def test_a_class_is_one_class_across_artifacts(steps):
    ran = steps.chain(
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 0\nclass Q(P): pass\n"
        "a = P(1); b = P(1); q = Q(2)",
        ["a", "b", "P", "q"],
        "print(type(a) is type(b) is P, a == b, isinstance(q, P), a)",
    )
    assert ran.printed() == "True True True P(x=1)\n"


def test_two_classes_of_one_name_stay_two(steps):
    ran = steps.chain(
        "class C: x = 1\na = C()\nclass C: x = 2\nb = C()",
        ["a", "b", "C"],
        "print(a.x, b.x, type(b) is C, type(a) is C)",
    )
    assert ran.printed() == "1 2 True False\n"


def test_class_attributes_that_a_step_changed_arrive_changed(steps):
    imports = ("class A:\n    count = 0\n    seen = []", "functions")
    before = steps.run(imports, "A.count += 1; A.seen.append('x')", outputs=["A"])
    ran = steps.run(imports, "print(A.count, A.seen)", inputs=before.inputs())
    assert ran.printed() == "1 ['x']\n"


@pytest.mark.parametrize(
    "values",
    [[1, 2], ["a", "b"], [[1], [2]], pd.Categorical(["a", "b"])],
    ids=["numbers", "strings", "lists", "categories"],
)
@pytest.mark.parametrize(
    "other",
    [
        lambda s: s[:],
        lambda s: s.rename("q"),
        lambda s: pd.Series(s, copy=False),
        lambda s: s.astype(s.dtype),
        lambda s: pd.DataFrame({"s": s})["s"],
        lambda s: pd.DataFrame(s)["s"],
        lambda s: s.copy(deep=False),
        pd.Index,
    ],
)
def test_what_may_share_memory_with_a_series_sees_of_a_later_write_what_it_sees_without_a_crossing(
    tmp_path, values, other
):
    def written(s, r):
        s.iloc[0] = values[1]
        return s.tolist(), r.tolist()

    made = [pd.Series(values, name="s") for _ in range(2)]
    (s, r), (t, q) = ((s, other(s)) for s in made)
    assert written(*crossed((s, r), tmp_path)) == written(t, q)


SERIES = "import pandas as pd\ns = pd.Series([1, 2])\n"


_UNTIED = pytest.mark.skipif(not hasattr(pd.DataFrame(), "_item_cache"), reason="pandas notes nothing of the kind")


@_UNTIED
def test_a_column_that_is_replaced_in_place_is_replaced_in_its_frame(tmp_path):
    frame = pd.DataFrame({"a": [1, 2]})
    frame, column = crossed((frame, frame["a"]), tmp_path)
    column.replace(1, "one", inplace=True)
    assert frame["a"].tolist() == ["one", 2]


@_UNTIED
def test_a_frame_goes_on_giving_the_same_column(tmp_path):
    frame = pd.DataFrame({"a": [1, 2]})
    column, frame = crossed((frame["a"], frame), tmp_path)
    assert frame["a"] is column


@_UNTIED
@pytest.mark.parametrize("together", [True, False])
def test_who_writes_into_a_piece_of_a_frame_is_warned_wherever_the_frame_is(tmp_path, together):
    frame = pd.DataFrame({"a": [1, 2, 3]})
    top = frame[frame.a > 1]
    top, *rest = crossed((top, frame) if together else (top,), tmp_path)
    with pytest.warns(pd.errors.SettingWithCopyWarning):
        top["b"] = 0
    assert len(rest) == together


@_UNTIED
def test_a_column_does_not_bring_its_frame_along(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": [threading.Lock(), None]})
    assert crossed(frame["a"], tmp_path).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("make", "write", "seen"),
    [
        ("r = s.values", "s.iloc[0] = 9", "[9, 2] [9, 2]\n"),
        ("r = np.arange(2)\ns = pd.Series(r, copy=False)", "r[0] = 9", "[9, 1] [9, 1]\n"),
    ],
)
def test_an_array_and_the_only_series_over_its_memory_see_each_others_changes(steps, make, write, seen):
    made = f"import numpy as np\n{SERIES}{make}"
    assert steps.chain(made, ["s r"], f"{write}\nprint(s.tolist(), r.tolist())").printed() == seen


def test_a_method_of_the_base_that_the_class_was_given_stays_its_own(steps):
    make = "class B:\n    def add(self): return 1\nclass C(B): pass\nC.add = B.add"
    use = "B.add = lambda self: 2\nprint(C().add(), 'add' in vars(C))"
    assert steps.chain(make, ["B C"], use).printed() == "1 True\n"


ONCE = """
class Once:
    known = {}
    made = []
    def __new__(cls, key):
        if key not in cls.known:
            cls.known[key] = super().__new__(cls)
            cls.made.append(key)
        return cls.known[key]
one = Once(1)
kinds = [Once]
"""


def test_what_a_class_keeps_is_what_comes_from_the_last_step_that_hands_it_on(steps):
    first = steps.run(ONCE, outputs=["kinds", "Once one"])
    last = steps.run("pass", inputs=first.inputs("Once", "one"), outputs=["Once one"], step="last")
    used = "print(one is Once.known[1], one is kinds[0].known[1], Once(1) is one, Once.made)"
    ran = steps.run(used, inputs=[*first.inputs("kinds"), *last.inputs()])
    assert ran.printed() == "True True True [1]\n"


def test_a_class_stays_registered_with_abstract_classes_of_python(steps):
    make = "import numbers\nclass N: pass\nn = N()\nnumbers.Number.register(N)"
    use = "import numbers\nprint(isinstance(n, numbers.Number), isinstance(n, numbers.Real))"
    assert steps.chain(make, ["n"], use).printed() == "True False\n"


@pytest.mark.parametrize(("asked", "seen"), [(True, "['Z', 'A']"), (False, "[]")])
def test_a_class_brings_its_subclasses_where_somebody_asks_for_them(steps, asked, seen):
    made = steps.run("class B: pass\nclass Z(B): pass\nclass A(B): pass\na = A()", outputs=["B"], subclasses=asked)
    ran = steps.run("import gc; gc.collect()\nprint([k.__name__ for k in B.__subclasses__()])", inputs=made.inputs())
    assert ran.printed() == f"{seen}\n"


def test_what_a_class_of_the_imports_cell_keeps_is_what_comes_with_it(steps):
    first = steps.run((ONCE.replace("one = Once(1)", ""), "functions"), "one = Once(1)", outputs=["kinds", "Once one"])
    used = "print(one is Once.known[1], one is kinds[0].known[1], Once(1) is one)"
    ran = steps.run((ONCE.replace("one = Once(1)", ""), "functions"), used, inputs=first.inputs())
    assert ran.printed() == "True True True\n"


@pytest.mark.parametrize(
    ("base", "own", "seen"),
    [
        ("def __hash__(self): return 1", "__hash__ = object.__hash__", "True"),
        ("__hash__ = object.__hash__", "__hash__ = Base.__hash__", "True"),
        ("def __eq__(self, other): return True", "def __eq__(self, other): return False", "True"),  # both without hash
        ("pass", "pass", "False"),
    ],
)
def test_a_class_goes_on_having_what_it_names_though_it_inherits_it(steps, base, own, seen):
    make = f"class Base:\n    {base}\nclass Sub(Base):\n    {own}\nhad = Sub.__hash__"
    use = "print('__hash__' in vars(Sub), Sub.__hash__ is had)"
    assert steps.chain(make, ["Base Sub had"], use).printed() == f"{seen} True\n"


def test_loading_leaves_an_unchanged_class_alone(steps):
    imports = ("class A:\n    seen = []\nseen = A.seen", "functions")
    before = steps.run(imports, "a = A()", outputs=["a"])
    assert steps.run(imports, "print(A.seen is seen)", inputs=before.inputs()).printed() == "True\n"


def test_loading_does_not_tell_a_registry_of_a_class_twice(steps):
    imports = (
        "class Base:\n    known = []\n    def __init_subclass__(cls): Base.known.append(cls)\nclass A(Base): pass",
        "functions",
    )
    before = steps.run(imports, "a = A()", outputs=["a"])
    assert steps.run(imports, "print(Base.known == [type(a)])", inputs=before.inputs()).printed() == "True\n"


_HOOKED = {
    "of a base": "class Base:\n    def __init_subclass__(cls, *, key, **rest):\n"
    "        super().__init_subclass__(**rest)\n        made.append(key)\nclass A(Base, key=1): pass",
    "of a metaclass": "class Meta(type):\n    def __new__(mcs, name, bases, own):\n"
    "        made.append(name)\n        return super().__new__(mcs, name, bases, own)\n"
    "    def __init__(cls, *given):\n        made.append(len(given))\n        super().__init__(*given)\n"
    "    @classmethod\n    def __prepare__(mcs, *given):\n        made.append('prepare')\n        return {}\n"
    "    def __setattr__(cls, name, value):\n        made.append(name)\n        type.__setattr__(cls, name, value)\n"
    "class A(metaclass=Meta):\n    x = 1",
    "of an abstract one": "import abc\nclass Meta(abc.ABCMeta):\n    def __new__(mcs, *given, **words):\n"
    "        made.append(mcs)\n        return super().__new__(mcs, *given, **words)\n"
    "class A(metaclass=Meta):\n    def f(self): return isinstance(1, A)\nA.register(int)\nA().f()",
    "of an enumeration": "import enum\nclass Base(enum.Enum):\n    def __init_subclass__(cls, **rest):\n"
    "        made.append(cls.__name__)\nclass A(Base):\n    one = 1",
}


@pytest.mark.parametrize("define", _HOOKED.values(), ids=_HOOKED)
def test_what_the_notebook_runs_to_make_a_class_runs_once(steps, define):
    seen = "\nprint(made, type(A), A.__mro__, isinstance(1, A), sorted(vars(A)))"
    ran = steps.chain(f"made = []\n{define}", ["A made"], seen)
    assert ran.printed() == steps.run(f"made = []\n{define}", seen).printed()


def test_what_the_notebook_runs_to_make_a_class_runs_for_the_next_one(steps):
    define = "class Base:\n    known = []\n    def __init_subclass__(cls): Base.known.append(cls)\nclass A(Base): pass"
    more = "class B(Base): pass\nprint(Base.known == [A, B], [each.__name__ for each in Base.__subclasses__()])"
    assert steps.chain(define, ["A Base"], more).printed() == "True ['A', 'B']\n"


def test_cached_functions_and_properties_cross(steps):
    ran = steps.chain(
        "import functools\n@functools.lru_cache(maxsize=3)\ndef f(n): return n * k\n"
        "class A:\n    @functools.cached_property\n    def x(self): return 6\na = A()",
        ["f", "a"],
        "k = 7\nprint(f(1), f.cache_parameters()['maxsize'], a.x)",
    )
    assert ran.printed() == "7 3 6\n"


@pytest.mark.parametrize("maxsize", [None, 2])
@pytest.mark.parametrize("typed", [True, False])
def test_what_a_cached_function_remembers_crosses(steps, maxsize, typed):
    calls = "f(1); f(1.0); f('a', k=2); f(k=3, j=4); f('a', k=2)\n"
    define = (
        f"import functools\ndone = []\n@functools.lru_cache({maxsize}, {typed})\n"
        "def f(*a, **k):\n    done.append((a, k))\n    return [a, k]\n"
    )
    show = f"{calls}print(done, f.cache_info())"
    assert steps.chain(define + calls, ["f done"], show).printed() == steps.run(define + calls + show).printed()


def test_a_cache_that_cannot_be_stored_is_begun_anew(steps):
    first = "import functools, sqlite3\n@functools.cache\ndef connect(): return sqlite3.connect(':memory:')\nconnect()"
    assert (
        steps.chain(first, ["connect"], "import sqlite3\nconnect()\nprint(connect.cache_info().misses)").printed()
        == "1\n"
    )


def test_a_captured_output_has_a_digest(steps):
    ran = steps.run("%%capture shown\nprint('hi')", "first = shown", outputs=["shown"])
    assert ran.result.artifacts[0].values[0].digest


def test_a_steps_stream_is_that_of_the_next_step_whatever_stands_in_its_place(steps):
    first = "import io, sys\nkept = sys.stdout\nsys.stdout = io.StringIO()"
    assert steps.chain(first, ["kept"], "n = kept.write('seen\\n')").printed() == "seen\n"


def test_a_class_keeps_its_full_name(steps):
    first = "def make():\n    class A:\n        class B: pass\n    return A.B()\nb = make()"
    show = "print(type(b).__qualname__)"
    assert steps.chain(first, ["b"], show).printed() == "make.<locals>.A.B\n"


def test_super_and_properties_work_after_crossing(steps):
    ran = steps.chain(
        "class A:\n    def __init__(self, n): self._n = n\n    @property\n    def n(self): return self._n\n"
        "class B(A):\n    def __init__(self): super().__init__(4)\nb = B()",
        ["b B"],
        "print(b.n, B().n)",
    )
    assert ran.printed() == "4 4\n"


def test_a_module_brings_its_imported_submodules(steps):
    first = steps.run("import xml.dom.minidom", outputs=["xml"])
    second = steps.run("x = 1", inputs=first.inputs(), outputs=["xml"])
    ran = steps.run("print(xml.dom.minidom.__name__)", inputs=second.inputs())
    assert ran.printed() == "xml.dom.minidom\n"


def test_a_closure_of_a_local_module_reads_that_modules_globals(steps):
    (steps.folder / "helper.py").write_text(
        "import threading\nlock = threading.Lock()\ndef make():\n    return lambda: lock\n"
    )
    ran = steps.chain("import helper\nf = helper.make()", ["f"], "import helper\nprint(f() is helper.lock)")
    assert ran.printed() == "True\n"


def test_frames_and_models_cross(steps):
    ran = steps.chain(
        "import pandas as pd\nfrom sklearn.linear_model import LinearRegression\n"
        "df = pd.DataFrame({'x': [1., 2.], 'n': ['a', None]}); df.attrs['k'] = 1\n"
        "m = LinearRegression().fit(df[['x']], [2, 4])",
        ["df", "m"],
        "df.loc[0, 'x'] = 3\nprint(df.x.tolist(), df.attrs, round(m.predict(df[['x']])[0]))",
    )
    assert ran.printed() == "[3.0, 2.0] {'k': 1} 6\n"


@pytest.mark.parametrize("kept", [lambda: os.environ, lambda: sys.path, lambda: warnings.filters])
def test_what_everybody_goes_by_arrives_as_itself(tmp_path, kept):
    assert crossed(kept(), tmp_path) is kept()


def test_options_of_pandas_arrive_as_those_that_pandas_goes_by(tmp_path):
    display = crossed(pd.options.display, tmp_path)
    with pd.option_context("display.max_rows", 7):
        assert display.max_rows == 7


def test_a_file_open_to_be_changed_is_refused(tmp_path):
    with (tmp_path / "x").open("w+") as file, pytest.raises(pickle.PicklingError):
        store({"value": file}, tmp_path)


def test_a_temporary_folder_is_refused(tmp_path):
    folder = tempfile.TemporaryDirectory(dir=tmp_path)
    with pytest.raises(pickle.PicklingError):
        store({"value": folder}, tmp_path)
    folder.cleanup()
