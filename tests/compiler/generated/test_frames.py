"""Who sees a change of a frame depends on pandas' release: up to the second, columns and slices are the same memory.

Each of these is right under every release, as the notebook is run by the one that is installed.
"""

from __future__ import annotations

import pytest

from tests.compiler.generated.processes import check

FRAME = "import pandas as pd\nt = pd.DataFrame({'a': [1.0, 2.0, 3.0], 'k': ['x', 'y', 'x'], 'm': ['p', 'q', 'r']})\n"
TEXTS = "t = t[['k', 'm']].rename(columns={'k': 'a', 'm': 'k'})\nt['m'] = 'z'\n"
WRITE = "t.iloc[0, 0] = t.iloc[1, 0]\nt.loc[1, 'k'] = 'new'\nt.loc[2, 'm'] = 'last'"
SHOW = "print(r, t)"

# What refers to a frame or is made of one.
MADE = {
    "column": "r = t['k']",
    "columns": "r = [t[name] for name in t]",
    "rows": "r = [t[:2], t.iloc[1:]]",
    "slice of columns": "r = t.loc[:, 'k':'m']",
    "row of texts": TEXTS + "r = t.loc[0]",
    "values of texts": TEXTS + "r = t.values",
    "transposed": TEXTS + "r = t.T",
    "shallow copy": "r = t.copy(deep=False)",
    "shallow copy by place": "r = t.copy(False)",
    "frame of a column": "r = t['k'].to_frame()",
    "dictionary of columns": "r = t.to_dict('series')",
    "piece that is chosen": "r = t[t['a'] > 1]",
}


@pytest.mark.parametrize("made", MADE)
def test_what_is_made_of_a_frame_sees_of_its_changes_what_it_sees_in_the_notebook(made: str) -> None:
    assert _judged(FRAME + MADE[made], WRITE, SHOW) == "same"


# What is written into a column that was taken before.
WRITTEN = {
    "element": "r.iloc[0] = 'new'",
    "replaced": "r.replace('x', 'new', inplace=True)",
    "replaced by another kind": "r.replace('x', 1, inplace=True)",
    "masked": "r.mask(r == 'x', 'new', inplace=True)",
    "augmented": "r += '!'",
    "of another frame by now": "t['k'] = t['k'] + '!'\nr.iloc[0] = 'new'",
    "in a chain": "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n"
    "    t['k'].iloc[:1] = 'new'",
}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_frame_sees_what_is_written_into_its_column_as_in_the_notebook(written: str) -> None:
    assert _judged(FRAME + "r = t['k']", WRITTEN[written], SHOW) == "same"


def _judged(*steps: str) -> str:
    return check("\n".join(f'# %% tags=["step:s{number}"]\n{source}\n' for number, source in enumerate(steps)))
