"""Requests of the Open Inference Protocol V2 over JSON, with the binary tensor extension.

Source: the protocol's published REST specification and Triton's "binary tensor data" extension. A request's JSON may be
followed by raw tensors, little-endian and row-major; ``Inference-Header-Content-Length`` is the length of the JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from labline_backend.serving import cells, usual
from labline_backend.serving.documents import read_object
from labline_backend.serving.refusal import Refusal, listed, quoted
from labline_backend.serving.rows import Array, Matrix, Rows, Table, Tensors
from labline_backend.serving.signature import Signature

DATATYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(bool),
    **{f"{name.upper()}": np.dtype(name) for name in ("uint8", "uint16", "uint32", "uint64")},
    **{f"{name.upper()}": np.dtype(name) for name in ("int8", "int16", "int32", "int64")},
    **{f"FP{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    "BYTES": np.dtype(object),
}
MAX_AXES = 8
MAX_SIDE = 1 << 40
MAX_SIZE = 1 << 48
HEAD_BYTES, MOST_HEADS = 1024, 64
"""Heads of requests that are remembered, and their size."""

UNKNOWN_EXTENSIONS = frozenset({"classification", "shared_memory_region"})
"""Parameters of an output, of Triton's extensions."""

_NOTHING = memoryview(b"")
_NONE: frozenset[str] = frozenset()


class Request(NamedTuple):
    """``binary`` names the outputs that are wanted as raw bytes; None in ``wanted`` stands for all outputs."""

    id: str | None
    rows: Rows
    wanted: tuple[str, ...] | None = None
    binary: frozenset[str] = frozenset()
    all_binary: bool = False


def parse(body: bytes, json_length: str | None, signature: Signature) -> Request:
    """Read a request. Raises ``Refusal``."""
    head, tail = (body, _NOTHING) if json_length is None else _split(body, json_length)
    known: _Known | None = signature.heads.get(head) if tail else None
    if known is not None and len(tail) == known.size:
        return known.request(tail, signature)
    document = read_object(head)
    identity = document.get("id")
    if identity is not None and not isinstance(identity, str):
        raise Refusal("'id' is not a string.")
    inputs = document.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise Refusal("'inputs' is missing, or not a list of tensors.")
    rows = None if tail else usual.matrix(inputs, signature)
    if rows is not None and len(document) == 1:
        return Request(None, rows)
    tensors = _tensors(inputs, tail) if rows is None else {}
    parameters = _object(document, "parameters")
    wanted, binary = _outputs(document)
    all_binary = parameters.get("binary_data_output") is True
    request = Request(identity, to_rows(tensors, signature) if rows is None else rows, wanted, binary, all_binary)
    if tail and identity is None and len(head) <= HEAD_BYTES:
        _remember(head, len(tail), request, tensors, signature)
    return request


class _Known(NamedTuple):
    """What the head of a request says, where all that follows is one tensor of the type that the model takes."""

    size: int
    shape: tuple[int, ...]
    wanted: tuple[str, ...] | None
    binary: frozenset[str]
    all_binary: bool

    def request(self, tail: memoryview, signature: Signature) -> Request:
        values = np.frombuffer(tail, signature.dtype)
        rows = Matrix(signature.names, (values if values.flags.aligned else values.copy()).reshape(self.shape))
        return Request(None, rows, self.wanted, self.binary, self.all_binary)


def _remember(head: bytes, size: int, request: Request, tensors: dict[str, Array], signature: Signature) -> None:
    """A client sends the same head again and again, so it is read once."""
    (first, *others) = tensors.values()
    rows = request.rows
    if others or not isinstance(rows, Matrix) or rows.values is not first or first.dtype.kind not in "fiu":
        return
    if len(signature.heads) >= MOST_HEADS:
        signature.heads.clear()
    signature.heads[head] = _Known(size, first.shape, request.wanted, request.binary, request.all_binary)


def _split(body: bytes, json_length: str) -> tuple[bytes, memoryview]:
    if not json_length.isascii() or not json_length.isdigit() or len(json_length) > 18:
        raise Refusal(f"Inference-Header-Content-Length is {quoted(json_length)}, not a number of bytes.")
    length = int(json_length)
    if length > len(body):
        raise Refusal(f"Inference-Header-Content-Length is {length}, and the body has {len(body)} bytes.")
    return body[:length], memoryview(body)[length:]


