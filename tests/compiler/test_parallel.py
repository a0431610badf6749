"""Steps that only read what they share do not wait for each other."""

from __future__ import annotations

import pytest

from tests.compiler.helpers import pipeline_of

LOAD = """\
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
import seaborn as sns
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.preprocessing import StandardScaler
df = pd.read_csv("x.csv")
X = df[["a", "b"]]
y = df["y"]
v = df["a"].to_numpy()
config = {"alpha": 1.0, "names": ["a", "b"]}"""

# STEP becomes the step's name: two steps that write the same file wait for each other.
READING = [
    "print(df.describe(), df.info(), df.head(), df.shape)",
    "df",
    "means = df.groupby('a')['b'].mean()",
    "counts = df['a'].value_counts(normalize=True).sort_index()",
    "wide = df.pivot_table(index='a', columns='b', values='y', aggfunc='mean')",
    "long = df.melt(id_vars='a')",
    "clean = df.dropna().drop_duplicates().reset_index(drop=True)",
    "clean = df.fillna(df.mean(numeric_only=True))",
    "part = df[df['a'] > 1].copy()\npart['c'] = part['a'] * 2",
    "part = df.query('a > 1')[['a', 'b']].sort_values('a')\npart['c'] = 1",
    "more = df.assign(c=df['a'] + 1)",
    "both = pd.concat([df, df]).merge(df, on='a', how='left')",
    "dummies = pd.get_dummies(df, columns=['a'], drop_first=True)",
    "cut = pd.cut(df['a'], bins=3)",
    "corr = df.corr(numeric_only=True)\nprint(corr.loc['a', 'b'])",
    "df.to_csv('STEP.csv', index=False)",
    "rows = [row.a for row in df.itertuples()]",
    "for name in config['names']:\n    print(name, df[name].mean(), df[name].std())",
    "total = sum(len(name) for name in config['names'])",
    "print(f\"{config['alpha']:.2f}\", sorted(config['names']), len(df))",
    "z = (v - v.mean()) / v.std()\nz[0] = 1",
    "w = np.where(v > 1, v, 0)\nw[0] = 2",
    "print(np.percentile(v, [25, 75]), np.linalg.norm(v), v.sum(), v.reshape(-1, 1).shape)",
    "m = np.column_stack([v, v])\nm += 1",
    "copy = np.array(v)\ncopy[0] = 1",
    "c = np.clip(v, 0, 1)\nc[0] = 1",
    "counts, edges = np.histogram(v, bins=5)\ncounts[0] = 1\nedges[0] = 0",
    "steps = np.diff(v)\nsteps[0] = 1",
    "low = np.ma.masked_less(v, 1)\nlow[0] = 2",
    "t = v[v > 1]\nt[0] = 1",
    "t = v[np.argsort(v)]\nt[0] = 1",
    "t = v[[0, -1]]\nt[0] = 1",
    "t = v.astype(float)\nt[0] = 1",
    "from scipy import ndimage\ns = ndimage.gaussian_filter(v, 1)\ns[0] = 1",
    "t = np.einsum('i,j->ij', v, v)\nt[0] = 1",
    "from scipy.optimize import root\nr = root(np.cos, v)\nr.x[0] = 1",
    "from scipy.optimize import newton_krylov\nr = newton_krylov(np.cos, v)\nr[0] = 1",
    "year = df['a'].dt.year\nyear.iloc[0] = 1",
    "parts = y.dt.components\nparts['days'] = 1",
    "from scipy import interpolate\nline = interpolate.interp1d(v, v)\nt = line(v)\nt[0] = 1",
    "from scipy import interpolate\nline = interpolate.RegularGridInterpolator((v,), v)\nt = line(v)\nt[0] = 1",
    "from scipy import stats\nnorm = stats.norm(v)\nt = norm.pdf(v)\nprint(norm.mean(), stats.gaussian_kde(v)(v))",
    "from scipy import optimize\nt = optimize.minimize(lambda w: ((w - 1) ** 2).sum(), v).x\nt[0] = 1",
    "from scipy import sparse\nm = sparse.csr_matrix(v)\nprint((m @ m.T).toarray(), m.sum(), m[0])",
    "tops = df.groupby('a').head(1)\ntops['c'] = 1",
    "sums = df.groupby('a').agg({'b': 'sum'})\nsums['c'] = 1",
    "means = df['a'].rolling(3).agg(['mean', 'max'])\nmeans['c'] = 1",
    "plt.figure()\nplt.hist(df['a'], bins=10)\nplt.title('a')\nplt.show()",
    "fig, ax = plt.subplots()\nax.scatter(df['a'], df['b'], c=y)\nax.set_title('a')\nfig.savefig('STEP.png')",
    "df['a'].plot(kind='bar')\nplt.show()",
    "sns.boxplot(data=df, x='a', y='b')",
    "model = LinearRegression().fit(X, y)\nprint(model.score(X, y), model.coef_)",
    "model = LinearRegression()\nmodel.fit(X, y)\nerror = mean_squared_error(y, model.predict(X))",
    "scores = cross_val_score(LinearRegression(), X, y, cv=3)",
    "a1, a2, b1, b2 = train_test_split(X, y, random_state=0)\na1['c'] = 1",
    "scaled = StandardScaler().fit_transform(X)\nscaled[0] = 0",
    "def rmse(p, q):\n    return np.sqrt(((p - q) ** 2).mean())\nprint(rmse(y, y.mean()))",
    "best = max(config['names'], key=len)",
    "table = {name: df[name].max() for name in config['names']}\ntable['z'] = 1",
]


