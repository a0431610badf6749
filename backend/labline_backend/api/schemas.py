"""The OpenAPI document, and requests checked against it. Not for the server's loop: it loads and validates."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).with_name("openapi.yaml")
LONGEST_COMPLAINT = 300  # characters; a validator quotes the value it refuses, however long that is


class RequestError(Exception):
    """A request that does not fit the document. The message names the field."""


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    import yaml

    loaded: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    return loaded


@functools.cache
def _operations() -> dict[str, dict[str, Any]]:
    methods = ("get", "put", "post", "patch", "delete")
    paths = document()["paths"].values()
    return {path[method]["operationId"]: path[method] for path in paths for method in methods if method in path}


def check_body(operation: str, body: Any) -> dict[str, Any]:
    """*body* as what *operation* takes: the defaults filled in, integers as ``int``. Raises ``RequestError``."""
    schema = _operations()[operation]["requestBody"]["content"]["application/json"]["schema"]
    _check(schema, body, "The request")
    properties = _resolve(schema)["properties"]
    defaults = {name: given["default"] for name, given in properties.items() if "default" in given}
    return {**defaults, **_with_integers(schema, body)}


def check_query(operation: str, query: Mapping[str, str]) -> dict[str, Any]:
    """*query* as typed values, with the defaults filled in. Raises ``RequestError``."""
    declared = {p["name"]: p["schema"] for p in _operations()[operation].get("parameters", ()) if p["in"] == "query"}
    values = {name: schema["default"] for name, schema in declared.items() if "default" in schema}
    for name, text in query.items():
        if name in declared:
            values[name] = _value(name, text, declared[name])
    return values


def whole_number(name: str, text: str) -> int:
    """The query parameter *name* as a number. Raises ``RequestError``."""
    try:
        return int(text)
    except ValueError:
        raise RequestError(f"The query parameter {name!r} is not a whole number: {_cut(text)!r}.") from None


def _value(name: str, text: str, schema: dict[str, Any]) -> Any:
    value: Any = whole_number(name, text) if schema["type"] == "integer" else text
    if schema["type"] == "boolean":
        value = {"true": True, "false": False}.get(text, text)
    _check(schema, value, f"The query parameter {name!r}")
    return value


def _check(schema: dict[str, Any], value: Any, what: str) -> None:
    from jsonschema.exceptions import best_match

    error = best_match(_validator(_key(schema)).iter_errors(value))
    if error is not None:
        field = ".".join(str(part) for part in error.absolute_path)
        where = f"{what}'s field {field!r}" if field else what
        # What is wrong with a password, or with what holds one, is not quoted.
        is_named = error.validator in ("required", "additionalProperties")  # by the field's name alone
        why = "" if _holds_password(error.schema) and not is_named else f": {_cut(error.message)}"
        raise RequestError(f"{where} is not valid{why}.")


def _holds_password(schema: Any) -> bool:
    """Whether values of *schema* are passwords, or have one in them."""
    if not isinstance(schema, dict):
        return False
    schema = _resolve(schema)
    return schema.get("format") == "password" or any(map(_holds_password, schema.get("properties", {}).values()))


def _with_integers(schema: dict[str, Any], value: Any) -> Any:
    """*value*, which *schema* takes, with an ``int`` wherever that says integer: 1.0 is one to JSON Schema."""
    schema = _resolve(schema)
    for choice in schema.get("oneOf", ()):
        value = _with_integers(choice, value)
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        others = others if isinstance(others, dict) else {}
        return {name: _with_integers(properties.get(name, others), each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_integers(schema.get("items", {}), each) for each in value]
    kinds = schema.get("type", ())
    is_integer = "integer" in ([kinds] if isinstance(kinds, str) else kinds)
    return int(value) if is_integer and isinstance(value, float) and value.is_integer() else value


def _key(schema: dict[str, Any]) -> str:
    return json.dumps(schema, sort_keys=True)


@functools.cache
def _validator(key: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator({**json.loads(key), "components": document()["components"]})


def _resolve(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = document()
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return _resolve(found)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_COMPLAINT else text[:LONGEST_COMPLAINT] + "…"
