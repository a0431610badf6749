"""Models of scikit-learn as graphs, accepted only where they answer as the model does. Part of the check at deployment.

Tried are float64, then float32, which trees compute in themselves; with all columns as one matrix, then each as an
input of its own. A graph is accepted where labels are equal and scores within the bound that the model's owner has
declared, on the rows of the input example and rows like them, on values at the thresholds of trees, and on the strings
that the model was fitted on. What it does with missing, infinite and unseen values is held against the model, too, and
written down: see ``graph``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from labline_backend.serving.agreement import POOL, pool_like
from labline_backend.serving.graph import Graph, GraphModel, Layout, Oddity, Precision
from labline_backend.serving.refusal import shorten
from labline_backend.serving.rows import Array, Matrix, Rows, Table, join

FILE = "model.onnx"
FUNCTIONS = {"predict": 0, "predict_proba": 1}
"""The output of a converted model that stands for what is asked of it."""

CANDIDATES: tuple[tuple[Layout, Precision], ...] = (
    ("matrix", "float64"),
    ("columns", "float64"),
    ("matrix", "float32"),
    ("columns", "float32"),
)
UNSEEN = "\x00 no such value"
MOST_THRESHOLDS = 256
MOST_STRINGS = 4096

Ask = Callable[[Rows], Any]


class UnlikeError(Exception):
    """The graph does not answer as the model does; the message says in what."""


def convert(model: Any, function: str, ask: Ask, example: Rows, bound: float, folder: Path) -> Graph | str:
    """The graph of *model*, in a file in *folder*; or in words why there is none.

    ``ask`` is the reference: what pyfunc answers, or raises.
    """
    try:
        import onnxruntime  # noqa: F401
        import skl2onnx  # noqa: F401
    except ImportError as error:
        return f"ONNX is not installed ({error.name}): pip install 'labline[onnx]'"
    if function not in FUNCTIONS or (isinstance(example, Table) and not example.labelled):
        return f"{function} of such a model has no counterpart in ONNX"
    if not isinstance(example, Matrix | Table) or any(array.dtype.kind not in "fiubO" for _, array in example.named()):
        return "it takes other columns than numbers and strings"
    failed = unlike = ""
    for layout, precision in CANDIDATES:
        if layout == "matrix" and not isinstance(example, Matrix):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                content = _converted(model, example, layout, precision)
                graph = _checked(model, function, ask, example, bound, layout, precision, content)
            except Exception as error:  # the converter and the runtime raise anything for what they do not know
                if isinstance(error, UnlikeError):
                    unlike = str(error)
                else:
                    failed = f"{type(error).__name__}: {error}"
                continue
        path = folder / FILE
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)
        return dataclasses.replace(graph, path=str(path), digest=blake3(content).hexdigest())
    return shorten(" ".join((unlike or failed).split()), 200)


def _converted(model: Any, example: Rows, layout: Layout, precision: Precision) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    numbers = DoubleTensorType if precision == "float64" else FloatTensorType
    columns = list(example.named())
    if layout == "matrix":
        types = [("rows", numbers([None, len(columns)]))]
    else:
        types = [(name, (StringTensorType if a.dtype == object else numbers)([None, 1])) for name, a in columns]
    options = {id(model): {"zipmap": False}} if hasattr(model, "classes_") else None
    content: bytes = to_onnx(model, initial_types=types, options=options).SerializeToString()
    return content


def _checked(
    model: Any,
    function: str,
    ask: Ask,
    example: Rows,
    bound: float,
    layout: Layout,
    precision: Precision,
    content: bytes,
) -> Graph:
    """What is known of a graph after it was held against the model. Raises ``UnlikeError``."""
    pool = pool_like(example)
    answer = ask(example.part(0, 1))
    if not isinstance(answer, np.ndarray):
        raise UnlikeError(f"the model answers {type(answer).__name__}")
    labels = function == "predict" and hasattr(model, "classes_")
    graph = Graph(
        path="",
        digest="",
        layout=layout,
        precision=precision,
        names=tuple(name for name, _ in example.named()),
        output=FUNCTIONS[function],
        labels=labels,
        answer=answer.dtype.str if answer.dtype.kind != "U" else "object",
        shape=answer.shape[1:],
        bound=bound,
        refused={},
        alike=(),
        known={},
    )
    if answer.dtype.kind == "U":
        raise UnlikeError("the model answers strings of a fixed length")
    trial = _Trial(GraphModel(graph, content), ask, bound)
    known = {name: trial.known(example, name, _strings(model)) for name, a in example.named() if a.dtype == object}
    refused: dict[str, str] = {}
    alike: list[str] = []
    for oddity, odd in _odd_rows(example):
        words = trial.outcome(odd)
        if words == "":
            alike.append(oddity)
        elif words is not None:
            refused[oddity] = words
    graph = dataclasses.replace(graph, refused=refused, alike=tuple(alike), known=known)
    trial = _Trial(GraphModel(graph, content), ask, bound)
    if labels and hasattr(model, "predict_proba"):
        trial.scores(model.predict_proba, pool)
    for rows in (example, pool, *_at_thresholds(content, example)):
        trial.same(rows)
    for index in range(POOL):
        trial.same(pool.part(index, index + 1))
    return graph


class _Trial:
    """A graph held against the model."""

    def __init__(self, model: GraphModel, ask: Ask, bound: float) -> None:
        self._model, self._ask, self._bound = model, ask, bound

    def same(self, rows: Rows) -> None:
        """Raises ``UnlikeError`` where the two differ."""
        try:
            expected = self._ask(rows)
        except Exception as error:
            try:
                self._model.predict(rows, self._ask)
            except Exception:
                return
            raise UnlikeError(f"the model refuses rows that the graph answers: {error}") from error
        found = self._model.predict(rows, self._ask)
        if not within(found, expected, self._bound):
            raise UnlikeError(_difference(found, expected, self._bound))

    def scores(self, scores: Callable[[Array], Array], rows: Rows) -> None:
        """Raises ``UnlikeError`` where the scores behind labels differ."""
        expected = scores(rows.values if isinstance(rows, Matrix) else rows.model_input())
        found = self._model.scores(rows).astype(expected.dtype)
        if not within(found, expected, self._bound):
            raise UnlikeError(_difference(found, expected, self._bound))

    def outcome(self, parts: list[Rows]) -> str | None:
        """What becomes of odd rows: the words of the model that refuses each of them, nothing where the graph answers
        each as the model does, None where neither holds."""
        words: list[str] = []
        for rows in parts:
            try:
                expected = self._ask(rows)
            except Exception as error:
                words.append(f"{type(error).__name__}: {str(error).split(chr(10))[0]}")
                continue
            with contextlib.suppress(Exception):
                found = self._model.compute(rows)
                if found is not None and within(found, expected, self._bound):
                    continue
            return None
        if not words:
            return "" if parts else None
        return words[0] if len(words) == len(parts) else None

    def known(self, example: Rows, name: str, strings: list[str]) -> tuple[str, ...]:
        """Those *strings* that the graph answers in the column *name* as the model does."""
        found = {value for value in dict(example.named())[name].tolist() if isinstance(value, str)}
        row = example.part(0, 1)
        for value in strings:
            if self.outcome([_with(row, name, value)]) == "":
                found.add(value)
        return tuple(sorted(found))


def within(found: Any, expected: Any, bound: float) -> bool:
    """Whether answers are the same: scores to within *bound* of the larger of 1 and their size, all else equal."""
    if type(found) is not type(expected) or found.shape != expected.shape or found.dtype != expected.dtype:
        return False
    if expected.dtype.kind != "f":
        return bool((found == expected).all())
    near = np.abs(found - expected) <= bound * np.maximum(1.0, np.abs(expected))
    return bool((near | (found == expected) | (np.isnan(found) & np.isnan(expected))).all())


def _difference(found: Any, expected: Any, bound: float) -> str:
    if getattr(expected, "dtype", None) is None or expected.dtype.kind != "f" or found.shape != expected.shape:
        return "labels differ"
    return f"scores differ by {np.nanmax(np.abs(found - expected)):.1g}, which is more than {bound:g}"


def _odd_rows(example: Rows) -> Iterator[tuple[Oddity, list[Rows]]]:
    """Rows with something odd in one column, and in all that can have it."""
    row = example.part(0, 1)
    floats = [name for name, array in row.named() if array.dtype.kind == "f"]
    strings = [name for name, array in row.named() if array.dtype == object]
    for oddity, names, values in (
        ("missing", floats, (np.nan,)),
        ("infinite", floats, (np.inf, -np.inf)),
        ("unseen", strings, (None, UNSEEN)),
    ):
        parts = [_with(row, name, value) for name in names for value in values]
        for value in values if len(names) > 1 else ():
            every = row
            for name in names:
                every = _with(every, name, value)
            parts.append(every)
        yield oddity, parts  # type: ignore[misc]


def _with(row: Rows, name: str, value: Any) -> Rows:
    """One row with another value in a column."""
    if isinstance(row, Matrix):
        values = row.values.copy()
        values[:, row.names.index(name)] = value
        return Matrix(row.names, values)
    if not isinstance(row, Table):
        raise TypeError(f"{type(row).__name__} has no columns")
    arrays = [array.copy() for array in row.arrays]
    arrays[row.names.index(name)][:] = value
    return dataclasses.replace(row, arrays=tuple(arrays))


def _strings(model: Any) -> list[str]:
    """The strings that encoders anywhere in *model* were fitted on."""
    found: dict[str, None] = {}
    for part in _parts(model, set()):
        for values in getattr(part, "categories_", ()):
            found.update(dict.fromkeys(value for value in np.asarray(values).tolist() if isinstance(value, str)))
    if len(found) > MOST_STRINGS:
        raise UnlikeError(f"it knows more than {MOST_STRINGS} strings, too many to try each")
    return list(found)


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """The estimators in what an estimator has learned."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item, seen)
    elif hasattr(value, "get_params") and not isinstance(value, type):
        yield value
        for item in vars(value).values():
            yield from _parts(item, seen)


