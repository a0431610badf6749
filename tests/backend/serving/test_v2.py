"""The V2 protocol: bytes to rows, predictions to bytes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labline_backend.serving import v2_answers, v2_requests
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.rows import Matrix, Table
from labline_backend.serving.signature import Column, Signature, Tensor

from .conftest import tensor
from .models import COLUMNS

NUMBERS = Signature(tuple(Column(name, "double") for name in COLUMNS))
MIXED = Signature((Column("city", "string"), Column("rooms", "long"), Column("size", "double", required=False)))
IMAGES = Signature(tensors=(Tensor(None, np.dtype("float32"), (-1, 2, 2)),))


def parse(document: Any, signature: Signature = NUMBERS, tail: bytes = b"", length: str | None = None) -> Any:
    body = json.dumps(document).encode()
    if tail and length is None:
        length = str(len(body))
    return v2_requests.parse(body + tail, length, signature)


def one(**changes: Any) -> dict[str, Any]:
    return {"inputs": [{**tensor([[1.0, 2.0, 3.0, 4.0]]), **changes}]}


def test_a_matrix_may_be_flat_or_nested() -> None:
    flat = parse(one()).rows
    nested = parse(one(data=[[1.0, 2.0, 3.0, 4.0]])).rows
    assert flat.values.tolist() == nested.values.tolist() == [[1.0, 2.0, 3.0, 4.0]]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "a"},
        {"shape": [2, 4], "data": [1.0, 2.0, -0.0, 4.0, 5.0, 6.0, 7.0, 1e308]},
        {"data": [1, 2.0, 3.0, 4.0]},
        {"data": [None, 2.0, 3.0, 4.0]},
        {"data": [True, 2.0, 3.0, 4.0]},
        {"data": ["1", 2.0, 3.0, 4.0]},
        {"data": [1.0, 2.0, 3.0]},
        {"data": {"0": 1.0}},
        {"name": 1},
        {"datatype": "FP32"},
        {"datatype": ["FP64"]},
        {"shape": [4]},
        {"shape": [1, 4, 1]},
        {"shape": [True, 4]},
        {"shape": [1.0, 4]},
        {"shape": [-1, -4]},
        {"shape": [0, 4], "data": []},
        {"shape": [4, 1]},
        {"shape": "ab"},
    ],
    ids=str,
)
def test_the_usual_tensor_is_read_as_one_that_is_asked_about_at_length(changes: dict[str, Any]) -> None:
    def outcome(**more: Any) -> Any:
        try:
            rows = parse(one(**changes, **more)).rows
        except Refusal as refusal:
            return refusal.message
        return type(rows), rows.names, rows.values.shape, rows.values.dtype, rows.values.tobytes()

    assert outcome() == outcome(parameters={})


def test_columns_by_name_may_come_in_any_order() -> None:
    inputs = [{"name": n, "shape": [1, 1], "datatype": "FP64", "data": [float(i)]} for i, n in enumerate("dcba")]
    rows = parse({"inputs": inputs}).rows
    assert isinstance(rows, Matrix)
    assert rows.values.tolist() == [[3.0, 2.0, 1.0, 0.0]]


def test_columns_of_several_types_make_a_table_and_an_optional_one_may_be_left_out() -> None:
    inputs = [
        {"name": "city", "shape": [2], "datatype": "BYTES", "data": ["Bern", "Genf"]},
        {"name": "rooms", "shape": [2], "datatype": "INT32", "data": [1, 2]},
    ]
    rows = parse({"inputs": inputs}, MIXED).rows
    assert isinstance(rows, Table)
    assert [(name, array.tolist()) for name, array in rows.named()] == [("city", ["Bern", "Genf"]), ("rooms", [1, 2])]
    assert rows.arrays[1].dtype == np.int64


def test_a_tensor_is_taken_in_the_models_own_dtype() -> None:
    rows = parse({"inputs": [tensor(np.ones((3, 2, 2)))]}, IMAGES).rows
    assert rows.model_input().dtype == np.float32
    assert rows.count == 3


@given(
    st.sampled_from([name for name, dtype in v2_requests.DATATYPES.items() if dtype.kind in "fiu"]),
    st.lists(st.integers(0, 120), max_size=12),
)
def test_raw_tensors_hold_what_json_holds(datatype: str, values: list[int]) -> None:
    dtype = v2_requests.DATATYPES[datatype]
    array = np.array(values, dtype=dtype)
    raw = array.astype(dtype.newbyteorder("<")).tobytes()
    described = {
        "name": "x",
        "shape": [len(values)],
        "datatype": datatype,
        "parameters": {"binary_data_size": len(raw)},
    }
    other = {"name": "x", "shape": [len(values)], "datatype": datatype, "data": values}
    binary = parse({"inputs": [described]}, Signature(), raw, None).rows if raw else None
    plain = parse({"inputs": [other]}, Signature()).rows
    if binary is not None:
        assert binary.model_input().tobytes() == plain.model_input().tobytes() == array.tobytes()


def raw_one(values: Any, **more: Any) -> tuple[bytes, int]:
    """A request with one raw tensor, and the length of its head."""
    data = np.array(values)
    given = {"name": "x", "shape": list(data.shape), "datatype": "FP64", "parameters": {"binary_data_size": 64}, **more}
    head = json.dumps({"inputs": [given], "parameters": {"binary_data_output": True}}).encode()
    return head + data.tobytes(), len(head)


def test_a_head_that_came_before_is_read_as_it_was_at_first() -> None:
    signature = Signature(tuple(Column(name, "double") for name in "abcd"))
    for values in (np.ones((2, 4)), np.arange(8.0).reshape(2, 4)):
        body, length = raw_one(values)
        found = v2_requests.parse(body, str(length), signature)
        assert found.rows.values.tolist() == values.tolist()
        assert (found.id, found.wanted, found.all_binary) == (None, None, True)
    assert len(signature.heads) == 1


@pytest.mark.parametrize("tail", [b"", b"1234567", b"12345678" * 7, b"12345678" * 9])
def test_a_head_that_came_before_says_how_much_follows(tail: bytes) -> None:
    signature = Signature(tuple(Column(name, "double") for name in "abcd"))
    body, length = raw_one(np.ones((2, 4)))
    v2_requests.parse(body, str(length), signature)
    with pytest.raises(Refusal) as again:
        v2_requests.parse(body[:length] + tail, str(length), signature)
    with pytest.raises(Refusal) as fresh:
        v2_requests.parse(body[:length] + tail, str(length), Signature(signature.columns))
    assert again.value.message == fresh.value.message


def test_heads_that_differ_are_not_kept_for_ever() -> None:
    signature = Signature(tuple(Column(name, "double") for name in "abcd"))
    for number in range(3 * v2_requests.MOST_HEADS):
        body, length = raw_one(np.ones((2, 4)), name=f"x{number}")
        assert v2_requests.parse(body, str(length), signature).rows.count == 2
    assert len(signature.heads) <= v2_requests.MOST_HEADS


def test_raw_strings_have_their_lengths_before_them() -> None:
    raw = b"".join(len(t).to_bytes(4, "little") + t for t in ("Zürich".encode(), b""))
    inputs = [
        {"name": "city", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}},
        {"name": "rooms", "shape": [2], "datatype": "INT64", "data": [1, 2]},
    ]
    assert parse({"inputs": inputs}, MIXED, raw).rows.arrays[0].tolist() == ["Zürich", ""]


BAD: list[tuple[str, Any, str]] = [
    ("no inputs", {}, "'inputs' is missing"),
    ("inputs no list", {"inputs": {}}, "'inputs' is missing"),
    ("unnamed", {"inputs": [{}]}, "Input 0 is not an object with a 'name'"),
    ("id", {**one(), "id": 7}, "'id' is not a string"),
    ("datatype", one(datatype="FLOAT"), "the datatype is the string 'FLOAT'; known are BOOL"),
    ("datatype no string", one(datatype=["FP64"]), "the datatype is a list"),
    ("shape text", one(shape="4"), "the shape is not a list"),
    ("shape negative", one(shape=[-1, 4]), "the shape is not a list"),
    ("shape lies", one(shape=[2, 4]), "the data has 4 values, and the shape [2, 4] stands for 8"),
    ("shape lies hugely", one(shape=[10**9, 10**9]), "stands for 1000000000000000000"),
    ("empty and huge", one(shape=[0, 1 << 39, 1 << 39], data=[]), "is too large"),
    ("nesting lies", one(data=[[1.0, 2.0], [3.0, 4.0]]), "axis 1 differs"),
    ("width", {"inputs": [tensor([[1.0, 2.0]])]}, "has 2 columns; the model takes 4: 'a', 'b', 'c', 'd'"),
    ("string", one(data=[1.0, 2.0, "x", 4.0]), "row 0, column 2: the string 'x' is not a number"),
    ("no data", {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64"}]}, "'data' is missing"),
    ("missing column", {"inputs": [tensor([1.0], "a")]}, "missing columns 'b', 'c', 'd'"),
    ("extra column", {"inputs": [tensor([1.0], n) for n in "abcde"]}, "unknown column 'e'"),
    ("twice", {"inputs": [tensor([1.0], "a")] * 2}, "'a' is given twice"),
    ("lengths", {"inputs": [tensor([1.0] * (1 + i), n) for i, n in enumerate("abcd")]}, "differ in length"),
    ("outputs", {**one(), "outputs": ["x"]}, "'outputs' is not a list of objects"),
]


@pytest.mark.parametrize(("document", "said"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_request_is_refused_with_what_and_where(document: Any, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(document)
    assert refused.value.status == 400
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("size", "length", "said"),
    [
        (32, "x", "not a number of bytes"),
        (32, "-1", "not a number of bytes"),
        (32, "99999", "and the body has"),
        (24, None, "the tensor has 24 bytes, and its shape stands for 4 values of 8"),
        (64, None, "binary_data_size is 64, and 32 bytes are left"),
        (-8, None, "binary_data_size is -8"),
        ("x", None, "binary_data_size is the string 'x'"),
        (16, None, "the tensor has 16 bytes"),
    ],
)
def test_a_wrong_binary_header_is_refused(size: Any, length: str | None, said: str) -> None:
    document = one(parameters={"binary_data_size": size})
    with pytest.raises(Refusal, match=said):
        parse(document, tail=bytes(32), length=length)


def test_bytes_that_no_tensor_claims_are_refused() -> None:
    with pytest.raises(Refusal, match="5 bytes follow the last tensor"):
        parse(one(), tail=b"12345")


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4)
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner)
)
likely = st.fixed_dictionaries(
    {},
    optional={
        "id": scalars,
        "outputs": documents,
        "parameters": documents,
        "inputs": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "name": st.sampled_from(["a", "rows", "city"]) | documents,
                    "shape": st.lists(st.integers(-1, 5), max_size=3) | documents,
                    "datatype": st.sampled_from(list(v2_requests.DATATYPES)) | documents,
                    "data": st.lists(scalars, max_size=6) | documents,
                    "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": st.integers(-1, 40)})
                    | documents,
                },
            )
            | documents,
            max_size=3,
        ),
    },
)


@given(likely | documents, st.binary(max_size=40), st.sampled_from([NUMBERS, MIXED, IMAGES, Signature()]))
def test_whatever_is_sent_is_understood_or_refused(document: Any, tail: bytes, signature: Signature) -> None:
    with contextlib.suppress(Refusal):
        parse(document, signature, tail)


@given(st.binary())
def test_bytes_that_are_no_json_are_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        v2_requests.parse(body, None, NUMBERS)


def test_a_hundred_thousand_levels_of_nesting_are_refused() -> None:
    with pytest.raises(Refusal, match="not JSON"):
        v2_requests.parse(b"[" * 100_000, None, NUMBERS)


def answered(prediction: Any, **request: Any) -> tuple[Any, bytes]:
    asked = parse({**one(), **request})
    body, length = v2_answers.answer(asked, prediction, NUMBERS, "m", "3")
    return json.loads(body[:length]), body[length or len(body) :]


@given(st.lists(st.floats(), min_size=1))
def test_json_answers_hold_every_bit_of_a_number(values: list[float]) -> None:
    document, _ = answered(np.array(values))
    back = [float("nan") if value is None else value for value in document["outputs"][0]["data"]]
    finite = np.isfinite(values)
    assert np.array(back)[finite].tobytes() == np.array(values)[finite].tobytes()


@given(st.lists(st.floats(), min_size=1))
def test_raw_answers_hold_every_bit(values: list[float]) -> None:
    document, tail = answered(np.array(values), parameters={"binary_data_output": True})
    assert document["outputs"][0]["parameters"] == {"binary_data_size": len(tail)}
    assert tail == np.array(values, dtype="<f8").tobytes()


def test_an_answer_names_model_version_and_id() -> None:
    document, _ = answered(np.zeros((1, 2)), id="x")
    assert (document["model_name"], document["model_version"], document["id"]) == ("m", "3", "x")
    assert document["outputs"][0]["shape"] == [1, 2]


def test_labels_that_are_text_are_bytes() -> None:
    document, _ = answered(np.array(["Adelie", "Gentoo"]))
    assert document["outputs"][0]["datatype"] == "BYTES"
    assert document["outputs"][0]["data"] == ["Adelie", "Gentoo"]


def test_a_frame_is_an_output_a_column() -> None:
    import pandas as pd

    document, _ = answered(pd.DataFrame({"low": [1.0], "high": [2.0]}), outputs=[{"name": "high"}])
    assert [(o["name"], o["data"]) for o in document["outputs"]] == [("high", [2.0])]


def test_an_output_that_there_is_not_is_refused() -> None:
    with pytest.raises(Refusal, match="There is no output 'x'"):
        answered(np.zeros(1), outputs=[{"name": "x"}])
