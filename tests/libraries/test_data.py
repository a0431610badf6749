"""Libraries for tables, arrays and pictures: steps compute and show what the notebook does, in a kernel of its own."""

from __future__ import annotations

import pytest

from tests.equivalence.judge import Judge
from tests.equivalence.notebooks import cells_of

pytestmark = pytest.mark.long

IMPORTED = ("pandas", "matplotlib", "seaborn", "plotly", "pyarrow")

CASES = {
    "polars": """
# tags: imports
import polars as pl
---
df = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None], "c": [[1], [2, 3], []]})
s = df["a"]
total = pl.col("a").sum()
pl.Config.set_tbl_rows(2)
---
lazy = df.lazy().filter(pl.col("a") > 1).with_columns(d=pl.col("a") * 2)
df[0, "a"] = 10
df.insert_column(0, pl.Series("z", [7, 8, 9]))
---
print(lazy.collect(), df.select(total), s)
df
""",
    "pyarrow": """
import pyarrow as pa
import pyarrow.compute as pc
table = pa.table({"a": [1, 2, None], "b": ["x", "y", "z"], "c": pa.array(["p", "q", "p"]).dictionary_encode()})
part = table.slice(1, 1)
---
wide = table.append_column("d", pc.multiply(table["a"], 2))
---
print(wide.to_pydict(), part.to_pydict(), table.schema, table["a"].null_count)
""",
    "plotly": """
# tags: imports
import pandas as pd
import plotly.express as px
import plotly.graph_objects as go
import plotly.io as pio
---
pio.templates.default = "plotly_white"
df = pd.DataFrame({"x": [1, 2, 3], "y": [3, 1, 2], "g": list("aba")})
fig = px.scatter(df, x="x", y="y", color="g")
---
fig.update_layout(title="later")
fig.add_trace(go.Scatter(x=[1, 2], y=[2, 2]))
---
print(fig.layout.title.text, fig.to_json())
px.bar(df, x="x", y="y")
""",
    "seaborn": """
# tags: imports
import pandas as pd
import seaborn as sns
import matplotlib.pyplot as plt
---
sns.set_theme(style="whitegrid", rc={"figure.dpi": 50})
df = pd.DataFrame({"x": range(20), "y": [i * i % 7 for i in range(20)], "g": list("ab") * 10})
---
sns.set_palette("husl", 3)
---
grid = sns.FacetGrid(df, col="g", height=2)
grid.map(sns.scatterplot, "x", "y")
plt.show()
print(sns.color_palette()[0])
""",
    "jax": """
# tags: imports
import jax
import jax.numpy as jnp
---
key = jax.random.PRNGKey(0)
new = jax.random.key(1)
---
key, sub = jax.random.split(key)
weights = {"w": jax.random.normal(sub, (3, 2)), "b": jnp.zeros(2)}
---
gradient = jax.grad(lambda p: (p["w"] ** 2).sum())(weights)
weights["b"] = weights["b"].at[0].set(4)
print(weights, gradient, key, jax.random.uniform(new))
""",
    "statsmodels": """
# tags: imports
import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
---
rng = np.random.default_rng(1)
df = pd.DataFrame({"x": rng.normal(size=50)})
df["y"] = 2 * df.x + rng.normal(size=50)
---
results = smf.ols("y ~ x", df).fit()
logit = sm.Logit((df.y > 0).astype(int), sm.add_constant(df.x)).fit(disp=0)
---
print(results.rsquared, results.predict(pd.DataFrame({"x": [1.0]})), logit.params)
print(results.summary().tables[1])
---
print(results.aic, results.predict(pd.DataFrame({"x": [2.0]})), logit.summary().tables[1])
""",
}


@pytest.mark.parametrize("library", CASES)
def test_steps_compute_and_show_what_the_notebook_does(library: str, judge: Judge) -> None:
    found = judge(cells_of(CASES[library]))
    assert found.outcome == "equal", found.said
