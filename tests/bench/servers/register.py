"""``python -m tests.bench.servers.register KIND``: the model of ``fit.py``, registered as users do."""

import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

rows = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 4)), columns=list("abcd"))
labels = (rows["a"] + rows["b"] * rows["c"] > 0).astype(int)
models = {"logistic": LogisticRegression(), "forest": RandomForestClassifier(100, random_state=0)}
model = models[sys.argv[1]].fit(rows, labels)
with mlflow.start_run():
    mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name=sys.argv[1],
        signature=infer_signature(rows, model.predict_proba(rows)),
        input_example=rows.head(20),
        pyfunc_predict_fn="predict_proba",
        pip_requirements=["scikit-learn"],
        serialization_format="pickle",
    )
