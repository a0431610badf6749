"""Objects that artifacts share though they were believed apart: found, followed, and told where it matters."""

from __future__ import annotations

import enum
import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from labline_runtime.values.blocks import copies_on_write
from labline_runtime.values.reach import Reach

from .handover import Handover, shared


@pytest.fixture
def handover(tmp_path: Path) -> Handover:
    return Handover(tmp_path)


# ------------------------------------------------------------------------------------------------------------- found


def test_a_list_in_an_object_and_in_a_list_is_told_by_both_paths():
    history = [1]
    model = type("Model", (), {"__module__": "__main__"})()
    model.history = history
    assert shared([{"model": model}, {"rows": [0, 0, 0, history]}]) == {
        "model.history = rows[3]",
        "rows[3] = model.history",
    }


def test_only_the_outermost_shared_object_is_told():
    inner = {"k": [1, [2]]}
    assert shared([{"a": inner}, {"b": (inner,)}]) == {"a = b[0]", "b[0] = a"}


def test_what_an_output_keeps_of_an_input_is_told():
    y = [1]
    assert shared([{"x": [y]}], inputs=[{"y": y}]) == {"x[0] = y"}


def test_views_of_one_array_share_its_memory():
    base = np.arange(6)
    assert shared([{"base": base}, {"view": base[2:4]}]) == {"base = view", "view = base"}


def test_a_row_of_records_shares_the_memory_of_its_array():
    records = np.zeros(2, dtype=[("n", int), ("x", float)])
    assert shared([{"records": records}, {"rows": [records[1]]}]) == {"records = rows[0]", "rows[0] = records"}


def test_an_estimator_that_keeps_its_training_data_shares_it():
    data = np.arange(8.0).reshape(4, 2)
    model = KNeighborsClassifier(1).fit(data, [0, 1, 0, 1])
    assert "model._fit_X = data" in shared([{"data": data}, {"model": model}])


def test_a_closure_shares_its_variables():
    def make():
        seen = []
        return functools.partial(lambda: seen.append(1)), lambda: seen

    add, look = make()
    assert shared([{"add": add}, {"look": look}]) == {"add.func.<seen> = look.<seen>", "look.<seen> = add.func.<seen>"}


@pytest.mark.parametrize("cut", [lambda a: (a[:2], a[2:]), lambda a: (a[:, 0], a[:, 1]), lambda a: (a[0], a[1:].T)])
def test_neighbours_in_one_array_share_nothing(cut):
    one, two = cut(np.arange(8.0).reshape(4, 2))
    assert shared([{"one": one}, {"two": two}]) == set()


class Colour(enum.Enum):
    RED = 1


FRAME = pd.DataFrame({"a": [1.0, 2.0]}, index=pd.Index(["x", "y"]))
HARMLESS = {
    "atoms": ("a" * 50, b"b"),
    "tuples of atoms": ((1, 2), "x"),
    "classes": (Colour, pd.DataFrame),
    "enum members": (Colour.RED, 1),
    "modules": (np, pd),
    "library functions": (np.sin, pd.read_csv),
    "dtypes": (np.dtype("f8"), pd.CategoricalDtype()),
    "the global generator": (np.random.mtrand._rand, 1),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_sharing_what_is_never_altered_is_nothing_to_tell(case):
    one, two = HARMLESS[case]
    assert shared([{"one": [one, two]}, {"two": {"k": one, "l": two}}]) == set()


def test_rows_of_a_frame_reach_nothing_that_may_be_altered_in_both():
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4, 5, 6], "c": list("xyz")})
    assert Reach(frame).ids.isdisjoint(Reach(frame[frame.a > 1]).ids)


def test_frames_computed_from_one_another_share_their_index():
    assert shared([{"frame": FRAME}, {"big": FRAME > 1}]) == {
        *("frame.index = big.index", "big.index = frame.index"),
        *("frame.columns = big.columns", "big.columns = frame.columns"),
    }


@pytest.mark.parametrize("copied", [lambda frame: frame.copy(), lambda frame: frame.assign(k=1)])
def test_a_frame_and_its_copy_share_what_is_in_their_cells(copied):
    frame = pd.DataFrame({"k": [1], "tags": [["a"]]})
    found = shared([{"frame": frame}, {"other": copied(frame)}])
    assert found == {"frame['tags'][0] = other['tags'][0]", "other['tags'][0] = frame['tags'][0]"}


@pytest.mark.skipif(not copies_on_write(), reason="frames share memory")
def test_frames_that_copy_on_write_share_nothing():
    assert shared([{"frame": FRAME}, {"top": FRAME.head()}]) == set()


# ------------------------------------------------------------------------------------------- altered where it matters

LISTS = ("y = [1]\nx = [y, [0]]", ("x", "y"))


