"""The tensor that nearly all requests are: numbers for each column of the model, in the very type that it takes.

It is read here with few questions, or not at all. Whatever is wrong or only rare is for ``v2_requests``, which asks one
question after another and has words for every answer. So nothing is refused here, and what is read here is read alike
there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labline_backend.serving.rows import Matrix
from labline_backend.serving.signature import Signature

_DOUBLE = np.dtype(np.float64)
_FLOATS = frozenset({float})
_KEYS = 4


def matrix(inputs: list[Any], signature: Signature) -> Matrix | None:
    """The rows of a request with these *inputs* in JSON, if they are as usual."""
    if len(inputs) != 1 or signature.uniform != "double":
        return None
    tensor = inputs[0]
    try:
        name, (count, width), datatype, data = tensor["name"], tensor["shape"], tensor["datatype"], tensor["data"]
    except (KeyError, TypeError, ValueError):
        return None
    if (
        datatype == "FP64"
        and len(tensor) == _KEYS
        and type(name) is str
        and type(count) is int
        and type(width) is int
        and type(data) is list
        and width == len(signature.names)
        and 0 < count * width == len(data)
        and _FLOATS.issuperset(map(type, data))
    ):
        values = np.array(data, _DOUBLE, ndmin=2)  # a row
        return Matrix(signature.names, values if count == 1 else values.reshape(count, width))
    return None
