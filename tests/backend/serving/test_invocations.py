"""MLflow's ``/invocations``: every shape means the same rows, and the ones that MLflow itself would make of it."""

from __future__ import annotations

import contextlib
import json
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from labline_backend.serving import invocations
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.rows import Table
from labline_backend.serving.signature import Signature

from .conftest import Registry
from .models import COLUMNS, frame, mixed_frame
from .test_v2 import IMAGES, MIXED, NUMBERS, documents


def parse(document: Any, signature: Signature = NUMBERS, content_type: str = "application/json") -> Any:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return invocations.parse(body, content_type, signature)[0]


ROWS = frame(3)
SHAPES: dict[str, tuple[Any, str]] = {
    "dataframe_split": ({"dataframe_split": json.loads(ROWS.to_json(orient="split", double_precision=15))}, "json"),
    "dataframe_records": ({"dataframe_records": ROWS.to_dict(orient="records")}, "json"),
    "instances of lists": ({"instances": ROWS.to_numpy().tolist()}, "json"),
    "instances of objects": ({"instances": ROWS.to_dict(orient="records")}, "json"),
    "inputs": ({"inputs": ROWS.to_dict(orient="list")}, "json"),
    "csv": (ROWS.to_csv(index=False).encode(), "csv"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_means_the_same_rows(shape: str) -> None:
    document, kind = SHAPES[shape]
    rows = parse(document, content_type="text/csv" if kind == "csv" else "application/json; charset=utf-8")
    places = 15 if shape == "dataframe_split" else 17  # pandas' own writer rounds
    assert np.allclose(rows.values, ROWS.to_numpy(), rtol=10.0**-places, atol=10.0**-places)


def test_columns_may_come_in_any_order() -> None:
    shuffled = ROWS[["d", "b", "a", "c"]]
    split = {"columns": list(shuffled.columns), "data": shuffled.to_numpy().tolist()}
    assert parse({"dataframe_split": split}).values.tolist() == ROWS.to_numpy().tolist()


@pytest.mark.parametrize("shape", ["dataframe_split", "dataframe_records", "inputs"])
def test_a_table_is_what_mlflow_makes_of_the_same_body(shape: str, registry: Registry) -> None:
    from mlflow.pyfunc.scoring_server import infer_and_parse_data

    rows = mixed_frame(20)
    split = {"columns": list(rows.columns), "data": rows.astype(object).where(rows.notna(), None).to_numpy().tolist()}
    records = [dict(zip(split["columns"], row, strict=True)) for row in split["data"]]
    listed = {name: [row[i] for row in split["data"]] for i, name in enumerate(split["columns"])}
    document = {shape: {"dataframe_split": split, "dataframe_records": records, "inputs": listed}[shape]}
    signature = registry.predictor("prices").signature
    assert isinstance(parse(document, signature), Table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = infer_and_parse_data(document, registry.predictor("prices")._pyfunc.metadata.get_input_schema())
    ours = registry.pyfunc("prices", parse(document, signature).model_input())
    assert ours.tobytes() == registry.pyfunc("prices", theirs).tobytes()


def test_a_tensor_comes_as_nested_lists() -> None:
    images = np.arange(8, dtype="float32").reshape(2, 2, 2)
    rows = parse({"inputs": images.tolist()}, IMAGES)
    assert rows.model_input().dtype == np.float32
    assert rows.model_input().tolist() == images.tolist()


SPLIT = {"columns": list(COLUMNS), "data": [[1, 2, 3, 4]]}
BAD: list[tuple[str, Any, str]] = [
    ("nothing", {}, "The body has one of the keys"),
    ("two formats", {"inputs": [], "instances": []}, "The body has one of the keys"),
    ("unknown key", {"inputs": [], "data": []}, "The body has one of the keys"),
    ("params", {"dataframe_split": SPLIT, "params": {"x": 1}}, "The model takes no parameters"),
    ("split no object", {"dataframe_split": []}, "'dataframe_split' is not an object"),
    ("split extra", {"dataframe_split": {**SPLIT, "x": 1}}, "no 'x'"),
    ("no columns", {"dataframe_split": {"data": [[1]]}}, "no list of 'columns'"),
    (
        "ragged",
        {"dataframe_split": {**SPLIT, "data": [[1, 2, 3, 4], [1]]}},
        "Row 1 is 1 values, not a list of 4 values",
    ),
    (
        "string",
        {"dataframe_split": {**SPLIT, "data": [[1, 2, 3, 4], [1, "x", 3, 4]]}},
        "Row 1, column 'b': the string 'x'",
    ),
    ("missing", {"dataframe_records": [{"a": 1, "b": 2, "c": 3}]}, "missing column 'd'"),
    ("extra", {"dataframe_records": [{**dict.fromkeys(COLUMNS, 1), "e": 5}]}, "unknown column 'e'"),
    ("later row", {"dataframe_records": [dict.fromkeys(COLUMNS, 1), {"a": 1}]}, "Row 1: The columns"),
    ("record no object", {"dataframe_records": [1]}, "Row 0 is 1, not an object"),
    ("no rows", {"dataframe_records": []}, "There are no rows"),
    ("instances no list", {"instances": 4}, "'instances' is not a list"),
    ("lengths", {"inputs": {"a": [1], "b": [1, 2], "c": [1], "d": [1]}}, "differ in length"),
]


@pytest.mark.parametrize(("document", "said"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_request_is_refused_with_what_and_where(document: Any, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(document)
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The body is empty"),
        (b"a,b,c,d\n1,2,3,x\n", "Row 0, column 'd': the string 'x' is not a number"),
        (b"a,b,c,d\n1,2,3,1_000\n", "is not a number"),
        (b"a,b,c\n1,2,3\n", "missing column 'd'"),
        (b"a,b,c,d\n1,2,3,4\n\xff", "not UTF-8"),
        (b'a,b,c,d\n"1', "not CSV"),
        (b"a,b,c,d\n1,2,3,4\n1,2,3,4,5\n", "Row 1 has 5 values, and the header has 4 columns"),
        (b"a,b,c,d,a\n1,2,3,4,5\n", "'a' are given twice"),
        (b"a,b,c,d\n1,2,3,NaNa\n", "'NaNa' is not a number"),
    ],
)
def test_bad_csv_is_refused_with_what_and_where(body: bytes, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(body, content_type="text/csv")
    assert said in refused.value.message


def test_csv_knows_missing_values_and_quotes() -> None:
    body = b'city,rooms,size\n"Bern, Stadt",2,\nNA,3,1e3\n'
    rows = parse(body, MIXED, "text/csv")
    assert [array.tolist()[:1] for _, array in rows.named()][:2] == [["Bern, Stadt"], [2]]
    assert np.isnan(rows.arrays[2][0]) and rows.arrays[0][1] is None and rows.arrays[2][1] == 1000


def test_csv_for_a_model_without_a_signature_is_read_as_numbers_where_it_is_numbers() -> None:
    rows = parse(b"x,y,z\n1,1.5,a\n2,,b\n", Signature(), "text/csv")
    assert [array.dtype.kind for array in rows.arrays] == ["i", "f", "O"]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json; charset=latin-1"])
def test_another_content_type_is_not_supported(content_type: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse({}, content_type=content_type)
    assert refused.value.status == 415


@given(documents)
def test_whatever_is_sent_is_understood_or_refused(content: Any) -> None:
    for key in invocations.FORMATS:
        for signature in (NUMBERS, MIXED, IMAGES, Signature()):
            with contextlib.suppress(Refusal):
                parse({key: content}, signature)


def test_an_answer_is_mlflows() -> None:
    import pandas as pd

    assert json.loads(invocations.answer(np.array([[0.5, 0.5]]))) == {"predictions": [[0.5, 0.5]]}
    assert json.loads(invocations.answer(pd.DataFrame({"x": [1]}))) == {"predictions": [{"x": 1}]}


def test_a_header_of_very_many_columns_is_refused_as_any_other() -> None:
    body = ",".join(f"c{number}" for number in range(300_000)).encode() + b"\n"
    with pytest.raises(Refusal, match="and 299990 more"):
        parse(body, content_type="text/csv")
