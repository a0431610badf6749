"""``mlflow.deployments``: MLflow's client of what is deployed."""

from __future__ import annotations

import os
from typing import Any

from .facts import Place, refusal, tell


def _client(place: Place) -> Any:
    # MLflow sends this as a bearer token, and asks again what it was refused.
    os.environ.update({"MLFLOW_TRACKING_TOKEN": place.token, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"})
    from mlflow.deployments import get_deploy_client

    return get_deploy_client(f"http://{place.http}")


def a_model_is_listed_as_an_endpoint(place: Place) -> None:
    client = _client(place)
    (listed,) = client.list_endpoints()
    assert listed.name == "forest"
    assert client.get_endpoint("forest") == listed
    assert listed.endpoint_url == f"http://{place.http}/endpoints/forest/invocations"


def rows_are_predicted_with_the_models_bits(place: Place) -> None:
    answer = _client(place).predict(endpoint="forest", inputs={"instances": place.rows})
    assert answer["predictions"] == place.expected


def an_answer_is_what_mlflow_reads(place: Place) -> None:
    import json

    from mlflow.deployments import PredictionsResponse

    answer = _client(place).predict(endpoint="forest", inputs={"instances": place.rows})
    assert PredictionsResponse.from_json(json.dumps(answer)).get_predictions("ndarray").tolist() == place.expected


def a_mistake_is_told_in_the_servers_words(place: Place) -> None:
    client = _client(place)
    said = refusal(lambda: client.predict(endpoint="forest", inputs={"dataframe_records": [{"a": 1}]}))
    assert "missing columns 'b', 'c', 'd'" in said


FACTS = [
    a_model_is_listed_as_an_endpoint,
    rows_are_predicted_with_the_models_bits,
    an_answer_is_what_mlflow_reads,
    a_mistake_is_told_in_the_servers_words,
]

if __name__ == "__main__":
    tell(FACTS)
