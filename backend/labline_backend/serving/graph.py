"""A model as a graph that ONNX Runtime computes: no scikit-learn, no pandas. Made and checked by ``conversion``.

A graph answers whatever it is given, where the model that it was made from may refuse: a missing value, a category that
it has never seen. So rows are looked at first. Those that the check has not shown to be answered alike are for the
model itself, and so is a label between two scores that are nearer than the scores are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from labline_backend.serving.refusal import quoted
from labline_backend.serving.rows import Array, Matrix, Rows, Table, is_missing
from labline_runtime.dataclass import dataclass

LARGEST = 1e30
"""Numbers beyond are for the model itself: float32 ends at 3.4e38, and what is computed of them may be larger."""

Oddity = Literal["missing", "infinite", "large", "unseen", "other columns"]
Layout = Literal["matrix", "columns"]
Precision = Literal["float64", "float32"]


class RefusedRowsError(ValueError):
    """The model refuses such rows; the message is what it says to them."""


@dataclass(frozen=True)
class Graph:
    """What is known of a graph. ``path`` is its file, ``digest`` the file's BLAKE3.

    ``refused`` are the oddities that the model refuses in any column, with its words; ``alike`` those that the graph
    answers as the model does. ``known`` are the strings that it was tried with, by column.
    """

    path: str
    digest: str
    layout: Layout
    precision: Precision
    names: tuple[str, ...]
    output: int
    labels: bool
    """Whether the answer is a label, and the last output has the scores that decide it."""

    answer: str
    """The dtype of answers."""

    shape: tuple[int, ...]
    """The shape of an answer to one row."""

    bound: float
    refused: dict[str, str]
    alike: tuple[str, ...]
    known: dict[str, tuple[str, ...]]

    def __str__(self) -> str:
        return f"ONNX Runtime in {self.precision}, scores within {self.bound:g}"


class GraphModel:
    """A graph, loaded. Asked from one thread at a time."""

    def __init__(self, graph: Graph, content: bytes) -> None:
        """*content* is the graph's file. Raises what ONNX Runtime raises for what it cannot compute."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the server is parallel over requests
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self.graph = graph
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._outputs = [each.name for each in self._session.get_outputs()]
        if not graph.labels:
            self._outputs = [self._outputs[graph.output]]
        self._known = {name: frozenset(values) for name, values in graph.known.items()}
        self._dtype: np.dtype[Any] = np.dtype(graph.precision)
        self._answer: np.dtype[Any] = np.dtype(graph.answer)

    def predict(self, rows: Rows, model: Callable[[Rows], Any]) -> Any:
        """The prediction; of *model* where the graph's may differ. Raises ``RefusedRowsError``, and what *model*
        raises."""
        found = set(self._oddities(rows))
        if found:
            if not found <= {*self.graph.alike, *self.graph.refused}:
                return model(rows)
            for oddity, words in self.graph.refused.items():
                if oddity in found:
                    raise RefusedRowsError(self._unseen(rows) if oddity == "unseen" else words)
        answer = self.compute(rows)
        return model(rows) if answer is None else answer

    def compute(self, rows: Rows) -> Array | None:
        """What the graph answers, however odd the rows are; None where scores are too near to tell a label."""
        outputs = self._session.run(self._outputs, self._fed(rows))
        if self.graph.labels and self._near(outputs[-1]):
            return None
        answer: Array = outputs[self.graph.output if self.graph.labels else 0]
        return answer.astype(self._answer, copy=False).reshape(rows.count, *self.graph.shape)

    def scores(self, rows: Rows) -> Array:
        """The last output."""
        return self._session.run(None, self._fed(rows))[-1]

    def _near(self, scores: Array) -> bool:
        first_two = np.partition(scores, -2, axis=1)[:, -2:]
        return bool((first_two[:, 1] - first_two[:, 0] <= 2 * self.graph.bound).any())

    def _fed(self, rows: Rows) -> dict[str, Array]:
        if self.graph.layout == "matrix" and isinstance(rows, Matrix):
            return {self._inputs[0]: np.ascontiguousarray(rows.values, dtype=self._dtype)}
        columns = dict(rows.named())
        fed = {}
        for name in self._inputs:
            column: Array = columns[name].reshape(-1, 1)
            fed[name] = column if column.dtype == object else column.astype(self._dtype)
        return fed

    def _oddities(self, rows: Rows) -> Iterator[Oddity]:
        if isinstance(rows, Matrix):
            yield from _odd_numbers(rows.values)
        elif not isinstance(rows, Table) or rows.names != self.graph.names:
            yield "other columns"
        else:
            for name, array in rows.named():
                yield from self._odd(name, array)

    def _unseen(self, rows: Rows) -> str:
        for name, array in rows.named():
            for index, value in enumerate(array.tolist() if array.dtype == object else ()):
                if value not in self._known[name]:
                    said = "null" if value is None else quoted(value)
                    return f"row {index}, column {name!r}: {said} is no value that the model knows."
        raise AssertionError("every value is known")

    def _odd(self, name: str, array: Array) -> Iterator[Oddity]:
        if array.dtype != object:
            yield from _odd_numbers(array)
        elif not self._known[name].issuperset(array.tolist()):
            yield "unseen"


def _odd_numbers(values: Array) -> Iterator[Oddity]:
    if values.dtype.kind == "b" or not values.size or np.abs(values).max() <= LARGEST:  # NaN is not
        if values.dtype.kind == "i" and values.size and np.abs(values).max() >= 1 << 53:
            yield "large"
        return
    if is_missing(values).any():
        yield "missing"
    if np.isinf(values).any():
        yield "infinite"
    if (np.isfinite(values) & (np.abs(values) > LARGEST)).any():
        yield "large"
