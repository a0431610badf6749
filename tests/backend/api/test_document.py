"""The OpenAPI document and the handlers say the same."""

from __future__ import annotations

import pytest
from openapi_spec_validator import validate

from labline_backend.api import schemas
from labline_backend.api.routes import OPERATIONS

METHODS = ("get", "post", "put", "patch", "delete")


def test_the_document_is_valid_openapi() -> None:
    validate(schemas.document())


def test_every_path_has_a_handler_and_every_handler_a_path() -> None:
    assert set(OPERATIONS) == set(schemas.document()["paths"])


@pytest.mark.parametrize("path", OPERATIONS)
def test_a_handler_has_exactly_the_methods_of_the_document(path: str) -> None:
    implemented = {method for method in METHODS if method in vars(OPERATIONS[path])}
    assert implemented == {method for method in METHODS if method in schemas.document()["paths"][path]}


def test_operations_have_names_of_their_own() -> None:
    names = [item[m]["operationId"] for item in schemas.document()["paths"].values() for m in METHODS if m in item]
    assert len(names) == len(set(names))
