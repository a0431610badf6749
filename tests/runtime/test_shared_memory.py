"""What looks at one memory before a step boundary looks at one memory behind it."""

from __future__ import annotations

import array as arrays
import ctypes
import threading

import numpy as np
import pandas as pd
import pytest

from labline_runtime.values import load, memory, store
from labline_runtime.values.blocks import copies_on_write
from tests.runtime.crossing import crossed


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


_COPYING = pytest.mark.skipif(not copies_on_write(), reason="both change in the notebook, too")


@_COPYING
@pytest.mark.parametrize("look", [lambda s: s.to_numpy(), iter], ids=["array", "iterator"])
@pytest.mark.parametrize("lives", [True, False])
def test_an_array_of_a_column_whose_frame_stays_behind_keeps_what_the_frame_has(tmp_path, look, lives):
    def made():
        frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
        return frame if lives else None, frame["a"], look(frame["a"])

    def written(column, values):
        column.iloc[1] = 9.0
        return list(values)

    _frame, column, values = made()
    expected = made()
    assert written(*crossed((column, values), tmp_path)) == written(*expected[1:])


@_COPYING
def test_a_column_and_its_iterator_go_on_apart_once_the_column_is_written(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    frame, column, iterator = crossed((frame, column := frame["a"], iter(column)), tmp_path)
    column.iloc[0] = 8.0
    frame.loc[1, "a"] = 9.0
    assert list(iterator) == [1.0, 9.0]


def test_an_array_of_the_memory_of_one_of_pythons_own_goes_on_looking_at_it(tmp_path):
    own = arrays.array("d", [1.0, 2.0, 3.0])
    own, look, part = crossed((own, np.frombuffer(own), np.asarray(own)[1:]), tmp_path)
    look[0], own[1], part[1] = 9.0, 8.0, 7.0
    assert own.tolist() == look.tolist() == [9.0, 8.0, 7.0]
