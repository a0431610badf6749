"""An input that was believed untouched and is not fails the step; mere use of it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
}


@pytest.mark.parametrize("case", ALTERED)
def test_an_altered_input_fails_the_step_and_is_named(steps, case):
    make, alter = ALTERED[case]
    error = steps.chain(MAKE + make, ["v"], alter, step="train").result.error
    assert error is not None
    assert (error.code, error.variable) == ("LL210", "v")
    assert "Step train altered v" in error.message


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
    "iterating": ("v = iter([1, 2, 3])", "next(v)"),
    "array of objects": ("v = np.array(['a', None, 2.5], dtype=object)", "v == 'a'; v.tolist()"),
    "masked array": ("v = np.ma.masked_array([1., 2.], [True, False])", "v.mean(); repr(v); v.fill_value"),
    "sorted copy": ("v = {'b': 1, 'a': [2]}", "sorted(v); list(v.items()); repr(v)"),
    "strings": ("v = pd.Series(['a', None, 'c'])", "v.str.upper(); v.isna(); v.value_counts(); v.map(str)"),
}


@pytest.mark.parametrize("case", USED)
def test_using_an_input_is_no_false_alarm(steps, case):
    make, use = USED[case]
    ran = steps.chain(MAKE + make, ["v"], MAKE + use)
    assert ran.result.error is None, ran.result.error


def test_an_input_that_may_be_altered_may_be_altered(steps):
    before = steps.run("v = [1]", outputs=["v"])
    (taken,) = before.inputs()
    assert steps.run("v.append(2)", inputs=[replace(taken, unaltered=())]).exit_code == 0
