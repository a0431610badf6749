"""What a server says of its own API."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest

from .conftest import Server


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    """As the server gives it."""
    found: dict[str, Any] = server.ask("/openapi.json").json
    return found


def schema_of(document: dict[str, Any], path: str) -> dict[str, Any]:
    """The schema of the JSON that is sent to *path*."""
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return {**content["schema"], "components": document["components"]}


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    openapi_spec_validator.validate(document)


@pytest.mark.parametrize("path", ["/invocations", "/v2/models/forest/infer"])
def test_the_example_fits_its_schema_and_is_answered_as_said(
    server: Server, document: dict[str, Any], path: str
) -> None:
    operation = document["paths"][path]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    jsonschema.Draft202012Validator(schema_of(document, path)).validate(example)
    answer = server.ask(path, example)
    assert answer.status == 200
    said = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**said, "components": document["components"]}).validate(answer.json)


def test_a_column_that_is_missing_or_unknown_does_not_fit(document: dict[str, Any]) -> None:
    operation = document["paths"]["/invocations"]["post"]
    (record, *_) = operation["requestBody"]["content"]["application/json"]["example"]["dataframe_records"]
    name = next(iter(record))
    validator = jsonschema.Draft202012Validator(schema_of(document, "/invocations"))
    assert validator.is_valid({"dataframe_records": [record]})
    assert not validator.is_valid({"dataframe_records": [{**record, "other": 1.0}]})
    assert not validator.is_valid({"dataframe_records": [{n: v for n, v in record.items() if n != name}]})
    assert not validator.is_valid({"dataframe_records": [{**record, name: "much"}]})


def test_all_that_is_described_is_there(server: Server, document: dict[str, Any]) -> None:
    asked = [path for path, methods in document["paths"].items() if "get" in methods]
    assert {path: server.ask(path).status for path in asked} == dict.fromkeys(asked, 200)


def test_the_document_wants_the_token(server: Server) -> None:
    assert server.ask("/openapi.json", token=None).status == 401


def test_the_page_is_anybodys_names_no_model_and_no_other_place(server: Server) -> None:
    answer = server.ask("/docs", token=None)
    text = answer.body.decode()
    assert answer.status == 200
    assert "forest" not in text
    assert re.findall(r"https?://|\bsrc=|@import|\burl\(", text) == []
    assert "default-src 'none'" in answer.headers["content-security-policy"]
