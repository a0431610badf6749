"""``kserved.py MODEL PORT``: KServe's Python server around a model, by the V2 protocol."""

import sys

import joblib
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

path, port = sys.argv[1:3]


class Served(Model):
    def __init__(self) -> None:
        super().__init__("m")
        self.model = joblib.load(path)
        self.ready = True

    def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        scores = self.model.predict_proba(payload.inputs[0].as_numpy())
        output = InferOutput("output-0", list(scores.shape), "FP64", scores)
        output.set_data_from_numpy(scores, binary_data=False)
        return InferResponse(payload.id or "", "m", [output])


ModelServer(http_port=int(port), enable_grpc=False, workers=1).start([Served()])
