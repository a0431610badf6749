"""Runs in .venv-libraries: what becomes of each value of :data:`PAIRS` when it is stored and loaded, and of those of
:data:`USED` when they are used. Prints JSON.

A pair is the code of a value, and of another one that is nearly the same; ``PREPARED`` runs before each. What is used
is called ``v``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

PREPARED = {
    "torch": "import torch; torch.manual_seed(0)",
    "keras": "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras; keras.utils.set_random_seed(0); "
    "keras.backend.clear_session()",
    "polars": "import polars as pl",
    "pyarrow": "import pyarrow as pa",
    "jax": "import jax",
    "patsy": "import patsy; d = {'x': [1.0, 2, 4], 'y': [2.0, 1, 3]}",
    "sympy": "import sympy; x = sympy.Symbol('x')",
    "networkx": "import networkx",
    "xgboost": "import xgboost as xgb, numpy as np; x = np.array([[1, np.nan], [0, 3], [2, 1]]); y = np.arange(3)",
    "numba": "import numba; f = lambda v: v + 1; g = lambda v: v + 2",
    "folium": "import folium\ndef marked(*at): return folium.Marker(at).add_to(folium.Map(tiles=None)).get_root()",
    "gensim": "from gensim.corpora import Dictionary; from gensim.models import Word2Vec",
    "pulp": "import pulp\ndef bounded(n):\n    p = pulp.LpProblem('p')\n    p += pulp.LpVariable('x', 0, n) <= 3\n"
    "    return p",
    "rdkit": "from rdkit import Chem\n"
    "def named(name):\n    m = Chem.MolFromSmiles('CO')\n    m.SetProp('_Name', name)\n    return m\n"
    "def placed(x):\n    m = named('m')\n    c = Chem.Conformer(2)\n    c.SetAtomPosition(0, (x, 0, 0))\n"
    "    m.AddConformer(c)\n    return m",
    "styled": "import pandas as pd; t = pd.DataFrame({'a': [1.0]})",
    "statsmodels": "import numpy as np; from statsmodels.tsa.arima.model import ARIMA; y = np.sin(np.arange(20.0)); "
    "import statsmodels.formula.api as smf; d = {'x': y**2, 'y': y}",
}

PAIRS = {
    "torch: a tensor": ("torch.ones(2, 3)", "torch.ones(3, 2)"),
    "torch: half precision": ("torch.ones(2, dtype=torch.bfloat16)", "torch.ones(2, dtype=torch.float16)"),
    "torch: sparse": ("torch.eye(3).to_sparse()", "(2 * torch.eye(3)).to_sparse()"),
    "torch: computed": ("torch.ones(2, requires_grad=True) * 2", "torch.ones(2, requires_grad=True) * 3"),
    "torch: what needs a gradient": ("torch.ones(2, requires_grad=True)", "torch.ones(2)"),
    "torch: a module": ("torch.nn.LSTM(2, 3)", "torch.nn.LSTM(2, 3, bidirectional=True)"),
    "torch: weights": ("torch.nn.Linear(2, 2).state_dict()", "torch.nn.Linear(2, 2, bias=False).state_dict()"),
    "torch: an optimizer": (
        "torch.optim.Adam(torch.nn.Linear(2, 2).parameters())",
        "torch.optim.Adam(torch.nn.Linear(2, 2).parameters(), lr=0.1)",
    ),
    "torch: a generator": ("torch.Generator().manual_seed(1)", "torch.Generator().manual_seed(2)"),
    "keras: a model": (
        "keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dropout(0.1)])",
        "keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dropout(0.2)])",
    ),
    "keras: an optimizer": ("keras.optimizers.Adam(0.1)", "keras.optimizers.Adam(0.2)"),
    "keras: a metric": ("keras.metrics.Mean()", "keras.metrics.Sum()"),
    "polars: a frame": ("pl.DataFrame({'a': [1, None], 'b': ['x', 'y']})", "pl.DataFrame({'a': [1, None]})"),
    "polars: a lazy frame": ("pl.LazyFrame({'a': [1]}).select('a')", "pl.LazyFrame({'a': [1]}).select(b='a')"),
    "polars: categories": ("pl.Series(['a', 'b'], dtype=pl.Categorical)", "pl.Series(['a', 'b'])"),
    "pyarrow: a table": ("pa.table({'a': [1, None], 'b': ['x', 'y']})", "pa.table({'a': [1, 2], 'b': ['x', 'y']})"),
    "pyarrow: a part of a table": (
        "pa.table({'a': [1, 2, 3], 'b': ['x', 'y', 'z']}).slice(1, 1)",
        "pa.table({'a': [1, 2, 3], 'b': ['x', 'y', 'z']}).slice(1, 2)",
    ),
    "jax: an array": ("jax.numpy.ones(3)", "jax.numpy.zeros(3)"),
    "jax: a key": ("jax.random.key(1)", "jax.random.key(2)"),
    "xgboost: a matrix": (
        "xgb.DMatrix(x, label=y, weight=y + 1, feature_names=['a', 'b'])",
        "xgb.DMatrix(x, label=y, weight=y + 2, feature_names=['a', 'b'])",
    ),
    "xgboost: a matrix of groups": (
        "xgb.DMatrix(x, label=y, group=[1, 2], weight=[3, 4], feature_weights=[1, 2])",
        "xgb.DMatrix(x, label=y, group=[2, 1], weight=[3, 4], feature_weights=[1, 2])",
    ),
    "xgboost: a matrix of several labels and margins": (
        "xgb.DMatrix(x, label=np.c_[y, y], base_margin=np.c_[y, y])",
        "xgb.DMatrix(x, label=np.c_[y, y], base_margin=np.c_[y, y + 1])",
    ),
    "numba: a compiled function": ("numba.njit(f)", "numba.njit(g)"),
    "patsy: matrices of a formula": ("patsy.dmatrices('y ~ center(x)', d)", "patsy.dmatrices('y ~ x', d)"),
    "patsy: frames of a formula": (
        "[each.design_info for each in patsy.dmatrices('y ~ center(x)', d, return_type='dataframe')]",
        "[each.design_info for each in patsy.dmatrices('y ~ x', d, return_type='dataframe')]",
    ),
    "sympy: a function that is not defined": ("sympy.Function('f')(x)", "sympy.Function('g')(x)"),
    "statsmodels: a formula that names a function": (
        "eval('smf.ols(\"y ~ half(x)\", d).fit()', globals() | {'smf': smf, 'd': d, 'half': np.sqrt})",
        "eval('smf.ols(\"y ~ half(x)\", d).fit()', globals() | {'smf': smf, 'd': d, 'half': np.exp})",
    ),
    "folium: a map": ("marked(1, 2)", "marked(1, 3)"),
    "gensim: a dictionary": ("Dictionary([['a', 'b']])", "Dictionary([['a', 'c']])"),
    "gensim: vectors of words": (
        "Word2Vec([['a', 'b']] * 9, vector_size=3, min_count=1, workers=1, seed=1)",
        "Word2Vec([['a', 'b']] * 9, vector_size=3, min_count=1, workers=1, seed=2)",
    ),
    "pulp: a problem": ("bounded(1)", "bounded(2)"),
    "rdkit: the name of a molecule": ("named('a')", "named('b')"),
    "rdkit: where an atom is": ("placed(0.1)", "placed(0.1 + 1e-12)"),
    "styled: a table": ("t.style.format('{:.2f}')", "t.style.format('{:.3f}').hide()"),
    "statsmodels: a series that was fitted": ("ARIMA(y).fit()", "ARIMA(y, order=(1, 0, 0)).fit()"),
}
USED = {
    "networkx: a graph": (
        "networkx.path_graph(3)",
        "v.nodes, v.edges, v.adj, v.degree(1), networkx.pagerank(v), networkx.density(v), v.subgraph([1])",
    ),
    "networkx: a directed graph": (
        "networkx.DiGraph([(1, 2)])",
        "v.pred, v.succ, v.in_degree, v.out_edges, v.reverse()",
    ),
    "rdkit: a molecule": ("named('a')", "v.GetRingInfo(), v.GetNumAtoms(), Chem.MolToSmiles(v), v.GetPropsAsDict()"),
    "sympy: an equation": ("sympy.Eq(sympy.Function('f')(x).diff(x), x)", "sympy.dsolve(v)"),
    "sympy: a matrix": ("sympy.Matrix([[x, 1], [2, x]])", "v.det(), v.inv(), v.T * v, v.subs(v[0], 1), v.free_symbols"),
}


def namespace_of(name: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(PREPARED[name.partition(":")[0]], namespace)
    return namespace


def made(name: str, code: str) -> Any:
    return eval(code, namespace_of(name))


def outcome_of_use(name: str) -> str:
    """What went wrong, or "". Raises whatever using raises."""
    from labline_runtime.values import digest

    code, use = USED[name]
    namespace = namespace_of(name)
    namespace["v"] = eval(code, namespace)
    before = digest(namespace["v"])
    eval(use, namespace)
    return "" if digest(namespace["v"]) == before else "it has another digest now"


def outcome(name: str) -> str:
    """What went wrong, or "". Raises whatever storing raises."""
    from labline_runtime.values import digest, load, store

    code, other = PAIRS[name]
    value = made(name, code)
    stored = store({"v": value}, tempfile.mkdtemp())
    back = load(stored.path, stored.digest)[0]["v"]
    if type(back) is not type(value) or digest(back) != digest(value):
        return "it comes back as something else"
    if digest(made(name, code)) != digest(value):
        return "an equal value has another digest"
    return "another value has its digest" if digest(made(name, other)) == digest(value) else ""


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    found = {}
    for each in (*PAIRS, *USED):
        try:
            found[each] = outcome(each) if each in PAIRS else outcome_of_use(each)
        except ModuleNotFoundError as error:
            found[each] = f"missing: {error.name}"
        except Exception as error:
            found[each] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))
