"""What a server says of its own API: OpenAPI 3.1, with the schemas of what it serves, and a page to read it.

The document is made anew from the routing each time it is asked for, which is rare.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labline_backend._version import __version__
from labline_backend.serving import cells
from labline_backend.serving.predictor import Predictor
from labline_backend.serving.signature import Column, Signature
from labline_backend.serving.v2_answers import NAMES, metadata
from labline_backend.serving.v2_requests import DATATYPES, MAX_AXES

Schema = dict[str, Any]

PAGE = Path(__file__).with_name("docs.html").read_bytes()
"""A page without outside resources. It says nothing of the model: it asks for the document with the reader's token."""


def _policy() -> bytes:
    """The page may run its own script and style, and ask its own server."""
    allowed = []
    for tag, directive in ((b"script", "script-src"), (b"style", "style-src")):
        (text,) = re.findall(b"<%s>(.*?)</%s>" % (tag, tag), PAGE, re.DOTALL)
        allowed.append(f"{directive} 'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'")
    return f"default-src 'none'; {'; '.join(allowed)}; connect-src 'self'; base-uri 'none'; form-action 'none'".encode()


PAGE_HEADERS = ((b"content-security-policy", _policy()), (b"x-content-type-options", b"nosniff"))

_INT32, _INT64 = 1 << 31, 1 << 63
_KINDS: dict[str, Schema] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -_INT32, "maximum": _INT32 - 1},
    "long": {"type": "integer", "minimum": -_INT64, "maximum": _INT64 - 1},
    "float": {"type": ["number", "null"], "minimum": -3.4e38, "maximum": 3.4e38},
    "double": {"type": ["number", "null"]},
    "datetime": {"type": ["string", "null"], "format": "date-time"},
    "string": {"type": ["string", "null"]},
    "binary": {"type": ["string", "null"], "contentEncoding": "base64"},
    "any": {},
}


