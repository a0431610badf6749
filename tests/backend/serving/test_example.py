"""What a version says that it takes can be sent to it as it is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from labline_backend.serving.documents import write
from labline_backend.serving.example import VALUES, described
from labline_backend.serving.invocations import parse
from labline_backend.serving.rows import Rows, Table, Tensors
from labline_backend.serving.signature import Column, Signature, Tensor

from .conftest import Registry, Server
from .models import COLUMNS

EVERY_KIND = Signature(
    tuple(Column(kind, kind) for kind in ("boolean", "integer", "long", "float", "double", "datetime", "string"))
)
TENSOR = Signature(tensors=(Tensor(None, np.dtype(np.float32), (-1, 2, 3)),))
NAMED = Signature(tensors=(Tensor("x", np.dtype(np.int64), (-1, 2)), Tensor("y", np.dtype(np.float64), (-1,))))


def sent(signature: Signature, example: Rows | None) -> Rows:
    """The body that is shown, read as the server reads it."""
    shown = json.loads(write(described(signature, example)))
    rows, _ = parse(json.dumps(shown["body"]).encode(), "application/json", signature)
    return rows


@pytest.mark.parametrize("signature", [EVERY_KIND, TENSOR, NAMED])
def test_a_body_that_was_made_up_is_read(signature: Signature) -> None:
    assert sent(signature, None).count == 1
    assert described(signature, None)["made_up"]


def test_an_example_comes_back_with_its_values_and_what_is_missing() -> None:
    signature = Signature((Column("when", "datetime"), Column("city", "string"), Column("size", "double")))
    when = np.array(["2024-05-01T10:20:30.5", "NaT"], dtype="datetime64[ns]")
    example = Table(
        signature.names, (when, np.array(["Bern", None], dtype=object), np.array([1.5, np.nan])), labelled=True
    )
    for (_, given), (_, found) in zip(example.named(), sent(signature, example).named(), strict=True):
        assert [str(each) for each in given] == [str(each) for each in found]


def test_an_example_of_a_tensor_is_one_row_of_it() -> None:
    example = Tensors(((None, np.arange(24, dtype=np.float32).reshape(4, 2, 3)),))
    ((_, array),) = sent(TENSOR, example).arrays
    assert array.tolist() == [[[0, 1, 2], [3, 4, 5]]]


def test_a_tensor_that_is_too_large_to_be_read_is_not_written_out() -> None:
    signature = Signature(tensors=(Tensor(None, np.dtype(np.float32), (-1, VALUES + 1)),))
    assert described(signature, None)["body"] is None
    assert described(signature, Tensors(((None, np.zeros((1, VALUES + 1), np.float32)),)))["body"] is None


def test_nothing_is_made_up_for_a_model_without_a_signature() -> None:
    assert described(Signature(), None) == {"columns": [], "tensors": [], "body": None, "made_up": True}


def test_a_server_shows_what_its_model_takes_and_answers_it(server: Server, registry: Registry) -> None:
    shown: dict[str, Any] = server.ask("/v2/models/forest/example").json
    assert [column["name"] for column in shown["columns"]] == list(COLUMNS)
    assert (shown["model"], shown["version"]) == ("forest", "1")
    assert server.ask("/v2/models/forest/versions/1/example").json == shown
    assert server.ask("/invocations", shown["body"]).status == 200


def test_a_server_without_a_keeper_says_that_nobody_keeps_count(server: Server) -> None:
    answer = server.ask("/traffic")
    assert answer.status == 404
    assert "/metrics" in answer.json["error"]
