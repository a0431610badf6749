"""Pipelines that are measured, as notebooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Cells = Sequence[tuple[str, str]]  # tag and source


@dataclass(frozen=True)
class Scenario:
    """One notebook. ``cells`` makes it anew for a round, so that what is to be rerun is another each time.

    ``options`` are those of steps, as the notebook's metadata have them. Where ``contenders`` are named, others would
    take too long, or have nothing like it; the last of them is what they are held against.
    """

    name: str
    title: str
    cells: Callable[[int], Cells]
    rounds: int = 5
    cached: bool = False  # whether what ran before need not run again
    is_chain: bool = True  # each step needs the one before it only
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    contenders: tuple[str, ...] = ()

    def notebook(self, turn: int = 0) -> dict[str, Any]:
        """The notebook of one round."""
        cells = [
            {
                "id": f"c{place}",
                "cell_type": "code",
                "source": source,
                "metadata": {"tags": [tag]},
                "outputs": [],
                "execution_count": None,
            }
            for place, (tag, source) in enumerate(self.cells(turn))
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        metadata = {"kernelspec": kernel, "labline": {"steps": self.options}}
        return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _chain(_: int) -> Cells:
    return [(f"step:s{i}", "x = 0" if i == 0 else "x = x + 1") for i in range(10)]


_BUSY = "import time\nbegin = time.process_time()\nwhile time.process_time() - begin < 1:\n    pass\n"


def _diamond(_: int) -> Cells:
    branches = [(f"step:b{i}", f"{_BUSY}y{i} = x + {i}") for i in range(4)]
    return [("step:top", "x = 1"), *branches, ("step:bottom", "total = y0 + y1 + y2 + y3")]


def _values(_: int) -> Cells:
    make = (
        "rng = np.random.default_rng(0)\n"
        "array = rng.random(25_000_000)\n"
        "frame = pd.DataFrame(rng.random((1_000_000, 10)), columns=list('abcdefghij'))"
    )
    change = "array = array + 1\nframe = frame + 1"
    steps = [(f"step:s{i}", make if i == 0 else change) for i in range(5)]
    return [("imports", "import numpy as np\nimport pandas as pd"), *steps]


def _fan_out(width: int) -> Callable[[int], Cells]:
    def cells(_: int) -> Cells:
        tasks = [(f"step:t{i}", f"y{i} = x + {i}") for i in range(width)]
        return [
            ("step:source", "x = 1"),
            *tasks,
            ("step:gather", f"total = sum([{', '.join(f'y{i}' for i in range(width))}])"),
        ]

    return cells


def _loop(count: int) -> Callable[[int], Cells]:
    return lambda _: [
        ("step:source", f"xs = list(range({count}))"),
        ("step:loop", "found = []\nfor x in xs:\n    found.append(x + 1)"),
        ("step:gather", "total = sum(found)"),
    ]


def _learning(turn: int) -> Cells:
    return [
        (
            "imports",
            "import numpy as np\nimport pandas as pd\n"
            "from sklearn.ensemble import RandomForestClassifier\n"
            "from sklearn.metrics import roc_auc_score\n"
            "from sklearn.model_selection import train_test_split",
        ),
        (
            "step:load",
            "rng = np.random.default_rng(0)\n"
            "data = pd.DataFrame(rng.normal(size=(5000, 8)), columns=list('abcdefgh'))\n"
            "data['y'] = (data.a + data.b * data.c > 0).astype(int)",
        ),
        ("step:clean", "clean = data[data.a.abs() < 3].copy()\nclean['ab'] = clean.a * clean.b"),
        (
            "step:split",
            "X_train, X_test, y_train, y_test = train_test_split(clean.drop(columns='y'), clean.y, random_state=0)",
        ),
        ("step:train", "model = RandomForestClassifier(20, random_state=0).fit(X_train, y_train)"),
        ("step:judge", f"score = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]) + {turn}"),
    ]


SCENARIOS = (
    Scenario("chain", "Chain of ten empty steps", _chain),
    Scenario("diamond", "Diamond: four branches of one second of CPU each", _diamond, rounds=3, is_chain=False),
    Scenario("values", "A new array of 200 MB and a frame of a million rows in each of five steps", _values, rounds=3),
    Scenario("fan_out_200", "Fan-out of 200 tasks", _fan_out(200), rounds=2, is_chain=False),
    Scenario("fan_out_1000", "Fan-out of 1,000 tasks", _fan_out(1000), rounds=1, is_chain=False),
    Scenario(
        "fan_out_5000",
        "Fan-out of 5,000 tasks",
        _fan_out(5000),
        rounds=1,
        is_chain=False,
        contenders=("labline, engine resident", "one process (floor)"),
    ),
    Scenario(
        "loop_1000",
        "Loop of 1,000 items that share processes",
        _loop(1000),
        rounds=2,
        options={"loop": {"foreach": {"pool": True}}},
        contenders=("labline, engine resident", "labline run, cold", "one process (floor)"),
    ),
    Scenario(
        "loop_1000_apart",
        "Loop of 1,000 items, each in a process of its own",
        _loop(1000),
        rounds=1,
        options={"loop": {"foreach": True}},
        contenders=("labline, engine resident", "one process (floor)"),
    ),
    Scenario("rerun", "Rerun of five steps after editing the last", _learning, cached=True),
    Scenario("learning", "pandas and scikit-learn in five steps", lambda _: _learning(0)),
)