def _tensors(inputs: list[Any], tail: memoryview) -> dict[str, Array]:
    tensors: dict[str, Array] = {}
    for index, given in enumerate(inputs):
        name, array, tail = _tensor(given, index, tail)
        if name in tensors:
            raise Refusal(f"The input {quoted(name)} is given twice.")
        tensors[name] = array
    if tail:
        raise Refusal(f"{len(tail)} bytes follow the last tensor: the sizes do not add up to the body.")
    return tensors


def _object(document: dict[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Refusal(f"'{key}' is not an object.")
    return found


def _outputs(document: dict[str, Any]) -> tuple[tuple[str, ...] | None, frozenset[str]]:
    outputs = document.get("outputs")
    if outputs is None:
        return None, _NONE
    if not isinstance(outputs, list) or not all(
        isinstance(o, dict) and isinstance(o.get("name"), str) for o in outputs
    ):
        raise Refusal("'outputs' is not a list of objects with a 'name'.")
    for o in outputs:
        refuse_extensions(_object(o, "parameters"), o["name"])
    binary = frozenset(o["name"] for o in outputs if _object(o, "parameters").get("binary_data") is True)
    return tuple(o["name"] for o in outputs) or None, binary


def refuse_extensions(parameters: Iterable[str], output: str) -> None:
    """Refuse what would have an output be something else, or elsewhere: its client would read what it did not get."""
    for name in parameters:
        if name in UNKNOWN_EXTENSIONS:
            raise Refusal(f"Output {quoted(output)}: {name!r} belongs to an extension that this server does not have.")


def declared(datatype: Any, shape: Any, where: str) -> tuple[np.dtype[Any], int]:
    """The dtype and the number of values of a tensor that is said to be so. Raises ``Refusal``."""
    dtype = DATATYPES.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise Refusal(f"{where}: the datatype is {cells.said(datatype)}; known are {', '.join(DATATYPES)}.")
    if not isinstance(shape, list) or len(shape) > MAX_AXES:
        raise _no_shape(where)
    count = 1
    for size in shape:  # a generator for each request costs as much as reading its numbers
        if type(size) is not int or not 0 <= size < MAX_SIDE:
            raise _no_shape(where)
        count *= size
    if not count and math.prod(size or 1 for size in shape) >= MAX_SIZE:  # NumPy has none of these, empty or not
        raise Refusal(f"{where}: the shape {shape} is too large.")
    return dtype, count


def _no_shape(where: str) -> Refusal:
    return Refusal(f"{where}: the shape is not a list of at most {MAX_AXES} sizes.")


def _tensor(given: Any, index: int, tail: memoryview) -> tuple[str, Array, memoryview]:
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise Refusal(f"Input {index} is not an object with a 'name'.")
    name = given["name"]
    where = f"Input {quoted(name)}"
    shape: Any = given.get("shape")
    dtype, count = declared(given.get("datatype"), shape, where)
    size = _object(given, "parameters").get("binary_data_size") if "parameters" in given else None
    if size is not None:
        if type(size) is not int or not 0 <= size <= len(tail):
            raise Refusal(f"{where}: binary_data_size is {cells.said(size)}, and {len(tail)} bytes are left.")
        return name, raw(tail[:size], dtype, count, where).reshape(shape), tail[size:]
    data = given.get("data")
    if not isinstance(data, list):
        raise Refusal(f"{where}: 'data' is missing, or not a list.")
    return name, _listed(data, dtype, shape, count, where), tail


def _listed(data: list[Any], dtype: np.dtype[Any], shape: list[int], count: int, where: str) -> Array:
    flat = data
    if data and isinstance(data[0], list):
        for axis in range(1, len(shape)):
            if not all(isinstance(part, list) and len(part) == shape[axis] for part in flat):
                raise Refusal(f"{where}: the data does not have the shape {shape}: axis {axis} differs.")
            flat = list(chain.from_iterable(flat))
    if len(flat) != count:
        raise Refusal(f"{where}: the data has {len(flat)} values, and the shape {shape} stands for {count}.")
    if dtype.kind == "O":
        return cells.from_json(flat, "string", placed(shape, where)).reshape(shape)
    return cells.numbers(flat, dtype, placed(shape, where)).reshape(shape)


def placed(shape: Sequence[int], where: str) -> cells.Place:
    """Words for the values of a tensor."""

    def place(index: int) -> str:
        if len(shape) < 2:
            return f"{where}, row {index}"
        row, rest = divmod(index, math.prod(shape[1:]))
        return f"{where}, row {row}, " + (f"column {rest}" if len(shape) == 2 else f"value {rest}")

    return place


def raw(data: memoryview, dtype: np.dtype[Any], count: int, where: str) -> Array:
    """The *count* values of a tensor from its bytes. Raises ``Refusal``."""
    if dtype.kind == "O":
        return _raw_strings(data, count, where)
    if len(data) != count * dtype.itemsize:
        raise Refusal(
            f"{where}: the tensor has {len(data)} bytes, and its shape stands for {count} values of {dtype.itemsize}."
        )
    if dtype.kind == "b" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise Refusal(f"{where}: a byte of a BOOL tensor is neither 0 nor 1.")
    array = np.frombuffer(data, dtype.newbyteorder("<"))
    return array if array.flags.aligned else array.copy()


def _raw_strings(data: memoryview, count: int, where: str) -> Array:
    """Each element is preceded by its length, four bytes little-endian."""
    values: list[bytes] = []
    position = 0
    while position < len(data):
        end = position + 4 + int.from_bytes(data[position : position + 4], "little")
        if end > len(data):
            raise Refusal(f"{where}: element {len(values)} is longer than what is left of the tensor.")
        values.append(bytes(data[position + 4 : end]))
        position = end
    if len(values) != count:
        raise Refusal(f"{where}: the tensor has {len(values)} elements, and its shape stands for {count}.")
    return np.fromiter(values, dtype=object, count=count)


def to_rows(tensors: dict[str, Array], signature: Signature) -> Rows:
    """The tensors as what the model takes.

    A model of columns takes an input a column, or one two-dimensional input with all columns in the model's order. A
    model without a signature gets a single input as an array, and several as the columns of a table.
    """
    if signature.tensors:
        return _as_tensors(tensors, signature)
    name, single = next(iter(tensors.items()))
    if signature.columns:
        if len(tensors) == 1 and single.ndim == 2 and (name not in signature.by_name or single.shape[1] != 1):
            return signature.from_matrix(single)
        return signature.from_columns({n: _column(n, array) for n, array in tensors.items()}, cells.converted)
    if len(tensors) == 1:
        if single.ndim == 0:
            raise Refusal(f"Input {name!r} has no rows: its shape is [].")
        return Tensors(((None, single),))
    columns = {n: _column(n, array) for n, array in tensors.items()}
    if len({len(array) for array in columns.values()}) > 1:
        raise Refusal("The inputs differ in length.")
    return Table(tuple(columns), tuple(columns.values()))


def _column(name: str, array: Array) -> Array:
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim != 1:
        raise Refusal(f"Input {quoted(name)} is a column: its shape is [rows] or [rows, 1], not {list(array.shape)}.")
    return array


def _as_tensors(tensors: dict[str, Array], signature: Signature) -> Rows:
    given = dict(tensors)
    arrays = []
    for spec in signature.tensors:
        if spec.name is None and len(given) == 1:
            name, array = given.popitem()
        elif spec.name in given:
            name, array = spec.name, given.pop(spec.name)
        else:
            raise Refusal(f"The input {spec.name or 'input-0'!r} is missing.")
        arrays.append((spec.name, fitted(array, name, spec.dtype, spec.shape)))
    if given:
        raise Refusal(f"The model does not take {listed(given)}.")
    return Tensors(tuple(arrays))


def fitted(array: Array, name: str, dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
    """*array* in the dtype of a tensor of the model, its shape checked."""
    if len(array.shape) != len(shape) or any(w not in (-1, g) for w, g in zip(shape, array.shape, strict=True)):
        raise Refusal(f"Input {quoted(name)} has the shape {list(array.shape)}; the model takes {list(shape)}.")
    return cells.exactly(array, dtype, lambda index: f"Input {name!r}, value {index}")
