"""What of a notebook a prediction needs, as the code of a function, and what is refused."""

from __future__ import annotations

import textwrap

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_compiler.slicing import SlicingError, slice_notebook
from labline_runtime.capture import Slice, function_source

HEAD = """
# %% tags=["imports"]
import numpy as np
import pandas as pd
# %% tags=["step:load"]
df = pd.read_csv("data.csv")
# %% tags=["step:features"]
"""
TAIL = """
# %% tags=["step:train"]
model = Model().fit(df[["a"]], df["y"])
# %% tags=["step:ask"]
p = model.predict(df[["a"]])
"""


def sliced(text: str, asked: str = "ask", given: str | None = None) -> Slice:
    notebook = parse(textwrap.dedent(text), "little.py")
    return slice_notebook(notebook, compile_notebook(notebook), asked, given)


def body(middle: str, given: str | None = None) -> list[str]:
    """What the function does for the features that *middle* makes, without where it comes from."""
    lines = function_source(sliced(HEAD + middle + TAIL, given=given)).splitlines()[1:]
    return [line.strip() for line in lines if not line.strip().startswith(("#", "import "))]


def problem(middle: str) -> str:
    """Why the features that *middle* makes are not of one row."""
    return " ".join(piece.problem for piece in sliced(HEAD + middle + TAIL).pieces)


def test_what_the_rows_are_made_of_is_kept_and_nothing_else() -> None:
    assert body("df['a'] = df['b'] * 2\nprint(df.describe())\nother = df.copy()") == [
        "df['a'] = df['b'] * 2",
        "return df[['a']]",
    ]


def test_a_mean_is_looked_up() -> None:
    line = body("df['a'] = df['b'] - df['b'].mean()")[0]
    assert line == "df['a'] = df['b'] - _fitted[\"df['b'].mean() (cell 3, line 1:20)\"]"


def test_a_mean_of_each_row_is_computed() -> None:
    assert body("df['a'] = df[['b', 'c']].mean(axis=1)")[0] == "df['a'] = df[['b', 'c']].mean(axis=1)"


def test_what_texts_count_is_of_each_row() -> None:
    assert body("df['a'] = df['b'].str.count('x')")[0] == "df['a'] = df['b'].str.count('x')"


def test_a_learned_name_is_a_value() -> None:
    assert body("middle = df['b'].median()\ndf['a'] = df['b'] - middle") == [
        "middle = _fitted['middle']",
        "df['a'] = df['b'] - middle",
        "return df[['a']]",
    ]


def test_a_name_that_changes_later_is_what_it_was() -> None:
    taken = body("k = 1\ndf['a'] = df['b'] * k\nk = 2\ndf['a'] = df['a'] * k")
    assert [line for line in taken if line.startswith("k = ")] == [
        "k = _fitted['k']",
        "k = _fitted['k (cell 3, line 3)']",
    ]


def test_what_a_function_finds_when_it_is_called_comes_before_the_call() -> None:
    assert body("k = 1\ndef more(v):\n    return v * k\ndf['a'] = more(df['b'])\nk = 3") == [
        "k = _fitted['k']",
        "def more(v):",
        "return v * k",
        "df['a'] = more(df['b'])",
        "return df[['a']]",
    ]


def test_fit_transform_only_transforms() -> None:
    line = body("scaler = Scaler()\ndf['a'] = scaler.fit_transform(df[['b']])")[0]
    assert line.startswith("df['a'] = _fitted['scaler, fitted") and line.endswith(".transform(df[['b']])")


def test_rows_are_not_left_out() -> None:
    taken = sliced(HEAD + "df = df[df['b'] > 0]\ndf['a'] = df['b']" + TAIL)
    assert "df = df\n" in function_source(taken)
    assert taken.left_out == ("df[df['b'] > 0] (cell 3, line 1)",)


