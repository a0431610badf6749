"""Small models as users train and log them."""

from __future__ import annotations

from typing import Any

import numpy as np

COLUMNS = ("a", "b", "c", "d")


def frame(rows: int = 40, seed: int = 1) -> Any:
    """Rows as the models were trained on."""
    import pandas as pd

    return pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, len(COLUMNS))), columns=list(COLUMNS))


def mixed_frame(rows: int = 40, seed: int = 2) -> Any:
    """Rows with a category, an integer, and numbers of which some are missing."""
    import pandas as pd

    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "city": random.choice(["Bern", "Genf", "Zürich"], size=rows),
            "rooms": random.integers(1, 6, size=rows),
            "size": np.where(random.random(rows) < 0.1, np.nan, random.normal(80, 20, size=rows)),
        }
    )


def _ratio() -> Any:
    """A model of the user's own code, which answers a frame and may be told to scale it."""
    import mlflow

    class Ratio(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return (model_input[["a"]] / model_input[["b"]].to_numpy()) * (params or {}).get("scale", 1.0)

    return Ratio()


def log_models(uri: str) -> None:
    """Register models in the store *uri*: on columns, mixed columns, an array, and of the user's own code."""
    import mlflow
    from mlflow.models import infer_signature
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    mlflow.set_tracking_uri(uri)
    numbers, mixed = frame(300, seed=0), mixed_frame(300, seed=0)
    label = (numbers["a"] + numbers["b"] * numbers["c"] > 0).astype(int)
    prices = mixed["rooms"] * 300 + mixed["size"].fillna(80) * 10
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["city"]), (SimpleImputer(), ["rooms", "size"])), LinearRegression()
    )
    models = [
        ("forest", RandomForestClassifier(12, random_state=0), numbers, label, "predict_proba"),
        ("logistic", LogisticRegression(), numbers, label, "predict_proba"),
        ("prices", pipeline, mixed, prices, "predict"),
    ]
    for name, model, inputs, target, function in models:
        model.fit(inputs, target)
        with mlflow.start_run():
            mlflow.sklearn.log_model(
                model,
                name="model",
                registered_model_name=name,
                signature=infer_signature(inputs, getattr(model, function)(inputs)),
                input_example=inputs.head(8),
                pyfunc_predict_fn=function,
                pip_requirements=["scikit-learn"],
                serialization_format="pickle",
            )
    pixels = numbers.to_numpy()
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            RandomForestClassifier(5, random_state=0).fit(pixels, label),
            name="model",
            registered_model_name="pixels",
            signature=infer_signature(pixels, label.to_numpy()),
            input_example=pixels[:8],
            pip_requirements=["scikit-learn"],
            serialization_format="pickle",
        )
        mlflow.pyfunc.log_model(
            python_model=_ratio(), name="ratio", registered_model_name="ratio", pip_requirements=["pandas"]
        )
        mlflow.pyfunc.log_model(
            python_model=_ratio(),
            name="scaled",
            registered_model_name="scaled",
            signature=infer_signature(numbers, params={"scale": 1.0}),
            pip_requirements=["pandas"],
        )
    mlflow.MlflowClient().set_registered_model_alias("forest", "champion", "1")
