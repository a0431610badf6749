"""Frames that pandas copies late, and arrays that look at their memory."""

from __future__ import annotations

import pytest

from .helpers import edges, pipeline_of
from .test_graph import steps

FRAME = "import numpy as np\nimport pandas as pd\ndf = pd.DataFrame({'a': [1.0, 2.0], 'b': [3.0, 4.0]})"

TAKEN = (
    "df[['a', 'b']].values",
    "df.drop(columns='a').to_numpy()",
    "df[df.a > 0].values",
    "np.asarray(df.dropna())",
    "df.rename(columns=str.upper).reset_index(drop=True)['A'].values",
    "pd.concat([df]).values",
    "np.array(df.dropna(), copy=False)",
)


@pytest.mark.parametrize("array", TAKEN)
def test_an_array_of_a_frame_copied_late_sees_what_is_written_in_place(array: str) -> None:
    pipeline = pipeline_of(steps(a=FRAME, b=f"X = {array}", c="df.iloc[0, 0] = 9.0", d="print(X, df)"))
    assert {"b>c:X,df", "c>d:X,df"} <= edges(pipeline)


def test_an_array_may_be_of_the_memory_of_a_frame_that_was_made_of_the_same_one() -> None:
    text = steps(a=FRAME, b="X = df[['a']].values", c="df = df.assign(c=1)", d="df.loc[0, 'a'] = 9.0", e="print(X)")
    assert "d>e:X" in edges(pipeline_of(text))


WRITES = (
    "df.loc[df.a > 1, 'a'] = 9.0",
    "df.at[0, 'a'] = 9.0",
    "df[df > 1] = 9.0",
    "df[:1] = 9.0",
    "df.clip(2, 3, inplace=True)",
    "df.update(df * 2)",
    "df.iloc[:, 0] += 1",
)


@pytest.mark.parametrize("write", WRITES)
def test_writing_in_place_reaches_the_array(write: str) -> None:
    assert "c>d:X" in edges(pipeline_of(steps(a=FRAME, b="X = df[['a']].values", c=write, d="print(X)")))


COLUMNS = (
    "df['c'] = 9.0",
    "df[['a', 'b']] = 9.0",
    "name = 'a'\ndf[name] = 9.0",
    "df.a = 9.0",
    "df.insert(0, 'c', 9.0)",
    "df.drop(columns='b', inplace=True)",
    "df.sort_values('a', inplace=True)",
)


@pytest.mark.parametrize("change", COLUMNS)
def test_a_new_column_leaves_the_array_as_it_is(change: str) -> None:
    pipeline = pipeline_of(steps(a=FRAME, b="X = df[['a', 'b']].values", c=change, d="print(X)"))
    assert "b>d:X" in edges(pipeline)


def test_frames_of_which_nobody_took_an_array_are_apart() -> None:
    pipeline = pipeline_of(steps(a=FRAME, b="clean = df.dropna()", c="df.iloc[0, 0] = 9.0", d="print(clean)"))
    assert "b>d:clean" in edges(pipeline)


def test_a_model_may_keep_an_array_of_the_frame_that_it_was_fitted_with() -> None:
    fit = "from sklearn.neighbors import KNeighborsRegressor\nm = KNeighborsRegressor().fit(df[['a']], [1, 2])"
    assert "c>d:m" in edges(pipeline_of(steps(a=FRAME, b=fit, c="df.iloc[0, 0] = 9.0", d="print(m)")))


@pytest.mark.parametrize("made", ["np.memmap('m.bin', dtype=float)", "np.asarray([1, 2], float)", "np.ndarray(2, int)"])
def test_the_type_of_an_array_s_items_is_not_the_array(made: str) -> None:
    pipeline = pipeline_of(steps(a=f"import numpy as np\nm = {made}", b="m[0] = 5", c="print(m)"))
    assert {"a>b:m", "b>c:m"} <= edges(pipeline)
    assert not any("@" in edge for edge in edges(pipeline))
