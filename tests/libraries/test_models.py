"""Libraries that train: steps that go on training compute what the notebook computes, in a kernel of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.equivalence.judge import Judge
from tests.equivalence.notebooks import cells_of

pytestmark = pytest.mark.long

IMPORTED = ("xgboost", "lightgbm")

CASES = {
    "torch": """
# tags: imports
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
---
# tags: functions
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(3, width)
        self.norm = nn.BatchNorm1d(width)
        self.last = nn.Linear(width, 2)

    def forward(self, x):
        return self.last(F.dropout(F.relu(self.norm(self.first(x))), 0.1, self.training))

def train(model, optimizer, batches):
    for x, y in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    return loss
---
torch.manual_seed(1)
x = torch.rand(30, 3)
y = (x[:, 0] > 0.5).long()
row = x[0]
batches = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
model = Net(5)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
seen = []
handle = model.register_forward_hook(lambda module, given, made: seen.append(len(made)))
---
first = train(model, optimizer, batches)
row += 1
---
best = model.state_dict()
kept = {name: value.clone() for name, value in best.items()}
scheduler.step()
model.register_forward_hook(lambda module, given, made: seen.append(-1))
---
second = train(model, optimizer, DataLoader(TensorDataset(x, y), batch_size=8, num_workers=2))
print(first, second, x[0], len(seen), optimizer.param_groups[0]["lr"])
---
print([mine is held for mine, held in zip(model.parameters(), optimizer.param_groups[0]["params"])])
print(torch.equal(best["last.weight"], model.last.weight), torch.equal(kept["last.weight"], model.last.weight))
print(model.eval()(x[:2]), torch.rand(2))
""",
    "keras": """
# tags: imports
import os
os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np
from keras import layers
---
keras.utils.set_random_seed(5)
x = np.random.rand(60, 4).astype("float32")
y = (x.sum(1) > 2).astype("float32")
model = keras.Sequential([layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.1), layers.Dense(1)])
model.compile(optimizer="adam", loss="mse", metrics=["mae"])
inner = keras.Model(model.inputs, model.layers[0].output)
---
history = model.fit(x, y, epochs=2, verbose=0)
---
more = model.fit(x, y, epochs=2, verbose=0)
print(history.history, more.history, model.evaluate(x, y, verbose=0))
print(inner.predict(x[:2], verbose=0), inner.layers[1] is model.layers[0])
""",
    "xgboost": """
# tags: imports
import numpy as np
import xgboost
---
rng = np.random.default_rng(0)
x = rng.normal(size=(200, 5))
y = (x[:, 0] + x[:, 1] > 0).astype(int)
model = xgboost.XGBClassifier(n_estimators=10, max_depth=3, n_jobs=2).fit(x, y)
booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(x, label=y), num_boost_round=5)
---
booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(x, label=y), num_boost_round=2, xgb_model=booster)
---
print(model.predict_proba(x)[:3], model.feature_importances_)
print(booster.num_boosted_rounds(), booster.predict(xgboost.DMatrix(x[:3])))
""",
    "lightgbm": """
# tags: imports
import numpy as np
import pandas as pd
import lightgbm as lgb
---
rng = np.random.default_rng(0)
x = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
y = (x.a + x.b > 0).astype(int)
model = lgb.LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=2).fit(x, y)
---
booster = lgb.train({"objective": "binary", "verbose": -1}, lgb.Dataset(x, y), 5)
---
print(model.predict_proba(x)[:3], model.booster_.num_trees())
print(booster.predict(x)[:3], booster.num_trees())
""",
}


@pytest.mark.parametrize("library", CASES)
def test_steps_train_on_as_the_notebook_does(library: str, judge: Judge, has: Callable[[str], bool]) -> None:
    if not has(library):
        pytest.skip(f"{library} is not in .venv-libraries")
    found = judge(cells_of(CASES[library]))
    assert found.outcome == "equal", found.said