def _at_thresholds(content: bytes, example: Rows) -> Iterator[Rows]:
    """Rows with values at the thresholds of trees and next to them, where the graph begins with trees."""
    import onnx

    first = onnx.load_model_from_string(content).graph.node[0]
    if not isinstance(example, Matrix) or not first.op_type.startswith("TreeEnsemble"):
        return
    values = {each.name: onnx.helper.get_attribute_value(each) for each in first.attribute}
    features, thresholds = values["nodes_featureids"], values.get("nodes_values")
    if not thresholds:
        thresholds = onnx.numpy_helper.to_array(values["nodes_values_as_tensor"])
    inner = [index for index, mode in enumerate(values["nodes_modes"]) if mode != b"LEAF"]
    rows: list[Rows] = []
    for index in inner[:: max(1, len(inner) // MOST_THRESHOLDS)]:
        exact, near = float(thresholds[index]), np.float32(thresholds[index])
        # float32 is what trees of scikit-learn compare in; a double between two of those shows whether the graph does.
        between = (exact, np.nextafter(exact, -np.inf), np.nextafter(exact, np.inf))
        for value in (near, np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf)), *between):
            at = example.part(index % example.count, index % example.count + 1)
            rows.append(_with(at, example.names[features[index]], value))
    if rows:
        yield join(rows)