def document(model: str, main: str, predictors: Mapping[str, Predictor]) -> dict[str, Any]:
    """The OpenAPI document of a server of *predictors*, by their versions' numbers; *main* answers most requests."""
    paths: dict[str, Any] = dict(_FIXED)
    schemas: dict[str, Schema] = dict(_SCHEMAS)
    for number, predictor in predictors.items():
        rows, tensors = f"Invocation-{number}", f"InferRequest-{number}"
        schemas[rows] = _invocation(predictor.signature)
        schemas[tensors] = _infer_request(predictor.signature)
        example: Any = predictor.shown.get("body")
        asked = _infer_example(predictor, model)
        places = [(f"/v2/models/{model}/versions/{number}", f" of version {number}", f"-{number}")]
        if number == main:
            places.insert(0, (f"/v2/models/{model}", "", ""))
            paths["/invocations"] = {"post": _invocations(rows, example)}
        for path, of, suffix in places:
            paths[path] = {"get": _read(f"metadata{suffix}", f"Inputs and outputs{of}", "Model")}
            paths[f"{path}/ready"] = {
                "get": _health(f"modelReady{suffix}", f"Whether predictions{of} can be asked for")
            }
            paths[f"{path}/example"] = {"get": _read(f"example{suffix}", f"What to try{of}", "Example")}
            paths[f"{path}/infer"] = {"post": _infer(f"infer{suffix}", f"Predictions{of}", tensors, asked)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{model}, served by Labline",
            "version": __version__,
            "description": "The Open Inference Protocol V2 and MLflow's /invocations. "
            f"Served: {', '.join(f'{model}/{number}' for number in predictors)}.",
        },
        "servers": [{"url": "."}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


# ------------------------------------------------------------ schemas of a signature


def _invocation(signature: Signature) -> Schema:
    """The shapes of a JSON body of ``/invocations``; each shape is the only key of its object."""
    if signature.columns:
        columns = signature.columns
        rows = {"type": "array", "minItems": 1}
        row = _record(columns, lambda schema: schema)
        values = _record(columns, lambda schema: {**rows, "items": schema})
        by_position: Schema = {**rows, "items": _tuple([_KINDS[column.kind] for column in columns])}
        split: Schema = {
            "type": "object",
            "required": ["columns", "data"],
            "additionalProperties": False,
            "properties": {"columns": {"const": [column.name for column in columns]}, "data": by_position},
        }
        shapes: dict[str, Schema] = {
            "dataframe_records": {**rows, "items": row},
            "dataframe_split": split,
            "instances": {**rows, "items": row},
            "inputs": values,
        }
    elif signature.tensors:
        tensors = {tensor.name or "": _nested(tensor.shape, _element(tensor.dtype)) for tensor in signature.tensors}
        named: Schema = {
            "type": "object",
            "required": list(tensors),
            "additionalProperties": False,
            "properties": tensors,
        }
        shapes = {"inputs": tensors[""] if list(tensors) == [""] else named}
    else:
        shapes = {name: {} for name in ("dataframe_records", "dataframe_split", "instances", "inputs")}
    parameters: Schema = {"params": {"type": "object"}} if signature.takes_parameters else {}
    return {
        "oneOf": [
            {
                "type": "object",
                "required": [name],
                "additionalProperties": False,
                "properties": {name: schema, **parameters},
            }
            for name, schema in shapes.items()
        ]
    }


def _record(columns: tuple[Column, ...], made: Any) -> Schema:
    return {
        "type": "object",
        "required": [column.name for column in columns if column.required],
        "additionalProperties": False,
        "properties": {column.name: made(_KINDS[column.kind]) for column in columns},
    }


def _tuple(items: list[Schema]) -> Schema:
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


def _nested(shape: tuple[int, ...], element: Schema) -> Schema:
    """Lists in lists; the sides that a model leaves open have one item at least."""
    for side in reversed(shape):
        sizes = {"minItems": 1} if side < 0 else {"minItems": side, "maxItems": side}
        element = {"type": "array", "items": element, **sizes}
    return element


def _element(dtype: Any) -> Schema:
    if dtype.kind in "iu":
        bits = 8 * dtype.itemsize
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if dtype.kind == "i" else (0, (1 << bits) - 1)
        return {"type": "integer", "minimum": low, "maximum": high}
    return {"type": {"f": "number", "b": "boolean"}.get(dtype.kind, "string")}


def _infer_request(signature: Signature) -> Schema:
    """A request of V2. That the sizes of ``data`` and ``shape`` agree is beyond a schema."""
    described = metadata(signature, "", (), "")["inputs"]
    several = [_tensor(given["name"], given["datatype"]) for given in described]
    known: list[Schema] = [{"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Tensor"}}]
    if several and not any(not column.required for column in signature.columns):
        known = [_tuple(several)]
        if signature.uniform:
            known.append(_tuple([_tensor(None, NAMES[cells.DTYPES[signature.uniform]])]))
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "inputs": {"anyOf": known} if len(known) > 1 else known[0],
            "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Wanted"}},
        },
    }


def _tensor(name: str | None, datatype: str) -> Schema:
    fixed: Schema = {"datatype": {"const": datatype}}
    if name is not None:
        fixed["name"] = {"const": name}
    return {"allOf": [{"$ref": "#/components/schemas/Tensor"}, {"properties": fixed}]}


def _infer_example(predictor: Predictor, model: str) -> Schema | None:
    """The input example as V2 has it, where it is made of columns without missing values."""
    records = (predictor.shown.get("body") or {}).get("dataframe_records")
    if not records or not predictor.signature.columns:
        return None
    inputs = []
    for given in metadata(predictor.signature, model, (), "")["inputs"]:
        values = [record.get(given["name"]) for record in records]
        if None in values:
            return None
        inputs.append({"name": given["name"], "datatype": given["datatype"], "shape": [len(values)], "data": values})
    return {"inputs": inputs}


# ------------------------------------------------------------ operations


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _read(identity: str, summary: str, schema: str) -> Schema:
    return {
        "operationId": identity,
        "summary": summary,
        "responses": {"200": _answer(summary, _ref(schema)), "default": _answer("Why not", _ref("Error"))},
    }


def _health(identity: str, summary: str, schema: str = "Ready") -> Schema:
    said = _answer(summary, _ref(schema))
    refused = _answer("Why not", _ref("Error"))
    return {"operationId": identity, "summary": summary, "responses": {"200": said, "503": said, "default": refused}}


