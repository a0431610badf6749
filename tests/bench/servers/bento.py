"""A service of BentoML's; the model's file is in the environment variable MODEL."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Served:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(rows)