@pytest.mark.parametrize("source", READING)
def test_reading_steps_wait_only_for_what_they_read(source: str) -> None:
    text = f'# %% tags=["step:load"]\n{LOAD}\n\n'
    text += "".join(f'# %% tags=["step:{name}"]\n{source.replace("STEP", name)}\n\n' for name in ("one", "two"))
    text += '# %% tags=["step:last"]\nprint(df.shape, X.shape, y.shape, v.shape, config)\n'
    pipeline = pipeline_of(text)
    assert "one" not in pipeline.step("two").predecessors
    assert {taken.source for taken in pipeline.step("last").inputs} == {"load"}


# What looks like the above, and shares what ``v`` is all the same.
SHARING = [
    "t = np.histogram([1.0, 2.0], bins=v)[1]",
    "t = np.diff(v, n=0)",
    "t = v.astype(float, copy=False)",
    "t = np.ma.masked_less(v, 1, copy=False)",
    "t = v[~0:]",
    "from scipy import stats\nt = stats.gaussian_kde(v)",
    "from scipy import stats\nt = stats.norm(v)",
    "t = np.einsum('i->i', v)",
    "from scipy import interpolate\nt = interpolate.RegularGridInterpolator((v,), v)",
    "from scipy import sparse\nt = sparse.csr_matrix((v, [0, 1], [0, 1, 2])).T",
]


@pytest.mark.parametrize("source", SHARING)
def test_what_may_share_an_array_waits_for_who_alters_it(source: str) -> None:
    text = f'# %% tags=["step:load"]\n{LOAD}\n\n# %% tags=["step:one"]\n{source}\n\n'
    text += '# %% tags=["step:two"]\nv[0] = 9\n\n# %% tags=["step:last"]\nprint(t)\n'
    assert "two" in {taken.source for taken in pipeline_of(text).step("last").inputs}


def test_fields_of_a_structured_array_are_a_look_at_it() -> None:
    made = "import numpy as np\nrows = np.zeros(2, dtype=[('u', int), ('w', float)])"
    text = f'# %% tags=["step:load"]\n{made}\n\n# %% tags=["step:one"]\nt = rows[["u", "w"]]\n\n'
    text += '# %% tags=["step:two"]\nrows["u"] = 9\n\n# %% tags=["step:last"]\nprint(t)\n'
    assert "two" in {taken.source for taken in pipeline_of(text).step("last").inputs}


PLOTTING = """\
import matplotlib.pyplot as plt
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.dates import DateFormatter, date2num
fmt, norm, cmap = DateFormatter("%m"), Normalize(), ListedColormap(["r", "g"])
colors = [plt.cm.Reds(0.3), *plt.rcParams["axes.prop_cycle"].by_key()["color"]]
days = date2num([1, 2])
fig, ax = plt.subplots()"""


@pytest.mark.parametrize(
    ("source", "waits"),
    [
        ("plt.figure().add_subplot().imshow([[1, 2]], norm=norm)", True),
        ("plt.figure().add_subplot().xaxis.set_major_formatter(fmt)", True),
        ("plt.cm.ScalarMappable(norm=norm).autoscale([1, 2])", True),
        ("look = {'norm': norm}\nplt.imshow([[1, 2]], **look)", True),
        ("plt.imshow([[1, 2]], cmap=cmap)", False),
        ("plt.figure().add_subplot().imshow([[1, 2]], cmap=cmap)", False),
        ("plt.figure().add_subplot().bar([1, 2], [1, 2], color=colors)", False),
        ("plt.figure().add_subplot().plot(days, [1, 2], color=colors[0])", False),
    ],
)
def test_what_a_plot_is_drawn_with_is_not_the_same_after_it(source: str, waits: bool) -> None:
    text = f'# %% tags=["step:load"]\n{PLOTTING}\n\n# %% tags=["step:one"]\n{source}\n\n'
    text += '# %% tags=["step:two"]\nprint(fmt, norm, cmap, colors, days)\n'
    assert ("one" in {taken.source for taken in pipeline_of(text).step("two").inputs}) == waits


@pytest.mark.parametrize(
    ("made", "altering"),
    [
        ("import torch\nx = torch.ones(2, requires_grad=True)", "(x * 2).sum().backward()"),
        ("import xgboost as xgb\nx = {}", "xgb.train({}, xgb.DMatrix([[1.0]]), evals_result=x)"),
        ("import lightgbm as lgb\nx = {}", "lgb.train({}, None, callbacks=[lgb.record_evaluation(x)])"),
    ],
    ids=["the gradients of what a tensor was made of", "what a training reports to", "what its callbacks report to"],
)
def test_what_libraries_write_into_by_another_way_is_altered(made: str, altering: str) -> None:
    text = f'# %% tags=["step:a"]\n{made}\n\n# %% tags=["step:b"]\n{altering}\n\n# %% tags=["step:c"]\nprint(x)\n'
    assert "b" in {taken.source for taken in pipeline_of(text).step("c").inputs}
