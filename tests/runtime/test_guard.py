"""What a step was believed to leave alone and did not fails it; a right step passes."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labline_runtime.failure import StepFailure
from labline_runtime.guard import Guard
from labline_runtime.specification import FileUse

from .handover import Handover


@pytest.fixture
def handover(tmp_path: Path) -> Handover:
    return Handover(tmp_path)


def unaltered(handover: Handover, make: str, use: str):
    """What *use* does to ``v``, which it is believed to leave as it is."""
    taken = [replace(one, unaltered=one.names) for one in handover.make(make, ["v"])]
    return handover.error(use, taken, step="train")


MAKE = "import numpy as np, pandas as pd\n"
ALTERED = {
    "array": ("v = np.arange(5.)", "v[2] = 9"),
    "frame": ("v = pd.DataFrame({'a': [1, 2]})", "v['b'] = v.a * 2"),
    "cell of a frame": ("v = pd.DataFrame({'a': [1, 2]})", "v.loc[0, 'a'] = 7"),
    "series": ("v = pd.Series([2, 1])", "v.sort_values(inplace=True)"),
    "index name": ("v = pd.DataFrame({'a': [1]})", "v.index.name = 'k'"),
    "list": ("v = [1, 2]", "v.append(3)"),
    "dict in a list": ("v = [{'k': [1]}]", "v[0]['k'][0] = 2"),
    "frame in a dict": ("v = {'df': pd.DataFrame({'a': [1, 2]})}", "v['df'].drop(columns='a', inplace=True)"),
    "set": ("v = {1, 2}", "v.discard(1)"),
    "instance": ("class A: pass\nv = A()\nv.x = [1]", "v.x = [2]"),
    "list in an instance": ("class A: pass\nv = A()\nv.x = [1]", "v.x.append(2)"),
    "slot": ("class A:\n    __slots__ = ('x',)\nv = A()\nv.x = 1", "v.x = 2"),
    "instance in a list": ("class A: pass\nv = [A()]", "v[0].y = 1"),
    "dataclass": ("import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\nv = A(1)", "v.x = 2"),
    "estimator fitted again": (
        "from sklearn.linear_model import LinearRegression\nv = LinearRegression().fit([[0], [1]], [0, 1])",
        "v.fit([[0], [1]], [0, 2])",
    ),
    "pipeline's parameter": (
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n"
        "v = make_pipeline(StandardScaler()).fit([[0], [1]])",
        "v.set_params(standardscaler__with_mean=False)",
    ),
    "generator of random numbers": ("v = np.random.default_rng(0)", "v.normal()"),
}


@pytest.mark.parametrize("case", ALTERED)
def test_an_altered_input_fails_the_step_and_is_named(handover, case):
    make, alter = ALTERED[case]
    error = unaltered(handover, MAKE + make, alter)
    assert error is not None
    assert (error.code, error.variable) == ("LL210", "v")
    assert "Step train altered v" in error.message


def test_the_step_itself_fails(steps):
    error = steps.chain("v = [1]", ["v"], "v.append(2)", step="train").result.error
    assert error is not None
    assert error.code == "LL210"


FRAME = "v = pd.DataFrame({'k': list('aba'), 'x': [1., 2., None]})"
USED = {
    "reading a frame": (FRAME, "v.x.mean(); v.describe(); v[v.x > 1]"),
    "grouping": (FRAME, "v.groupby('k').x.sum(); v.pivot_table(index='k')"),
    "index caches": (FRAME + ".set_index('k')", "v.loc['b']; v.index.get_loc('b'); v.index.is_unique"),
    "times": (
        "v = pd.DataFrame({'t': pd.date_range('2024', periods=3, tz='UTC')}).set_index('t')",
        "v.index.month; v.resample('D').size()",
    ),
    "plotting": (FRAME, "v.plot()"),
    "merging": (
        "v = pd.DataFrame({'k': [1, 2], 'c': pd.Categorical(['a', 'b'])})",
        "v.merge(v, on='k'); v.c.cat.codes; pd.get_dummies(v)",
    ),
    "copies": ("v = np.arange(4)", "w = v.copy(); w[0] = 5"),
    "rebinding": ("v = [1, 2]", "v = v + [3]; v.append(4)"),
    "predicting": (
        "from sklearn.ensemble import RandomForestClassifier as Forest\n"
        "v = Forest(3, random_state=0).fit([[0], [1]], [0, 1])",
        "v.predict([[0]]); v.feature_importances_; v.estimators_samples_",
    ),
    "caching": (
        "import functools\nclass A:\n    @functools.cached_property\n    def x(self): return 1\nv = A()",
        "v.x",
    ),
    "nearest neighbours": (
        "from sklearn.neighbors import KNeighborsClassifier as Near\n"
        "v = Near(1, algorithm='kd_tree').fit([[0.], [1.]], [0, 1])",
        "v.predict([[0.2]]); v.kneighbors([[0.3]]); repr(v); v._repr_html_()",
    ),
    "hashing words": (
        "from sklearn.feature_extraction.text import HashingVectorizer\nv = HashingVectorizer(n_features=8)",
        "v.transform(['a b'])",
    ),
    "reading an instance": ("class A: pass\nv = A()\nv.x = [1]", "v.x; repr(v); hash(v); v.x == [1]; vars(v)"),
    "private caches of others": ("import string\nv = string.Template('$a')", "v.cache = 1"),
    "iterating": ("v = iter([1, 2, 3])", "next(v)"),
    "array of objects": ("v = np.array(['a', None, 2.5], dtype=object)", "v == 'a'; v.tolist()"),
    "masked array": ("v = np.ma.masked_array([1., 2.], [True, False])", "v.mean(); repr(v); v.fill_value"),
    "sorted copy": ("v = {'b': 1, 'a': [2]}", "sorted(v); list(v.items()); repr(v)"),
    "strings": ("v = pd.Series(['a', None, 'c'])", "v.str.upper(); v.isna(); v.value_counts(); v.map(str)"),
}


@pytest.mark.parametrize("case", USED)
def test_using_an_input_is_no_false_alarm(handover, case):
    make, use = USED[case]
    assert unaltered(handover, MAKE + make, MAKE + use) is None


def test_an_input_that_may_be_altered_may_be_altered(handover):
    assert handover.error("v.append(2)", handover.make("v = [1]", ["v"])) is None


# ----------------------------------------------------------------------------------------------------- names and state


def test_a_name_bound_out_of_sight_fails_where_a_later_step_takes_the_old_value(handover):
    error = handover.error("globals().update(n=2)", before=("n",))
    assert error is not None
    assert (error.code, error.variable) == ("LL222", "n")


@pytest.mark.parametrize("passing", [{}, {"before": ("other",)}])
def test_a_name_bound_out_of_sight_that_nobody_takes_is_no_alarm(handover, passing):
    assert handover.error("globals().update(n=2)", **passing) is None


def test_what_the_shell_binds_is_no_alarm(handover):
    assert handover.error("_ = 5; _3 = 6; In = []", before=("_", "_3", "In")) is None


def test_reading_a_value_that_passes_by_is_no_alarm(handover):
    assert handover.error("n[0]; m = n", handover.make("n = [1]", ["n"]), before=("n",)) is None


DRAWS = {"@random": "import random; random.random()", "@numpy.random": "import numpy; numpy.random.rand()"}


@pytest.fixture
def generators():
    states = random.getstate(), np.random.get_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])


@pytest.mark.usefixtures("generators")
@pytest.mark.parametrize("state", DRAWS)
def test_an_unseen_draw_fails_where_a_later_step_goes_on_from_the_seed(handover, state):
    error = handover.error(DRAWS[state], before=(state,))
    assert error is not None
    assert (error.code, error.variable) == ("LL221", state)


@pytest.mark.usefixtures("generators")
@pytest.mark.parametrize("state", DRAWS)
def test_an_unseen_draw_from_a_generator_that_nobody_seeded_is_told_only(handover, state):
    assert handover.error(DRAWS[state]) is None
    assert state in handover.outdated


def test_generators_of_their_own_leave_the_shared_ones_alone(handover):
    code = "import random, numpy; random.Random(0).random(); numpy.random.default_rng(0).random(); import tempfile"
    assert handover.error(code, before=tuple(DRAWS)) is None


def test_another_working_folder_fails_where_a_later_step_uses_files(handover, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = handover.error("import os; os.mkdir('d'); os.chdir('d')", nobody=("@cwd",))
    assert error is not None
    assert (error.code, error.variable) == ("LL221", "@cwd")


# --------------------------------------------------------------------------------------------------------------- files


def written(handover: Handover, path: Path, *, before: bool) -> str | None:
    """The code of the error where a step has written *path*, before or after it began."""
    if before:
        path.write_text("a")
        past = path.stat().st_mtime - 100
        os.utime(path, (past, past))
    guard = Guard(handover.specification("work", unawaited={path.name: "plot"}), {}, [], [], handover.baseline)
    if not before:
        path.write_text("b")
    guard.check()
    try:
        guard.check_files([FileUse(str(path), "write", None, 1)])
    except StepFailure as failure:
        return failure.error.code
    return None


def test_writing_a_file_that_a_later_step_reads_without_waiting_fails(handover, tmp_path):
    assert written(handover, tmp_path / "data.csv", before=False) == "LL223"


def test_opening_a_file_without_changing_it_is_no_alarm(handover, tmp_path):
    assert written(handover, tmp_path / "data.csv", before=True) is None
