"""``tritonclient.http``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .facts import Place, tell

COLUMNS = {"city": "BYTES", "rooms": "INT64", "size": "FP64"}


def _client(address: str, connections: int = 1) -> Any:
    import tritonclient.http as triton

    return triton.InferenceServerClient(address, concurrency=connections)


def _rows(place: Place, *, binary: bool) -> list[Any]:
    import tritonclient.http as triton

    values = np.array(place.rows)
    tensor = triton.InferInput("rows", list(values.shape), "FP64")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return [tensor]


def _refused(call: Any) -> Any:
    from tritonclient.utils import InferenceServerException

    try:
        call()
    except InferenceServerException as error:
        return error
    raise AssertionError("it was answered")


def health_is_told_without_a_token(place: Place) -> None:
    client = _client(place.http)
    assert client.is_server_live()
    assert client.is_server_ready()


def a_model_and_its_versions_are_ready_and_others_are_not(place: Place) -> None:
    client = _client(place.http)
    assert client.is_model_ready("forest", headers=place.headers)
    assert client.is_model_ready("forest", "1", headers=place.headers)
    assert not client.is_model_ready("forest", "2", headers=place.headers)
    assert not client.is_model_ready("other", headers=place.headers)


def metadata_says_what_to_send(place: Place) -> None:
    model = _client(place.mixed_http).get_model_metadata("prices", headers=place.headers)
    assert {tensor["name"]: tensor["datatype"] for tensor in model["inputs"]} == COLUMNS
    assert "binary_tensor_data" in _client(place.http).get_server_metadata(headers=place.headers)["extensions"]


def raw_tensors_are_answered_with_the_models_bits(place: Place) -> None:
    answer = _client(place.http).infer("forest", _rows(place, binary=True), headers=place.headers, request_id="7")
    assert answer.get_response()["id"] == "7"
    assert answer.as_numpy("output-0").tobytes() == np.array(place.expected).tobytes()


def json_is_answered_with_the_models_bits(place: Place) -> None:
    import tritonclient.http as triton

    wanted = [triton.InferRequestedOutput("output-0", binary_data=False)]
    answer = _client(place.http).infer(
        "forest", _rows(place, binary=False), outputs=wanted, headers=place.headers, model_version="1"
    )
    assert answer.as_numpy("output-0").tobytes() == np.array(place.expected).tobytes()


def json_is_answered_with_raw_tensors(place: Place) -> None:
    answer = _client(place.http).infer("forest", _rows(place, binary=False), headers=place.headers)
    assert answer.as_numpy("output-0").tobytes() == np.array(place.expected).tobytes()


def columns_of_several_types_are_taken_raw_and_in_json(place: Place) -> None:
    import tritonclient.http as triton

    for binary in (True, False):
        tensors = []
        for name, datatype in COLUMNS.items():
            values = np.array(place.mixed_rows[name], dtype=object if datatype == "BYTES" else None)
            tensors.append(triton.InferInput(name, [len(values)], datatype))
            tensors[-1].set_data_from_numpy(values, binary_data=binary)
        answer = _client(place.mixed_http).infer("prices", tensors, headers=place.headers)
        assert answer.as_numpy("output-0").tolist() == place.mixed_expected


def many_may_be_asked_at_once(place: Place) -> None:
    client = _client(place.http, connections=8)
    asked = [client.async_infer("forest", _rows(place, binary=True), headers=place.headers) for _ in range(20)]
    for each in asked:
        assert each.get_result().as_numpy("output-0").tolist() == place.expected


def a_mistake_is_told_in_the_servers_words(place: Place) -> None:
    import tritonclient.http as triton

    values = np.ones((1, 3))
    tensor = triton.InferInput("rows", [1, 3], "FP64")
    tensor.set_data_from_numpy(values)
    client = _client(place.http)
    error = _refused(lambda: client.infer("forest", [tensor], headers=place.headers))
    assert error.status() == "400"
    assert "the model takes 4: 'a', 'b', 'c', 'd'" in error.message()
    assert _refused(lambda: client.infer("forest", [tensor])).status() == "401"


def what_an_extension_would_change_is_refused(place: Place) -> None:
    import tritonclient.http as triton

    wanted = [triton.InferRequestedOutput("output-0", class_count=1)]
    client = _client(place.http)
    error = _refused(lambda: client.infer("forest", _rows(place, binary=True), outputs=wanted, headers=place.headers))
    assert "'classification' belongs to an extension" in error.message()


FACTS = [
    health_is_told_without_a_token,
    a_model_and_its_versions_are_ready_and_others_are_not,
    metadata_says_what_to_send,
    raw_tensors_are_answered_with_the_models_bits,
    json_is_answered_with_the_models_bits,
    json_is_answered_with_raw_tensors,
    columns_of_several_types_are_taken_raw_and_in_json,
    many_may_be_asked_at_once,
    a_mistake_is_told_in_the_servers_words,
    what_an_extension_would_change_is_refused,
]

if __name__ == "__main__":
    tell(FACTS)
