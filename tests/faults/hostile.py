"""Requests that are almost right, and some that are nothing at all: strategies for fuzzing a server of ``forest``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from labline_backend.serving import v2_messages
from labline_backend.serving.v2_requests import DATATYPES

COLUMNS = ("a", "b", "c", "d")
INFER, INVOCATIONS = "/v2/models/forest/infer", "/invocations"
DEEP = 100_000

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.just("\ud800")
)
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)


@dataclass(frozen=True)
class Sent:
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes


def _tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "rows", "shape": [1, 4], "datatype": "FP64", "data": [1.0, 2.0, 3.0, 4.0], **changes}


RIGHT: tuple[tuple[str, Any], ...] = (
    (INFER, {"id": "1", "inputs": [_tensor()], "outputs": [{"name": "output-0"}], "parameters": {}}),
    (INFER, {"inputs": [_tensor(name=name, shape=[1], data=[0.5]) for name in COLUMNS]}),
    (INVOCATIONS, {"dataframe_split": {"columns": list(COLUMNS), "index": [0], "data": [[1, 2, 3, 4]]}}),
    (INVOCATIONS, {"dataframe_records": [dict.fromkeys(COLUMNS, 1.5)]}),
    (INVOCATIONS, {"instances": [[1, 2, 3, 4]], "params": {}}),
    (INVOCATIONS, {"inputs": {name: [1.0] for name in COLUMNS}}),
)


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """*document* with something else in one place, or without it, or with more."""
    if not isinstance(document, (dict, list)) or not document or draw(st.integers(0, 4)) == 0:
        return draw(junk)
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    key = draw(st.sampled_from(keys))
    changed = dict(document) if isinstance(document, dict) else list(document)
    way = draw(st.sampled_from(["inside", "inside", "inside", "gone", "more"]))
    if way == "gone":
        del changed[key]
    elif way == "inside":
        changed[key] = draw(mutated(document[key]))
    elif isinstance(changed, dict):
        changed[draw(st.text(max_size=6) | st.sampled_from(["binary_data_size", "parameters", "shape"]))] = draw(junk)
    else:
        changed.append(draw(junk))
    return changed


def _encoded(document: Any) -> bytes:
    return json.dumps(document).encode("utf-8", "surrogatepass")


@st.composite
def _documents(draw: st.DrawFn) -> Sent:
    path, right = draw(st.sampled_from(RIGHT))
    document = right
    for _ in range(draw(st.integers(0, 3))):
        document = draw(mutated(document))
    body = _encoded(document)
    if draw(st.integers(0, 5)) == 0:
        body = body[: draw(st.integers(0, len(body)))]
    return Sent(path, {"content-type": "application/json"}, body)


@st.composite
def _tensors(draw: st.DrawFn) -> Sent:
    """Raw tensors whose sizes, shapes, types and headers may lie."""
    datatype = draw(st.sampled_from([*DATATYPES, "FP8", ""]))
    width = draw(st.sampled_from([1, 2, 4, 8]))
    raw = draw(st.binary(max_size=96) | st.just(np.ones(4).tobytes()))
    size: Any = draw(st.sampled_from([len(raw), len(raw) - 1, len(raw) + 1, 0, -1, 2**63, 2**70, "8", 8.0, True]))
    shape = draw(st.sampled_from([[1, 4], [4], [len(raw) // width], [0, 4], [1] * 9, [-1, 4], [2**40, 2**40]]))
    given = {"name": "rows", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size}}
    head = _encoded({"inputs": [given] * draw(st.integers(1, 2)), "parameters": {"binary_data_output": True}})
    length = draw(
        st.just(str(len(head))) | st.integers(-5, 400).map(str) | st.text(st.characters(codec="latin-1"), max_size=8)
    )
    return Sent(INFER, {"inference-header-content-length": length}, head + raw)


@st.composite
def _deep(draw: st.DrawFn) -> Sent:
    """Brackets without end."""
    starts = (b"", b'{"inputs":', b'{"inputs":[{"data":', b'{"instances":', b'{"dataframe_records":')
    path, start = draw(st.sampled_from([INFER, INVOCATIONS])), draw(st.sampled_from(starts))
    opening = draw(st.sampled_from([b"[", b'{"a":', b"[[1],"]))
    closing = draw(st.sampled_from([b"", b"]", b"}"]))
    return Sent(path, {"content-type": "application/json"}, start + opening * DEEP + closing * DEEP)


@st.composite
def _texts(draw: st.DrawFn) -> Sent:
    """CSV and whatever else, under all kinds of content types."""
    kind = draw(st.sampled_from(["text/csv", "application/json", "text/csv; charset=latin-1", "", "a/b; =;;"]))
    lines = st.lists(st.lists(st.sampled_from(["1", "x", "", '"', "1e999", "nan", "é", "1,2"]), max_size=5), max_size=4)
    csv = lines.map(lambda rows: "a,b,c,d\n" + "\n".join(",".join(row) for row in rows)).map(str.encode)
    body = draw(csv | st.binary(max_size=200))
    headers = {"content-type": kind, "content-encoding": draw(st.sampled_from(["", "identity", "gzip", "br"]))}
    return Sent(draw(st.sampled_from([INFER, INVOCATIONS])), headers, body)


requests = st.one_of(_documents(), _documents(), _documents(), _tensors(), _tensors(), _texts(), _deep())


@st.composite
def _messages(draw: st.DrawFn) -> bytes:
    """A ModelInferRequest with some bytes changed, lost or put in."""
    request = v2_messages.kind("ModelInferRequest")(model_name="forest", id="1")
    given = request.inputs.add(name="rows", datatype=draw(st.sampled_from([*DATATYPES, "X"])))
    given.shape.extend(draw(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 8), max_size=10)))
    if draw(st.booleans()):
        given.contents.fp64_contents.extend(draw(st.lists(st.floats(), max_size=8)))
        given.contents.bytes_contents.extend(draw(st.lists(st.binary(max_size=8), max_size=4)))
    request.raw_input_contents.extend(draw(st.lists(st.binary(max_size=64), max_size=2)))
    data = bytearray(request.SerializeToString())
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


messages = _messages() | st.binary(max_size=200)
