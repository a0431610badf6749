"""``fit.py KIND FILE``: the model that every server is asked for, fitted here and pickled by joblib."""

import sys

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

rows = np.random.default_rng(0).normal(size=(300, 4))
labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int)
models = {"logistic": LogisticRegression(), "forest": RandomForestClassifier(100, random_state=0)}
joblib.dump(models[sys.argv[1]].fit(rows, labels), sys.argv[2])
