"""A model whose versions can be told apart by their answers: version N of ``tide`` answers N times the row's sum."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("a", "b")
REFUSING, BROKEN = "4", "5"
"""Versions that refuse every row, and that cannot be loaded."""


def rows(count: int = 1) -> Any:
    """Rows that the model takes: whole numbers, so that sums are exact."""
    return np.arange(1, 2 * count + 1, dtype="float64").reshape(count, 2)


def _refusing() -> Any:
    import mlflow

    class Refusing(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            raise ValueError("no row is good enough")

    return Refusing()


def _slow(folder: Path, seconds: float) -> Any:
    import mlflow

    signs = str(folder)

    class Slow(mlflow.pyfunc.PythonModel):
        def load_context(self, context):
            import os
            import pathlib
            import time

            if b"serving.worker" not in pathlib.Path("/proc/self/cmdline").read_bytes():
                return
            pathlib.Path(signs, str(os.getpid())).touch()
            end = time.monotonic() + seconds
            while not pathlib.Path(signs, "go").exists() and time.monotonic() < end:
                time.sleep(0.02)

        def predict(self, context, model_input, params=None):
            return model_input.sum(axis=1).to_numpy() * 7

    return Slow()


def log_slow(uri: str, folder: Path, seconds: float) -> None:
    """Register ``slow``, which a worker loads only once there is a file called go in *folder*, or after *seconds*. Each
    that has begun to leaves a file there, called by its process id."""
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    mlflow.set_tracking_uri(uri)
    table = pd.DataFrame(rows(8), columns=list(COLUMNS))
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            python_model=_slow(folder, seconds),
            name="model",
            registered_model_name="slow",
            signature=infer_signature(table, np.zeros(8)),
            pip_requirements=["pandas"],
        )


def log_versions(uri: str) -> None:
    """Register five versions in the store *uri*; the first is the champion, the second the challenger."""
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature
    from sklearn.linear_model import LinearRegression

    mlflow.set_tracking_uri(uri)
    table = pd.DataFrame(rows(8), columns=list(COLUMNS))
    for number in (1, 2, 3):
        model = LinearRegression(fit_intercept=False)
        model.coef_, model.intercept_ = np.full(2, float(number)), 0.0
        model.n_features_in_, model.feature_names_in_ = 2, np.array(COLUMNS, dtype=object)
        with mlflow.start_run():
            mlflow.sklearn.log_model(
                model,
                name="model",
                registered_model_name="tide",
                signature=infer_signature(table, model.predict(table)),
                input_example=table,
                pip_requirements=["scikit-learn"],
                serialization_format="pickle",
            )
    for _ in (REFUSING, BROKEN):
        with mlflow.start_run():
            mlflow.pyfunc.log_model(
                python_model=_refusing(),
                name="model",
                registered_model_name="tide",
                signature=infer_signature(table, np.zeros(8)),
                pip_requirements=["pandas"],
            )
    client = mlflow.MlflowClient()
    shutil.rmtree(mlflow.artifacts.download_artifacts(client.get_model_version_download_uri("tide", BROKEN)))
    client.set_registered_model_alias("tide", "champion", "1")
    client.set_registered_model_alias("tide", "challenger", "2")
