"""The V2 protocol as Protocol Buffers: the messages are the published ones, and what is wrong with one is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labline_backend.serving import v2_messages, v2_requests
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.signature import Signature

from .test_v2 import MIXED, NUMBERS

MESSAGES = sorted(
    v2_messages.POOL.FindFileByName("open_inference.proto").message_types_by_name,
)


def request(*tensors: dict[str, Any], raw: list[bytes] | None = None, **changes: Any) -> Any:
    """A ModelInferRequest."""
    made = v2_messages.kind("ModelInferRequest")(model_name="m", raw_input_contents=raw or [], **changes)
    for tensor in tensors:
        contents = tensor.get("contents")
        rest = {name: value for name, value in tensor.items() if name != "contents"}
        added = made.inputs.add(**rest)
        for field, values in (contents or {}).items():
            getattr(added.contents, field).extend(values)
    return made


def one(**changes: Any) -> dict[str, Any]:
    return {"name": "rows", "datatype": "FP64", "shape": [1, 4], **changes}


FILLED = one(contents={"fp64_contents": [1.0, 2.0, 3.0, 4.0]})
BYTES = np.array([1.0, 2.0, 3.0, 4.0]).tobytes()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_that_of_other_peoples_clients(name: str) -> None:
    from tritonclient.grpc import service_pb2

    def fields(descriptor: Any) -> Any:
        nested = {each.name: fields(each) for each in descriptor.nested_types}
        return [(f.name, f.number, f.type, f.is_repeated) for f in descriptor.fields], nested

    ours = v2_messages.POOL.FindMessageTypeByName(f"inference.{name}")
    assert fields(ours) == fields(service_pb2.DESCRIPTOR.message_types_by_name[name])


def test_values_raw_and_in_their_fields_are_the_same_rows() -> None:
    typed = v2_messages.rows(request(FILLED), NUMBERS)
    raw = v2_messages.rows(request(one(), raw=[BYTES]), NUMBERS)
    assert typed.values.tolist() == raw.values.tolist() == [[1.0, 2.0, 3.0, 4.0]]


@pytest.mark.parametrize("datatype", [name for name in v2_requests.DATATYPES if name not in ("FP16", "BYTES")])
def test_every_datatype_has_its_field(datatype: str) -> None:
    tensor = {"name": "x", "datatype": datatype, "shape": [2]}
    contents = {v2_messages._CONTENTS[datatype]: [0, 1]}
    rows = v2_messages.rows(request({**tensor, "contents": contents}), Signature())
    assert rows.model_input().dtype == v2_requests.DATATYPES[datatype]
    assert rows.model_input().tolist() == [0, 1]


def test_strings_come_in_their_field() -> None:
    rows = v2_messages.rows(
        request(
            {"name": "city", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": ["Zürich".encode()]}},
            {"name": "rooms", "datatype": "INT64", "shape": [1], "contents": {"int64_contents": [2]}},
        ),
        MIXED,
    )
    assert rows.arrays[0].tolist() == ["Zürich"]


BAD: dict[str, tuple[Any, str]] = {
    "no inputs": (request(), "There are no inputs"),
    "twice": (request(FILLED, FILLED), "given twice"),
    "datatype": (request(one(datatype="FLOAT")), "the datatype is the string 'FLOAT'"),
    "negative": (request(one(shape=[-1, 4])), "the shape is not a list"),
    "shape lies": (request(one(shape=[2, 4], contents=FILLED["contents"])), "there are 4 values, and the shape [2, 4]"),
    "shape lies hugely": (request(one(shape=[1 << 39, 1 << 39])), "there are 0 values"),
    "empty and huge": (request(one(shape=[0, 1 << 39, 1 << 39])), "is too large"),
    "raw lies": (request(one(), raw=[BYTES[:-1]]), "the tensor has 31 bytes"),
    "too few raw": (request(one(), one(name="x"), raw=[BYTES]), "There are 2 inputs and 1 raw_input_contents"),
    "both": (request(FILLED, raw=[BYTES]), "in its contents and in raw_input_contents"),
    "other field": (request(one(contents={"fp32_contents": [1.0] * 4})), "are in fp64_contents, and there are some in"),
    "half": (request(one(datatype="FP16", contents={"fp32_contents": [1.0] * 4})), "FP16 is sent in raw_input"),
    "range": (
        request({"name": "x", "datatype": "INT8", "shape": [1], "contents": {"int_contents": [300]}}),
        "300 would change as int8",
    ),
    "string in a number column": (
        request(
            *({"name": n, "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"x"]}} for n in "abcd")
        ),
        "Row 0, column 'a': the string 'x' is not a number",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_refused_with_what_and_where(case: str) -> None:
    given, said = BAD[case]
    with pytest.raises(Refusal) as refused:
        v2_messages.rows(given, NUMBERS)
    assert refused.value.status == 400
    assert said in refused.value.message


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(Refusal, match="The message is no ModelInferRequest"):
        v2_messages.read("ModelInferRequest", b"\xff\xff\xff")


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    "array", [np.array([[0.5, 1.5]]), np.array([1, 2], np.int8), np.array(["a", "é"], object), np.array([True])]
)
def test_an_answer_comes_as_the_question_did(array: Any, raw: bool) -> None:
    asked = request(one(), raw=[BYTES]) if raw else request(FILLED)
    answer = v2_messages.kind("ModelInferResponse").FromString(v2_messages.answer(asked, [("y", array)], "m", "1"))
    (output,) = answer.outputs
    assert list(output.shape) == list(array.shape)
    assert bool(answer.raw_output_contents) == raw
    if not raw:
        values = list(getattr(output.contents, v2_messages._CONTENTS[output.datatype]))
        assert values == [v.encode() if isinstance(v, str) else v for v in array.ravel().tolist()]


def test_half_floats_are_answered_raw_because_they_have_no_field() -> None:
    data = v2_messages.answer(request(FILLED), [("y", np.array([0.5], np.float16))], "m", "1")
    answer = v2_messages.kind("ModelInferResponse").FromString(data)
    assert list(answer.raw_output_contents) == [np.array([0.5], np.float16).tobytes()]


def test_an_output_of_an_extension_is_refused() -> None:
    made = request(FILLED)
    made.outputs.add(name="y").parameters["classification"].int64_param = 1
    with pytest.raises(Refusal, match="belongs to an extension"):
        v2_messages.wanted(made)