def test_altering_a_shared_object_fails_the_step_and_names_both(handover):
    x, _ = handover.make(*LISTS)
    error = handover.error("x[0].append(2)", [x], before=("y",))
    assert error is not None
    assert (error.code, error.variable, error.culprit) == ("LL220", "x", "x[0]")
    assert "altered x[0], which in the notebook is the same object as y from step before" in error.message


@pytest.mark.parametrize(
    ("code", "passing"),
    [
        ("x[0].append(2)", ()),  # nobody looks at y any more
        ("x[1].append(2)", ("y",)),  # another part of x
        ("x[0] = [5]", ("y",)),  # the shared list itself stays as it is
        ("x[0].append(2); x[0].pop()", ("y",)),
    ],
)
def test_what_no_later_step_can_see_is_no_alarm(handover, code, passing):
    x, _ = handover.make(*LISTS)
    assert handover.error(code, [x], before=passing) is None


def test_a_change_that_nobody_misses_yet_is_told_in_the_result(handover):
    x, _ = handover.make(*LISTS)
    assert handover.error("x[0].append(2)", [x]) is None
    assert handover.outdated == ("y",)


def test_a_step_that_takes_both_sees_the_change_itself(handover):
    error = handover.error("x[0].append(2)", handover.make(*LISTS))
    assert error is not None
    assert error.code == "LL220"


def test_sharing_is_followed_through_steps_in_between(handover):
    x, _ = handover.make(*LISTS)
    (z,) = handover.make("z = {'k': x[0]}", ["z"], step="between", takes=[x])
    error = handover.error("z['k'].append(2)", [z], before=("y",))
    assert error is not None
    assert error.culprit == "z['k']"


def test_an_input_put_into_another_is_followed(handover):
    taken = handover.make("x = []\ny = [1]", ["x", "y"])
    (x,) = handover.make("x.append(y)", ["x"], step="between", takes=taken)
    error = handover.error("x[0].append(2)", [x], before=("y",))
    assert error is not None
    assert error.variable == "x"


def test_altering_an_input_that_another_step_has_kept_fails(handover):
    (x,) = handover.make("x = [1]", ["x"])
    handover.make("y = {'k': x}", ["y"], step="keeper", takes=[x])
    error = handover.error("x.append(2)", [x], keeper=("y",))
    assert error is not None
    assert "altered x, which in the notebook is the same object as y['k'] from step keeper" in error.message


ARRAYS = ("import numpy as np\nbase = np.arange(12.).reshape(4, 3)\nview = base[2:]", ("base", "view"))


def test_writing_where_a_view_looks_fails(handover):
    base, _ = handover.make(*ARRAYS)
    error = handover.error("base[3, 0] = -1", [base], before=("view",))
    assert error is not None
    assert "looks at the same memory as view" in error.message


def test_writing_where_no_view_looks_is_no_alarm(handover):
    base, _ = handover.make(*ARRAYS)
    assert handover.error("base[0, 0] = -1", [base], before=("view",)) is None


INDEX = ("import pandas as pd\ndf = pd.DataFrame({'a': [1., 3.]})\nbig = df > 2", ("df", "big"))


def test_naming_an_index_that_another_frame_has_too_fails(handover):
    _, big = handover.make(*INDEX)
    error = handover.error("big.index.name = 'day'", [big], before=("df",))
    assert error is not None
    assert "altered big.index, which in the notebook is the same object as df.index from step before" in error.message


@pytest.mark.parametrize("code", ["big.loc[0, 'a'] = True", "big.index = ['x', 'y']", "big = big.rename_axis('day')"])
def test_what_leaves_a_shared_index_as_it_is_is_no_alarm(handover, code):
    _, big = handover.make(*INDEX)
    assert handover.error(code, [big], before=("df",)) is None


def test_altering_what_is_in_a_cell_of_a_frame_and_its_copy_fails(handover):
    code = "import pandas as pd\ndf = pd.DataFrame({'tags': [['a']]})\nother = df.copy()"
    _, other = handover.make(code, ["df", "other"])
    error = handover.error("other['tags'][0].append('b')", [other], before=("df",))
    assert error is not None
    assert (error.code, error.culprit) == ("LL220", "other['tags'][0]")


def test_a_new_column_is_not_seen_by_who_looks_at_the_old_ones(handover):
    code = "import pandas as pd\nframe = pd.DataFrame({'a': [1., 2.]})\nview = frame['a'].to_numpy()"
    frame, _ = handover.make(code, ["frame", "view"])
    assert handover.error("frame['b'] = 1", [frame], before=("view",)) is None


def test_what_sympy_knows_of_all_symbols_is_not_looked_into():
    rules = type("FactRules", (), {"__module__": "sympy.core.facts"})()
    rules.triggers = [1]
    assert not shared([{"a": [rules]}, {"b": [rules]}])
