"""``naive.py MODEL PORT``: a FastAPI handler as one writes it in five minutes."""

import sys

import joblib
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(sys.argv[1])
app = FastAPI()


class Rows(BaseModel):
    rows: list[list[float]]


@app.post("/predict")
def predict(asked: Rows) -> dict[str, list[list[float]]]:
    return {"scores": model.predict_proba(asked.rows).tolist()}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
