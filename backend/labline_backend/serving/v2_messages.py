"""Requests and answers of the Open Inference Protocol V2 as Protocol Buffers: gRPC's side of the wire.

The messages are made from ``open_inference.binpb`` in a pool of their own. Clients and servers of others bring the same
names along, and one process may hold each name only once in the pool that all share; a model may import any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from labline_backend.serving import cells, v2_answers, v2_requests
from labline_backend.serving.refusal import Refusal, quoted
from labline_backend.serving.rows import Array, Rows
from labline_backend.serving.signature import Signature

SERVICE = "inference.GRPCInferenceService"
DESCRIPTORS = Path(__file__).with_name("open_inference.binpb")

_CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""The field that holds the values of a datatype. FP16 has none."""

_WIDE = {"int_contents": np.dtype(np.int32), "uint_contents": np.dtype(np.uint32)}

Message = Any  # made at run time: there is nothing to check types against


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = _pool()


def kind(name: str) -> Message:
    """The class of a message of the protocol."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"inference.{name}"))


def read(name: str, data: bytes) -> Message:
    """The message that *data* is. Raises ``Refusal``."""
    try:
        return kind(name).FromString(data)
    except DecodeError as error:
        raise Refusal(f"The message is no {name}: {error}.") from None


def rows(request: Message, signature: Signature) -> Rows:
    """The rows of a ModelInferRequest. Raises ``Refusal``."""
    raws = request.raw_input_contents
    if not request.inputs:
        raise Refusal("There are no inputs.")
    if raws and len(raws) != len(request.inputs):
        raise Refusal(f"There are {len(request.inputs)} inputs and {len(raws)} raw_input_contents: one is for each.")
    tensors: dict[str, Array] = {}
    for index, given in enumerate(request.inputs):
        where = f"Input {quoted(given.name)}"
        shape = list(given.shape)
        dtype, count = v2_requests.declared(given.datatype, shape, where)
        if given.name in tensors:
            raise Refusal(f"The input {quoted(given.name)} is given twice.")
        if raws:
            if given.HasField("contents"):
                raise Refusal(f"{where}: the values are in its contents and in raw_input_contents.")
            array = v2_requests.raw(memoryview(raws[index]), dtype, count, where)
        else:
            array = _contents(given, dtype, count, where)
        tensors[given.name] = array.reshape(shape)
    return v2_requests.to_rows(tensors, signature)


def _contents(given: Message, dtype: np.dtype[Any], count: int, where: str) -> Array:
    field = _CONTENTS.get(given.datatype)
    if field is None:
        raise Refusal(f"{where}: {given.datatype} is sent in raw_input_contents.")
    others = [found.name for found, _ in given.contents.ListFields() if found.name != field]
    if others:
        raise Refusal(f"{where}: the values of {given.datatype} are in {field}, and there are some in {others[0]}.")
    values = getattr(given.contents, field)
    if len(values) != count:
        raise Refusal(f"{where}: there are {len(values)} values, and the shape {list(given.shape)} stands for {count}.")
    array = np.fromiter(values, _WIDE.get(field, dtype), count)
    return cells.exactly(array, dtype, v2_requests.placed(given.shape, where))


def wanted(request: Message) -> tuple[str, ...] | None:
    """The outputs that a client wants; None for all. Raises ``Refusal``."""
    for output in request.outputs:
        v2_requests.refuse_extensions(output.parameters, output.name)
    return tuple(output.name for output in request.outputs) or None


def answer(request: Message, arrays: Sequence[tuple[str, Array]], model: str, version: str) -> bytes:
    """A ModelInferResponse. The values are raw where the client's were, or where they could not be told otherwise."""
    response = kind("ModelInferResponse")(model_name=model, model_version=version, id=request.id)
    as_raw = bool(request.raw_input_contents)
    as_raw = as_raw or not all(v2_answers.datatype_of(array) in _CONTENTS for _, array in arrays)
    for name, array in arrays:
        datatype = v2_answers.datatype_of(array)
        output = response.outputs.add(name=name, datatype=datatype, shape=array.shape)
        if as_raw:
            response.raw_output_contents.append(v2_answers.raw(array))
        elif datatype == "BYTES":
            output.contents.bytes_contents.extend(text.encode() for text in v2_answers.texts(array))
        else:
            getattr(output.contents, _CONTENTS[datatype]).extend(array.ravel().tolist())
    return bytes(response.SerializeToString())


def metadata(signature: Signature, model: str, versions: Sequence[str], platform: str) -> bytes:
    """A ModelMetadataResponse."""
    told = v2_answers.metadata(signature, model, versions, platform)
    return bytes(kind("ModelMetadataResponse")(**told).SerializeToString())
