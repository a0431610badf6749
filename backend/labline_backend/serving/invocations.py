"""MLflow's ``/invocations``: JSON in its five shapes, and CSV.

Differs from ``mlflow models serve`` where that is lenient: a column that the model does not know is refused and not
dropped, and so is a row that lacks a column.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from labline_backend.serving import cells
from labline_backend.serving.documents import read_object, write
from labline_backend.serving.refusal import Refusal, listed, quoted, repeated
from labline_backend.serving.rows import Array, Rows, Table, Tensors
from labline_backend.serving.signature import Signature, place_in
from labline_backend.serving.v2_requests import fitted

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
PARAMETERS = "params"
MISSING = frozenset({"", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None"})
"""What stands for a missing value in CSV, as in pandas."""


def parse(body: bytes, content_type: str, signature: Signature) -> tuple[Rows, dict[str, Any] | None]:
    """Rows, and the parameters of the prediction where some are given. Raises ``Refusal``."""
    kind, *details = (part.strip().lower() for part in content_type.split(";"))
    for detail in details:
        name, _, value = detail.partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            raise Refusal(f"The charset {quoted(value)} is not supported: use utf-8.", 415)
    if kind in ("text/csv", "application/csv"):
        return _csv(body, signature), None
    if kind != "application/json":
        raise Refusal(
            f"The content type is {quoted(kind) if kind else 'not given'}: use application/json or text/csv.", 415
        )
    document = read_object(body)
    given = [name for name in FORMATS if name in document]
    extra = [name for name in document if name not in FORMATS and name != PARAMETERS]
    if len(given) != 1 or extra:
        found = f"it has {listed(document)}" if document else "it has none"
        raise Refusal(f"The body has one of the keys {listed(FORMATS)}, and may have {PARAMETERS!r}; {found}.")
    parameters = document.get(PARAMETERS)
    if parameters is not None:
        if not isinstance(parameters, dict):
            raise Refusal(f"{PARAMETERS!r} is not an object.")
        if not signature.takes_parameters:
            raise Refusal(f"The model takes no parameters; given are {listed(parameters)}.")
    return _READERS[given[0]](document[given[0]], signature), parameters


def _split(data: Any, signature: Signature) -> Rows:
    if not isinstance(data, dict) or not isinstance(data.get("data"), list):
        raise Refusal("'dataframe_split' is not an object with 'columns' and 'data'.")
    if extra := [name for name in data if name not in ("columns", "index", "data")]:
        raise Refusal(f"'dataframe_split' has columns, index and data, and no {listed(extra)}.")
    columns, rows = data.get("columns"), data["data"]
    if columns is None:
        columns = list(signature.names) if not signature.labelled else None
    if not isinstance(columns, list):
        raise Refusal("'dataframe_split' has no list of 'columns'.")
    names = tuple(str(column) for column in columns)
    return _table(signature, names, rows)


def _table(signature: Signature, names: tuple[str, ...], rows: list[Any]) -> Rows:
    if signature.columns:
        return signature.from_rows(names, rows)
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise Refusal(f"Row {index} is not a list of {len(names)} values.")
    if signature.tensors:
        return _tensors(
            {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=False)}, signature
        )
    columns = tuple(_guess(list(column)) for column in zip(*rows, strict=True))
    return Table(names, columns) if columns else Table(names, tuple(np.empty(0) for _ in names))


def _guess(values: list[Any]) -> Array:
    """A column of a model without a signature, as pandas would take it from JSON."""
    types = set(map(type, values)) - {type(None)}
    if types <= {int, float} and types:
        if types == {int} and None not in values:
            return cells.numbers(values, np.dtype(np.int64), lambda index: f"Row {index}")
        return cells.numbers(values, np.dtype(np.float64), lambda index: f"Row {index}")
    if types == {bool} and None not in values:
        return np.array(values)
    return cells.from_json(values, "any", str)


def _records(data: Any, signature: Signature) -> Rows:
    if not isinstance(data, list):
        raise Refusal("The records are not a list of objects.")
    for index, record in enumerate(data):
        if not isinstance(record, dict):
            raise Refusal(f"Row {index} is {cells.said(record)}, not an object.")
    if not data:
        raise Refusal("There are no rows.")
    if signature.columns:
        for index, record in enumerate(data):
            try:
                signature.check_names(tuple(record))
            except Refusal as refusal:
                raise Refusal(f"Row {index}: {refusal.message}") from None
        names = tuple(c.name for c in signature.columns if c.required or any(c.name in record for record in data))
    else:
        names = tuple(dict.fromkeys(name for record in data for name in record))
    return _table(signature, names, [[record.get(name) for name in names] for record in data])


def _instances(data: Any, signature: Signature) -> Rows:
    if not isinstance(data, list):
        raise Refusal("'instances' is not a list.")
    if data and isinstance(data[0], dict):
        if signature.tensors:
            names = tuple(dict.fromkeys(name for record in data if isinstance(record, dict) for name in record))
            return _tensors({n: [r.get(n) if isinstance(r, dict) else None for r in data] for n in names}, signature)
        return _records(data, signature)
    return _arrays(data, signature)


def _inputs(data: Any, signature: Signature) -> Rows:
    if isinstance(data, list) and data and isinstance(data[0], dict):
        return _records(data, signature)
    if isinstance(data, dict):
        columns = {name: values if isinstance(values, list) else [values] for name, values in data.items()}
        if signature.tensors:
            return _tensors(columns, signature)
        if signature.columns:
            return signature.from_columns(columns)
        if len({len(values) for values in columns.values()}) != 1:
            raise Refusal("The columns differ in length.")
        return Table(tuple(columns), tuple(_guess(values) for values in columns.values()))
    return _arrays(data if isinstance(data, list) else [data], signature)


def _arrays(data: list[Any], signature: Signature) -> Rows:
    """Rows by position, or a tensor."""
    if signature.columns:
        if len(signature.columns) == 1 and not any(isinstance(row, list) for row in data):
            return signature.from_columns({signature.names[0]: data})
        return signature.from_rows(signature.names, data)
    if signature.tensors:
        return _tensors({signature.tensors[0].name or "": data}, signature)
    return Tensors(((None, _tensor(data, None, "instances")),))


def _tensors(given: Mapping[str, Any], signature: Signature) -> Rows:
    if len(given) == 1 and signature.tensors[0].name is None:
        given = {"": next(iter(given.values()))}
    known = {spec.name or "": spec for spec in signature.tensors}
    missing = [name for name in known if name not in given]
    extra = [name for name in given if name not in known]
    if missing or extra:
        raise Refusal(f"The model takes the inputs {listed(known)}; given are {listed(given)}.")
    return Tensors(
        tuple(
            (
                spec.name,
                fitted(_tensor(given[name], spec.dtype, name or "input"), name or "input", spec.dtype, spec.shape),
            )
            for name, spec in known.items()
        )
    )


def _tensor(data: list[Any], dtype: np.dtype[Any] | None, name: str) -> Array:
    """Nested lists as an array; ragged ones and what is no number are refused."""
    shape, flat = [len(data)], data
    while flat and isinstance(flat[0], list):
        size = len(flat[0])
        for index, part in enumerate(flat):
            if not isinstance(part, list) or len(part) != size:
                raise Refusal(f"{name}: the lists differ in length at axis {len(shape)}, position {index}.")
        flat = [value for part in flat for value in part]
        shape.append(size)

    width = max(1, len(flat) // max(1, len(data)))

    def place(index: int) -> str:
        return f"Row {index // width}, column {index % width}"

    if dtype is None:
        return (_guess(flat) if flat else np.empty(0)).reshape(shape)
    if dtype.kind not in "fiub":
        return cells.from_json(flat, "string", place).astype(dtype).reshape(shape)
    return cells.numbers(flat, dtype, place).reshape(shape)


def _csv(body: bytes, signature: Signature) -> Rows:
    names, data = _lines(body)
    columns = {name: [row[index] for row in data] for index, name in enumerate(names)}
    if signature.columns:
        if not signature.labelled and len(names) == len(signature.names):
            columns = dict(zip(signature.names, columns.values(), strict=True))
        return signature.from_columns(columns, cells.from_text)
    if signature.tensors:
        doubles = [cells.from_text(values, "double", place_in(name)) for name, values in columns.items()]
        return _tensors({"": np.column_stack(doubles).tolist()}, signature)
    return Table(names, tuple(_guess_text(values) for values in columns.values()))


def _lines(body: bytes) -> tuple[tuple[str, ...], list[list[str | None]]]:
    """Header and rows. The standard library's reader, because pandas' drops what a line has too much."""
    if not body.strip():
        raise Refusal("The body is empty.")
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if line]
    except UnicodeDecodeError as error:
        raise Refusal(f"The body is not UTF-8: byte {error.start}.") from None
    except csv.Error as error:
        raise Refusal(f"The body is not CSV: {error}.") from None
    names = tuple(lines[0]) if lines else ()
    if twice := repeated(names):
        raise Refusal(f"The columns {listed(twice)} are given twice.")
    for index, line in enumerate(lines[1:]):
        if len(line) != len(names):
            raise Refusal(f"Row {index} has {len(line)} values, and the header has {len(names)} columns.")
    return names, [[None if cell in MISSING else cell for cell in line] for line in lines[1:]]


def _guess_text(values: list[Any]) -> Array:
    """A column of text as numbers, where all of it is."""
    for kind in ("long", "double"):
        with contextlib.suppress(Refusal):
            return cells.from_text(values, kind, str)
    return cells.from_text(values, "string", str)


_READERS = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _instances,
    "inputs": _inputs,
}


def answer(prediction: Any) -> bytes:
    """The body of an answer: ``{"predictions": ...}``, a DataFrame as records."""
    if hasattr(prediction, "to_dict") and hasattr(prediction, "columns"):
        prediction = prediction.to_dict(orient="records")
    elif hasattr(prediction, "toarray"):
        prediction = prediction.toarray()
    elif isinstance(prediction, np.ndarray) and prediction.dtype.kind in "fiub":
        prediction = np.ascontiguousarray(prediction)
    return write({"predictions": prediction})


def deployment(model: str) -> dict[str, Any]:
    """A model as ``mlflow.deployments`` lists what a server has. Its clients insist on every key."""
    return {
        "name": model,
        "endpoint_type": "mlflow/invocations",
        "model": {"name": model, "provider": "labline"},
        "endpoint_url": f"/endpoints/{model}/invocations",
        "limit": None,
    }
