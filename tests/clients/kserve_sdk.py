"""The client of KServe's SDK, in an environment of its own: ``uv pip install kserve``."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from .facts import Place, refusal, tell

COLUMNS = {"city": "BYTES", "rooms": "INT64", "size": "FP64"}


def _rows(place: Place, *, binary: bool) -> Any:
    from kserve import InferInput, InferRequest

    values = np.array(place.rows)
    tensor = InferInput("rows", list(values.shape), "FP64")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return InferRequest("forest", [tensor], request_id="7", parameters={"binary_data_output": binary})


def _columns(place: Place, *, binary: bool) -> Any:
    from kserve import InferInput, InferRequest

    tensors = []
    for name, datatype in COLUMNS.items():
        values = np.array(place.mixed_rows[name], dtype=object if datatype == "BYTES" else None)
        tensors.append(InferInput(name, [len(values)], datatype))
        tensors[-1].set_data_from_numpy(values, binary_data=binary)
    return InferRequest("prices", tensors)


def _over_http(ask: Any) -> Any:
    from kserve.inference_client import InferenceRESTClient, RESTConfig

    async def asked() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            return await ask(client)

    return asyncio.run(asked())


def http_health_and_readiness_are_told(place: Place) -> None:
    base = f"http://{place.http}"

    async def ask(client: Any) -> list[bool]:
        return [
            await client.is_server_live(base),
            await client.is_server_ready(base),
            await client.is_model_ready(base, "forest", headers=place.headers),
            not await client.is_model_ready(base, "other", headers=place.headers),
        ]

    assert _over_http(ask) == [True] * 4


def http_answers_have_the_models_bits(place: Place) -> None:
    for binary in (True, False):
        request = _rows(place, binary=binary)
        answer = _over_http(
            lambda client, request=request: client.infer(
                f"http://{place.http}", request, "forest", headers=place.headers
            )
        )
        assert answer.id == "7"
        assert answer.outputs[0].as_numpy().tobytes() == np.array(place.expected).tobytes()


def http_takes_columns_of_several_types(place: Place) -> None:
    for binary in (True, False):
        request = _columns(place, binary=binary)
        answer = _over_http(
            lambda client, request=request: client.infer(
                f"http://{place.mixed_http}", request, "prices", headers=place.headers
            )
        )
        assert answer.outputs[0].as_numpy().tolist() == place.mixed_expected


def an_http_mistake_is_told_in_the_servers_words(place: Place) -> None:
    asked = {"inputs": []}
    said = refusal(
        lambda: _over_http(lambda client: client.infer(f"http://{place.http}", asked, "forest", headers=place.headers))
    )
    assert "'inputs' is missing" in said


def _over_grpc(address: str, ask: Any) -> Any:
    from kserve.inference_client import InferenceGRPCClient

    async def asked() -> Any:
        async with InferenceGRPCClient(address) as client:
            return await ask(client)

    return asyncio.run(asked())


def grpc_health_and_readiness_are_told(place: Place) -> None:
    headers = list(place.headers.items())

    async def ask(client: Any) -> list[bool]:
        return [
            await client.is_server_live(),
            await client.is_server_ready(),
            await client.is_model_ready("forest", headers=headers),
        ]

    assert _over_grpc(place.grpc, ask) == [True] * 3


def grpc_answers_have_the_models_bits(place: Place) -> None:
    for binary in (True, False):
        request = _rows(place, binary=binary)
        request.parameters = {}
        headers = list(place.headers.items())
        answer = _over_grpc(
            place.grpc, lambda client, request=request, headers=headers: client.infer(request, headers=headers)
        )
        assert answer.id == "7"
        assert answer.outputs[0].as_numpy().tobytes() == np.array(place.expected).tobytes()


def grpc_takes_columns_of_several_types(place: Place) -> None:
    for binary in (True, False):
        request, headers = _columns(place, binary=binary), list(place.headers.items())
        answer = _over_grpc(
            place.mixed_grpc, lambda client, request=request, headers=headers: client.infer(request, headers=headers)
        )
        assert answer.outputs[0].as_numpy().tolist() == place.mixed_expected


FACTS = [
    http_health_and_readiness_are_told,
    http_answers_have_the_models_bits,
    http_takes_columns_of_several_types,
    an_http_mistake_is_told_in_the_servers_words,
    grpc_health_and_readiness_are_told,
    grpc_answers_have_the_models_bits,
    grpc_takes_columns_of_several_types,
]

if __name__ == "__main__":
    tell(FACTS)
