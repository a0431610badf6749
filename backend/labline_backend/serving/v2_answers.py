"""Answers of the Open Inference Protocol V2: predictions to bytes, and what a model says about itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labline_backend.serving import cells
from labline_backend.serving.documents import write
from labline_backend.serving.refusal import Refusal, listed
from labline_backend.serving.rows import Array
from labline_backend.serving.signature import Signature, Tensor
from labline_backend.serving.v2_requests import DATATYPES, Request

NAMES = {dtype: name for name, dtype in DATATYPES.items()}


def outputs(prediction: Any, signature: Signature) -> list[tuple[str, Array]]:
    """A prediction as named arrays."""
    if type(prediction) is np.ndarray:
        return [(signature.output, prediction)]
    if hasattr(prediction, "to_numpy"):  # a DataFrame or a Series; importing pandas to ask would be for nothing
        if hasattr(prediction, "columns"):
            return [(str(name), prediction.iloc[:, i].to_numpy()) for i, name in enumerate(prediction.columns)]
        return [(signature.output, prediction.to_numpy())]
    if isinstance(prediction, dict):
        return [(str(name), np.asarray(array)) for name, array in prediction.items()]
    if hasattr(prediction, "toarray"):  # sparse
        prediction = prediction.toarray()
    return [(signature.output, np.asarray(prediction))]


def selected(arrays: list[tuple[str, Array]], wanted: Sequence[str] | None) -> list[tuple[str, Array]]:
    """Those that a client wants, in its order; all for None. Raises ``Refusal``."""
    if wanted is None:
        return arrays
    known = dict(arrays)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise Refusal(f"There is no output {listed(unknown)}; the model gives {listed(known)}.")
    return [(name, known[name]) for name in wanted]


def answer(
    request: Request, prediction: Any, signature: Signature, model: str, version: str
) -> tuple[bytes, int | None]:
    """The body of an answer, and the length of its JSON where raw tensors follow it."""
    arrays = outputs(prediction, signature)
    if request.wanted is not None:
        arrays = selected(arrays, request.wanted)
    tensors: list[dict[str, Any]] = []
    tails: list[bytes] = []
    for name, array in arrays:
        if request.all_binary or name in request.binary:
            tails.append(raw(array))
            tensors.append({**_head(name, array), "parameters": {"binary_data_size": len(tails[-1])}})
        else:
            tensors.append(described(name, array))
    document = {"model_name": model, "model_version": version, "outputs": tensors}
    if request.id is not None:
        document["id"] = request.id
    head = write(document)
    return (b"".join([head, *tails]), len(head)) if tails else (head, None)


def described(name: str, array: Array) -> dict[str, Any]:
    """An array as a tensor with its values in JSON."""
    tensor = _head(name, array)
    datatype = tensor["datatype"]
    if datatype == "BYTES":
        tensor["data"] = texts(array)
    else:
        data = array.ravel()  # which is contiguous
        tensor["data"] = data.astype(np.float32) if datatype == "FP16" else data
    return tensor


def _head(name: str, array: Array) -> dict[str, Any]:
    return {"name": name, "shape": array.shape, "datatype": datatype_of(array)}


def datatype_of(array: Array) -> str:
    """As what an array goes over the wire."""
    return NAMES.get(array.dtype, "BYTES")


def raw(array: Array) -> bytes:
    """An array as the bytes of a tensor."""
    if datatype_of(array) != "BYTES":
        return bytes(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    encoded = [text.encode() for text in texts(array)]
    return b"".join(len(text).to_bytes(4, "little") + text for text in encoded)


def texts(array: Array) -> list[str]:
    """The values of an array that has no numbers, in order."""
    return [value if isinstance(value, str) else _text(value) for value in array.ravel().tolist()]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)


def metadata(signature: Signature, model: str, versions: Sequence[str], platform: str) -> dict[str, Any]:
    """The metadata of a model of which these *versions* are served."""
    inputs: tuple[Tensor, ...] = signature.tensors or tuple(
        Tensor(column.name, cells.DTYPES[column.kind], (-1,)) for column in signature.columns
    )
    return {
        "name": model,
        "versions": list(versions),
        "platform": platform,
        "inputs": [_declared(tensor, "input-0") for tensor in inputs],
        "outputs": [_declared(tensor, "output-0") for tensor in signature.outputs],
    }


def _declared(tensor: Tensor, unnamed: str) -> dict[str, Any]:
    return {
        "name": tensor.name or unnamed,
        "datatype": NAMES.get(tensor.dtype, "BYTES"),
        "shape": list(tensor.shape),
    }