def test_a_row_that_lacks_what_the_notebook_asks_for_is_refused() -> None:
    assert body("df = df.dropna(subset=['b'])\ndf['a'] = df['b']")[0] == "df = _complete(df, ['b'], 'cell 3, line 1')"


def test_a_split_is_all_rows_for_what_is_needed_of_it() -> None:
    text = HEAD + "X, X2, y, y2 = train_test_split(df[['b']], df['y'])\n"
    text += '# %% tags=["step:train"]\nm = Model().fit(X, y)\n# %% tags=["step:ask"]\np = m.predict(X2)'
    lines = [line.strip() for line in function_source(sliced(text)).splitlines()]
    assert "X2 = df[['b']]" in lines and not any(line.startswith("y") for line in lines)


def test_what_only_the_notebook_needs_is_not_kept() -> None:
    text = HEAD + "share = 0.5\nX, X2 = train_test_split(df[['b']], test_size=share)\n"
    text += '# %% tags=["step:train"]\nm = Model().fit(X)\n# %% tags=["step:ask"]\np = m.predict(X2)'
    taken = [key for replay in sliced(text).replays for op in replay.operations for key, _ in op.takes]
    assert taken == []


def test_a_dictionary_for_each_row_is_of_each_row() -> None:
    line = body("df['a'] = make(df[['b']].to_dict(orient='records'))")[-2]
    assert line == "df['a'] = make(df[['b']].to_dict(orient='records'))"


def test_what_was_seen_to_be_no_rows_is_kept_as_a_value() -> None:
    text = HEAD + "scaler = learn(df)\ndf['a'] = scaler.transform(df[['b']])" + TAIL
    notebook = parse(textwrap.dedent(text), "little.py")
    compiled = compile_notebook(notebook)
    assert "learn(df)" in function_source(slice_notebook(notebook, compiled, "ask"))
    assert "learn(df)" not in function_source(slice_notebook(notebook, compiled, "ask", learned=[("scaler", 3)]))


def test_a_column_that_need_not_be_there_may_be_dropped() -> None:
    assert "errors='ignore'" in body("df = df.drop(columns=['y2'])\ndf['a'] = df['b']")[0]


def test_what_a_loop_learns_comes_in_turns() -> None:
    taken = body("for c in ['a', 'b']:\n    df[c] = df[c] / df[c].max()")
    assert taken[1] == "df[c] = df[c] / _turn('df[c].max() (cell 3, line 2:20)')"


@pytest.mark.parametrize(
    "line",
    [
        "df['a'] = df['b'].rank()",
        "df['a'] = df.groupby('c')['b'].transform('mean')",
        "df['a'] = df['b'].rolling(3).mean()",
        "df['a'] = df['b'].astype('category').cat.codes",
        "df['a'] = pd.qcut(df['b'], 4)",
        "df['a'] = pd.cut(df['b'], 4)",
        "df['a'] = df['b'].shift()",
        "df = pd.get_dummies(df)",
    ],
)
def test_what_looks_at_other_rows_is_a_problem_with_a_place(line: str) -> None:
    assert problem(line).startswith("Cell 3, line 1: ")


def test_bins_that_are_spelled_out_are_none() -> None:
    assert problem("df['a'] = pd.cut(df['b'], [0, 1, 2])") == ""


def test_several_things_that_are_loaded_have_to_be_told_apart() -> None:
    with pytest.raises(SlicingError, match=r"Several things are loaded: df .* other .*--input"):
        sliced(HEAD + "other = pd.read_csv('b.csv')\ndf['a'] = df['b'].map(other['b'])" + TAIL)


def test_the_other_things_loaded_are_kept_as_they_are() -> None:
    assert body("other = pd.read_csv('b.csv')\ndf['a'] = df['b'].map(other['b'])", given="df")[0] == (
        "other = _fitted['other']"
    )


def test_a_call_that_is_not_there_is_said() -> None:
    with pytest.raises(SlicingError, match="Nothing in 'load' calls predict"):
        sliced(HEAD + TAIL, asked="load")


