"""JSON in and out."""

from __future__ import annotations

from typing import Any

import orjson

from labline_backend.serving.refusal import Refusal


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that *body* is. Raises ``Refusal``, whatever the body is."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            raise Refusal("The body is empty.") from None
        hint = " (NaN and Infinity are no JSON: write null for a missing value)" if b"NaN" in body else ""
        raise Refusal(f"The body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}{hint}.") from None
    if not isinstance(document, dict):
        raise Refusal("The body is not a JSON object.")
    return document


def write(document: Any) -> bytes:
    """*document* as JSON. NumPy's arrays and scalars are written as they are, NaN and infinities as null."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS, default=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
