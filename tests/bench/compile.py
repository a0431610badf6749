"""Compiling: how the time grows with the notebook, and what sharing and unknown functions cost.

A contender's time is per cell, so that the ratio to the reference tells how far from linear the growth is: 1.00 is
linear, 4.00 at four times the cells is quadratic.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse

NAME = "compile"
TITLE = "Compiling a notebook, in process (seconds for every 125 cells)"
REFERENCE = "ordinary, 125 cells"
ROUNDS = 5

_START = """\
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.linear_model import Ridge
df = pd.read_csv("x.csv")
models = {}"""
_CELLS = (
    "part{i} = df[df['a'] > {i}].copy()\npart{i}['b'] = part{i}['a'] * 2\nprint(part{i}.describe())",
    "m{i} = Ridge(alpha={i}, random_state=0)\nm{i}.fit(df[['a', 'b']], df['y'])\nmodels['m{i}'] = m{i}",
    "total{i} = 0\nfor q in range(10):\n    total{i} += q\nif total{i} > 3:\n    b{i} = True\nelse:\n    b{i} = False",
    "plt.figure()\nplt.plot(df['a'], df['b'])\nplt.title('plot {i}')\nplt.show()",
    "def f{i}(x, y={i}):\n    z = [q * y for q in x]\n    return z\nr{i} = f{i}([1, 2, 3])\nprint(r{i})",
)


def ordinary(count: int) -> list[str]:
    """What notebooks are made of: frames, models, loops, plots, functions."""
    return [_START, *(_CELLS[i % len(_CELLS)].replace("{i}", str(i)) for i in range(1, count))]


def chain(count: int) -> list[str]:
    """Every value holds the one before."""
    return ["x0 = []", *(f"x{i} = [x{i - 1}]" for i in range(1, count))]


def shared(count: int) -> list[str]:
    """Every value holds the one before, and the innermost is altered in every cell."""
    return ["x0 = []", *(f"x{i} = [x{i - 1}]\nx0.append({i})" for i in range(1, count))]


def columns(count: int) -> list[str]:
    """Every column of a frame is made of the one before."""
    start = "import pandas as pd\ndf = pd.read_csv('a.csv')\ndf['c0'] = 1"
    return [start, *(f"df['c{i}'] = df['c{i - 1}'] + 1" for i in range(1, count))]


def items(count: int) -> list[str]:
    """A list in every cell that functions make of the one before, item by item."""
    made = (
        "def f{i}(q):\n    return q\nx{i} = sorted(x{j}, key=f{i})",
        "x{i} = list(map(lambda q: q, x{j}))",
        "x{i} = list(filter(lambda q: q, x{j}))",
        "x{i} = [max(x{j}, key=lambda q: q)]",
    )
    cells = (made[i % len(made)].replace("{i}", str(i)).replace("{j}", str(i - 1)) for i in range(1, count))
    return ["x0 = [[1]]", *cells]


def mutual(count: int) -> list[str]:
    """Six functions that call each other and one that is not known."""
    functions = "\n".join(
        f"def f{i}(x):\n    helper(x)\n    return f{(i + 1) % 6}(x) or f{(i + 2) % 6}(x)" for i in range(6)
    )
    return [f"from lib import helper\n{functions}\ndata = []", *(f"y{i} = f{i % 6}(data)" for i in range(1, count))]


_CONTENDERS: dict[str, tuple[Callable[[int], list[str]], int]] = {
    "ordinary, 20 cells": (ordinary, 20),
    "ordinary, 125 cells": (ordinary, 125),
    "ordinary, 500 cells": (ordinary, 500),
    "chain, 125 cells": (chain, 125),
    "chain, 500 cells": (chain, 500),
    "shared, 125 cells": (shared, 125),
    "shared, 500 cells": (shared, 500),
    "columns, 125 cells": (columns, 125),
    "columns, 500 cells": (columns, 500),
    "items, 125 cells": (items, 125),
    "items, 500 cells": (items, 500),
    "mutual, 50 cells": (mutual, 50),
    "mutual, 200 cells": (mutual, 200),
}


def measure() -> dict[str, list[float]]:
    """CPU seconds for every 125 cells, by contender; they take turns so that noise meets all of them alike."""
    samples: dict[str, list[float]] = {name: [] for name in _CONTENDERS}
    for _ in range(ROUNDS):
        for name, (make, count) in _CONTENDERS.items():
            text = "\n".join(f'# %% tags=["step:s{i}"]\n{cell}\n' for i, cell in enumerate(make(count)))
            notebook = parse(text, "bench.py")
            start = time.process_time()
            compile_notebook(notebook)
            samples[name].append((time.process_time() - start) * 125 / count)
    return samples