def _body(schema: str, example: Any, more: Mapping[str, Any] | None = None) -> Schema:
    content: Schema = {"schema": _ref(schema), **({} if example is None else {"example": example})}
    return {"required": True, "content": {"application/json": content, **(more or {})}}


def _infer(identity: str, summary: str, schema: str, example: Any) -> Schema:
    read = _read(identity, summary, "InferAnswer")
    raw: Schema = {"description": "JSON, then raw tensors; Inference-Header-Content-Length says where", "schema": {}}
    read["responses"]["200"]["content"]["application/octet-stream"] = {"schema": raw["schema"]}
    return {**read, "requestBody": _body(schema, example)}


def _invocations(schema: str, example: Any) -> Schema:
    read = _read("invocations", "Predictions, as MLflow's own server answers", "Predictions")
    read["responses"]["default"] = _answer("Why not", _ref("Problem"))
    return {**read, "requestBody": _body(schema, example, {"text/csv": {"schema": {"type": "string"}}})}


def _text(identity: str, summary: str, kind: str) -> Schema:
    said: Schema = {"description": summary, "content": {kind: {"schema": {"type": "string"}}}}
    refused = _answer("Why not", _ref("Error"))
    return {"operationId": identity, "summary": summary, "responses": {"200": said, "default": refused}}


def _object(required: Mapping[str, Schema], **more: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **more}}


_TEXT: Schema = {"type": "string"}
_DATA: Schema = {"type": "array", "items": {}}
_SHAPE: Schema = {"type": "array", "maxItems": MAX_AXES, "items": {"type": "integer", "minimum": 0}}
_NAMED: Schema = _object({"name": _TEXT, "datatype": {"enum": list(DATATYPES)}, "shape": _SHAPE, "data": _DATA})
_DECLARED: Schema = {
    "type": "array",
    "items": _object({"name": _TEXT, "datatype": _TEXT, "shape": {"type": "array", "items": {"type": "integer"}}}),
}

_SCHEMAS: dict[str, Schema] = {
    "Error": _object({"error": _TEXT}),
    "Problem": _object({"error_code": _TEXT, "message": _TEXT}),
    "Live": _object({"live": {"type": "boolean"}}),
    "Ready": _object({"ready": {"type": "boolean"}}),
    "Server": _object({"name": _TEXT, "version": _TEXT, "extensions": {"type": "array", "items": _TEXT}}),
    "Version": _object({"version": _TEXT}),
    "Model": _object(
        {
            "name": _TEXT,
            "versions": {"type": "array", "items": _TEXT},
            "platform": _TEXT,
            "inputs": _DECLARED,
            "outputs": _DECLARED,
            "asked_by": _TEXT,
        }
    ),
    "Example": _object({"model": _TEXT, "version": _TEXT, "columns": _DATA, "tensors": _DATA, "body": {}}),
    "Tensor": _NAMED,
    "Wanted": _object({"name": _TEXT}, parameters={"type": "object"}),
    "InferAnswer": _object(
        {"model_name": _TEXT, "model_version": _TEXT, "outputs": {"type": "array", "items": _ref("Tensor")}}, id=_TEXT
    ),
    "Predictions": _object({"predictions": {"type": ["array", "object"]}}),
}

_OPEN: Schema = {"security": []}
_FIXED: dict[str, Any] = {
    "/v2": {"get": _read("server", "The server", "Server")},
    "/v2/health/live": {"get": {**_health("live", "Whether the server lives", "Live"), **_OPEN}},
    "/v2/health/ready": {"get": {**_health("ready", "Whether predictions can be asked for"), **_OPEN}},
    "/ping": {"get": {**_health("ping", "The same, as MLflow has it"), **_OPEN}},
    "/version": {"get": _read("version", "The server's version", "Version")},
    "/metrics": {"get": _text("metrics", "Metrics, as Prometheus reads them", "text/plain")},
    "/openapi.json": {"get": _read("openapi", "This document", "Document")},
}
_SCHEMAS["Document"] = _object({"openapi": _TEXT, "paths": {"type": "object"}})
