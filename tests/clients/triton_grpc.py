"""``tritonclient.grpc``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .facts import Place, refusal, tell

COLUMNS = {"city": "BYTES", "rooms": "INT64", "size": "FP64"}


def _client(address: str) -> Any:
    import tritonclient.grpc as triton

    return triton.InferenceServerClient(address)


def _tensor(values: Any, datatype: str = "FP64", name: str = "rows") -> Any:
    import tritonclient.grpc as triton

    tensor = triton.InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values)
    return tensor


def _refusal(call: Callable[[], object]) -> tuple[str, str]:
    """The status and the words with which *call* is refused."""
    from tritonclient.utils import InferenceServerException

    try:
        call()
    except InferenceServerException as error:
        return error.status().removeprefix("StatusCode."), error.message()
    raise AssertionError("it was answered")


def health_is_told_without_a_token(place: Place) -> None:
    client = _client(place.grpc)
    assert client.is_server_live()
    assert client.is_server_ready()


def a_model_and_its_versions_are_ready(place: Place) -> None:
    client = _client(place.grpc)
    assert client.is_model_ready("forest", headers=place.headers)
    assert client.is_model_ready("forest", "1", headers=place.headers)


def metadata_says_what_to_send(place: Place) -> None:
    model = _client(place.mixed_grpc).get_model_metadata("prices", headers=place.headers)
    assert {tensor.name: tensor.datatype for tensor in model.inputs} == COLUMNS
    assert _client(place.grpc).get_server_metadata(headers=place.headers).name == "labline"


def raw_tensors_are_answered_with_the_models_bits(place: Place) -> None:
    rows = [_tensor(np.array(place.rows))]
    answer = _client(place.grpc).infer("forest", rows, headers=place.headers, request_id="7", model_version="1")
    assert answer.get_response().id == "7"
    assert answer.get_response().model_version == "1"
    assert answer.as_numpy("output-0").tobytes() == np.array(place.expected).tobytes()


def columns_of_several_types_are_taken(place: Place) -> None:
    tensors = []
    for name, datatype in COLUMNS.items():
        values = np.array(place.mixed_rows[name], dtype=object if datatype == "BYTES" else None)
        tensors.append(_tensor(values, datatype, name))
    answer = _client(place.mixed_grpc).infer("prices", tensors, headers=place.headers)
    assert answer.as_numpy("output-0").tolist() == place.mixed_expected


def values_may_be_sent_in_their_own_fields(place: Place) -> None:
    import grpc
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    request = service_pb2.ModelInferRequest(model_name="forest", id="8")
    tensor = request.inputs.add(name="rows", datatype="FP64", shape=[len(place.rows), 4])
    tensor.contents.fp64_contents.extend(value for row in place.rows for value in row)
    with grpc.insecure_channel(place.grpc) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        answer = stub.ModelInfer(request, metadata=list(place.headers.items()))
    assert not answer.raw_output_contents
    assert list(answer.outputs[0].contents.fp64_contents) == np.array(place.expected).ravel().tolist()


def compressed_messages_are_taken(place: Place) -> None:
    rows = [_tensor(np.array(place.rows))]
    answer = _client(place.grpc).infer("forest", rows, headers=place.headers, compression_algorithm="gzip")
    assert answer.as_numpy("output-0").tolist() == place.expected


def another_model_or_version_is_not_found(place: Place) -> None:
    client = _client(place.grpc)
    status, said = _refusal(lambda: client.is_model_ready("other", headers=place.headers))
    assert (status, said) == ("NOT_FOUND", "There is no model 'other' here: served is forest.")
    rows = [_tensor(np.array(place.rows))]
    status, _ = _refusal(lambda: client.infer("forest", rows, model_version="7", headers=place.headers))
    assert status == "NOT_FOUND"


def a_mistake_is_told_in_the_servers_words(place: Place) -> None:
    status, said = _refusal(
        lambda: _client(place.grpc).infer("forest", [_tensor(np.ones((1, 3)))], headers=place.headers)
    )
    assert status == "INVALID_ARGUMENT"
    assert "the model takes 4: 'a', 'b', 'c', 'd'" in said


def without_the_token_nothing_is_told(place: Place) -> None:
    client = _client(place.grpc)
    for headers in ({}, {"authorization": "Bearer wrong"}):
        assert _refusal(lambda headers=headers: client.get_model_metadata("forest", headers=headers))[0] == (
            "UNAUTHENTICATED"
        )
        rows = [_tensor(np.array(place.rows))]
        assert _refusal(lambda rows=rows, headers=headers: client.infer("forest", rows, headers=headers))[0] == (
            "UNAUTHENTICATED"
        )


def a_message_that_is_too_large_is_refused(place: Place) -> None:
    rows = [_tensor(np.zeros((1 << 16, 4)))]
    status, _ = _refusal(lambda: _client(place.grpc).infer("forest", rows, headers=place.headers))
    assert status == "RESOURCE_EXHAUSTED"


def what_is_no_message_is_refused(place: Place) -> None:
    import grpc

    with grpc.insecure_channel(place.grpc) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        for data, said in ((b"\xff\xff", "The message is no ModelInferRequest"), (b"", "There is no model ''")):
            assert said in refusal(lambda data=data: call(data, metadata=list(place.headers.items())))


FACTS = [
    health_is_told_without_a_token,
    a_model_and_its_versions_are_ready,
    metadata_says_what_to_send,
    raw_tensors_are_answered_with_the_models_bits,
    columns_of_several_types_are_taken,
    values_may_be_sent_in_their_own_fields,
    compressed_messages_are_taken,
    another_model_or_version_is_not_found,
    a_mistake_is_told_in_the_servers_words,
    without_the_token_nothing_is_told,
    a_message_that_is_too_large_is_refused,
    what_is_no_message_is_refused,
]

if __name__ == "__main__":
    tell(FACTS)