def test_a_step_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(SlicingError, match=r"no cell or step .nowhere..*load, train, ask"):
        sliced(HEAD.replace('\n# %% tags=["step:features"]\n', "\n") + TAIL, asked="nowhere")


def test_a_model_that_is_only_inside_a_statement_is_refused() -> None:
    text = HEAD + "models = {}" + TAIL + "q = {n: m.predict(df) for n, m in models.items()}"
    with pytest.raises(SlicingError, match="only inside that statement"):
        sliced(text, asked="5:2")


def test_a_model_that_was_fitted_in_another_step_is_not_fitted_again() -> None:
    replays = sliced(HEAD + "df['a'] = df['b']" + TAIL).replays
    assert not any("fit" in operation.source for replay in replays for operation in replay.operations)


@pytest.mark.parametrize(
    "setting",
    [
        "import warnings\nwarnings.filterwarnings('ignore')",
        "pd.set_option('display.max_columns', 5)",
        "import matplotlib.pyplot as plt\nplt.rcParams['figure.figsize'] = (3, 2)",
        "np.random.seed(1)",
        "import os\nos.environ['API_KEY'] = 'secret'",
        "import os\nos.chdir('elsewhere')",
    ],
)
def test_settings_that_features_are_not_computed_by_are_left_out(setting: str) -> None:
    assert body(f"{setting}\ndf['a'] = df['b'] * 2") == ["df['a'] = df['b'] * 2", "return df[['a']]"]


@pytest.mark.parametrize(
    "setting",
    [
        "sklearn.set_config(transform_output='pandas')",
        "decimal.getcontext().prec = 3",
        "pd.set_option('future.infer_string', True)",
        "beside.scale = 10",
        "os.environ['SCALE'] = str(3)",
    ],
)
def test_a_setting_that_features_may_be_computed_by_is_made_for_each_request(setting: str) -> None:
    lines = body(f"import beside, decimal, os, sklearn\n{setting}\ndf['a'] = df['b'].map(beside.of('SCALE'))")
    assert lines[0] == setting
    assert lines.count(setting) == 1


def test_settings_are_made_in_the_notebooks_order() -> None:
    first, second = "decimal.getcontext().prec = 3", "decimal.getcontext().prec = 4"
    assert body(f"import decimal\n{first}\n{second}\ndf['a'] = df['b'] * 2")[:2] == [first, second]


def test_a_setting_made_of_what_is_no_literal_is_left_to_the_trial() -> None:
    line = "df['a'] = df['b'] * 2"
    assert body(f"import decimal\ndecimal.getcontext().prec = len(str(np.pi))\n{line}")[0] == line


def test_what_was_set_up_of_a_library_is_set_up_where_the_features_use_it() -> None:
    lines = body(
        "import csv\ncsv.register_dialect('x')\nread = lambda t: csv.reader([t], 'x')\ndf['a'] = df['b'].map(read)"
    )
    assert lines[0] == "csv.register_dialect('x')"


def test_what_a_step_sets_up_is_set_up_when_it_runs_once_more() -> None:
    setup = "from sklearn.experimental import enable_iterative_imputer"
    middle = f"{setup}\nscaler = Scaler()\ndf['a'] = scaler.fit_transform(df['b'])"
    replay = next(each for each in sliced(HEAD + middle + TAIL).replays if each.step == "features")
    assert replay.operations[0].source == setup


def test_a_state_is_not_taken_as_the_step_has_left_it() -> None:
    split = "np.random.seed(1)\nkept = df.sample(frac=0.5)\ndf['a'] = df['b'] - kept['b'].mean()"
    later = '\n# %% tags=["step:later"]\nprint(np.random.rand())'
    replay = next(each for each in sliced(HEAD + split + TAIL + later).replays if each.step == "features")
    assert [each.source for each in replay.operations if not each.rows] == ["np.random.seed(1)"]
