"""The packaged model asked about rows whose answers the notebook knows: alone, together, in other orders, as JSON."""

from __future__ import annotations

import importlib.util
import json
import random
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from labline_backend.packaging.agreement import first_difference, largest_difference
from labline_runtime.capture import INPUT, Slice, function_source
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class TrialResult:
    """``difference`` is None where all rows have the notebook's answers; ``largest`` is how far numbers were off."""

    difference: str | None
    requests: int = 0
    largest: float = 0.0


def wire_rows(rows: Any, known: dict[str, Any]) -> Any:
    """The *rows* as a client would send them: the columns that the model needs, in types that MLflow has."""
    if known["columns"] is None:
        return rows
    import pandas as pd

    found = {}
    for name, dtype in known["columns"].items():
        if name in known["absent"]:
            continue
        column = rows[name]
        if isinstance(dtype, pd.CategoricalDtype) or dtype.kind not in "biufM":
            column = column.astype(object).where(column.notna(), None)
        elif pd.api.types.is_extension_array_dtype(dtype):
            column = column.astype("float64" if column.isna().any() or dtype.kind == "f" else "int64")
        elif dtype.kind in "iu" and dtype.itemsize < 8:
            column = column.astype("int64")
        found[name] = column
    return pd.DataFrame(found, index=rows.index)


class Trial:
    """A model, loaded afresh, and what it is to answer."""

    def __init__(self, model: Any, captured: dict[str, Any], sliced: Slice, tolerance: float) -> None:
        self._model = model
        self._captured = captured
        self._slice = sliced
        self._tolerance = tolerance
        self._rows = wire_rows(captured["input"], captured["known"])
        self._expected = captured["expected"]
        self._ask_as_json = _json_asker(model)

    def run(self) -> TrialResult:
        """Ask it all, until something differs."""
        count, largest = 0, 0.0
        for order, way in self._orders():
            count += 1
            asked, expected = _take(self._rows, order), _take(self._expected, order)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = self._ask(asked, way)
            except Exception as error:
                said = " ".join(str(getattr(error, "message", None) or error).split())[:300]
                return TrialResult(f"The packaged model refuses rows of the notebook ({way}): {said}", count)
            difference = first_difference(expected, found, self._tolerance)
            if difference is not None:
                return TrialResult(self._explain(order, way, difference), count)
            largest = max(largest, largest_difference(expected, found))
        return TrialResult(None, count, largest)

    def _orders(self) -> Iterator[tuple[list[int], str]]:
        whole = list(range(len(self._rows)))
        shuffled = whole[:]
        random.Random(1).shuffle(shuffled)  # noqa: S311 - nothing secret
        yield whole, "all rows together"
        yield shuffled, "all rows together, in another order"
        for row in whole:
            yield [row], "one row alone"
        half = len(whole) // 2
        yield shuffled[:half] or whole, "a part of the rows"
        if self._captured["known"]["columns"] is not None:
            yield whole, "the columns in another order"
        if self._ask_as_json is not None:
            yield shuffled, "as JSON"
            yield whole[:1], "as JSON"

    def _ask(self, rows: Any, way: str) -> Any:
        if way == "as JSON" and self._ask_as_json is not None:
            return self._ask_as_json(rows)
        if way == "the columns in another order":
            rows = rows[list(rows.columns)[::-1]]
        return self._model.predict(rows)

    # -------------------------------------------------------------- what differs

    def _explain(self, order: list[int], way: str, difference: tuple[str, int, Any, Any]) -> str:
        """The first feature that differs, or that it is the model."""
        feature = self._first_feature(order)
        _, _, expected, found = difference
        answer = f"The notebook predicts {_shown(expected)} for a row, the packaged model {_shown(found)} ({way})."
        if feature is not None:
            return f"{feature} {answer}"
        return (
            f"{answer} Their features are the same: the model itself answers otherwise. "
            "Where that is rounding, declare how much may differ with --tolerance."
        )

    def _first_feature(self, order: list[int]) -> str | None:
        seen: dict[int, dict[str, Any]] = {}
        made = self._features(order, seen)
        pieces = {piece.number: piece for piece in self._slice.pieces}
        for number, values in seen.items():
            for name, value in values.items():
                expected = self._captured["seen"].get(number, {}).get(name)
                if expected is None:
                    continue
                there = _take(expected, order)
                if hasattr(there, "columns") and hasattr(value, "columns"):  # what nobody needs was left out
                    both = [column for column in there.columns if column in value.columns]
                    both = [column for column in both if column not in self._captured["known"]["absent"]]
                    there, value = there[both], value[both]
                if (found := first_difference(there, value, self._tolerance)) is not None:
                    return _worded(pieces[number].place, name, found)
        if made is not None:
            found = first_difference(_take(self._captured["features"], order), made, self._tolerance)
            if found is not None:
                return _worded(self._slice.place, self._slice.result, found)
        return None

    def _features(self, order: list[int], seen: dict[int, dict[str, Any]]) -> Any:
        packaged = self._model.unwrap_python_model()
        module, kept = type(packaged).load_context.__globals__, packaged.kept  # MLflow wraps the other method
        source = function_source(self._slice, self._captured["without"], seen=True)
        namespace = dict(module)
        exec(compile(source, "<features>", "exec"), namespace)  # noqa: S102 - the packaged model's own code

        def look(number: int, values: dict[str, Any]) -> None:
            seen[number] = {name: each.copy() if hasattr(each, "copy") else each for name, each in values.items()}

        try:
            rows = module["input_rows"](_take(self._rows, order), kept[INPUT])
            return namespace["features"](rows, kept, module["Turns"](kept), look)
        except Exception:  # the model has answered: what can be seen is seen
            return None


def _worded(place: str, name: str, difference: tuple[str, int, Any, Any]) -> str:
    column, row, expected, found = difference
    what = f"the feature {column!r} of {name}" if column else name
    return (
        f"{place.capitalize()}: {what} is {_shown(found)} in the packaged model, and {_shown(expected)} in the "
        f"notebook (row {row} of the request)."
    )


def _shown(value: Any) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def _take(value: Any, order: list[int]) -> Any:
    if hasattr(value, "iloc"):
        return value.iloc[order].reset_index(drop=True)
    if isinstance(value, list):
        return [value[each] for each in order]
    return value[order]


def _json_asker(model: Any) -> Any:
    """Asks as Labline's server does, from the bytes of a request on; None where its packages are not installed."""
    if importlib.util.find_spec("orjson") is None:
        return None
    from labline_backend.serving.invocations import parse
    from labline_backend.serving.mlmodel import read_signature

    signature = read_signature(model.metadata.to_dict())

    def ask(rows: Any) -> Any:
        body = json.dumps(_document(rows)).encode()
        given, _ = parse(body, "application/json", signature)
        return model.predict(given.model_input())

    return ask


def _document(rows: Any) -> dict[str, Any]:
    if not hasattr(rows, "columns"):
        return {"inputs": rows.tolist()}
    records = []
    for record in rows.to_dict("records"):
        records.append({name: _plain(value) for name, value in record.items()})
    return {"dataframe_records": records}


def _plain(value: Any) -> Any:
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value
