"""One loaded version of a model. Not thread-safe: the engine asks it from one thread at a time.

Loading runs the code that the model was pickled with. It happens for models of the MLflow store that the user named and
for nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from labline_backend.registry import RegisteredVersion
from labline_backend.serving.agreement import Verdict, decide, in_order
from labline_backend.serving.refusal import Refusal, shorten
from labline_backend.serving.rows import Matrix, Rows, Tensors, first_missing, join
from labline_backend.serving.signature import Signature, read_signature

SERVER_FAULTS = (MemoryError, OSError, ImportError, SystemError)
"""What a model raises for reasons that are not in the rows. Everything else it raises is about them."""

Asked = tuple[Rows, dict[str, Any] | None]


class LoadError(Exception):
    """The model cannot be loaded; the message is one sentence for the user."""


class Predictor:
    """Answers requests with the bits that ``pyfunc.predict`` gives for the rows of each request alone."""

    def __init__(self, version: RegisteredVersion, pyfunc: Any, example: Any = None) -> None:
        """*pyfunc* is what ``mlflow.pyfunc.load_model`` gives, *example* the frame or array that it was logged with."""
        self.version = version
        self.signature: Signature = read_signature(pyfunc.metadata)
        flavour = pyfunc.metadata.flavors.get("python_function", {})
        self.platform = str(flavour.get("loader_module", "mlflow"))
        self._pyfunc = pyfunc
        self._native: Any = None
        raw = None
        if self.platform == "mlflow.sklearn":
            raw = pyfunc.get_raw_model()
            self._native = getattr(raw, flavour.get("predict_fn", "predict"), None)
            # It is what asking by an array means; the check has shown that it changes nothing.
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
        self.example = rows = as_rows(example, self.signature)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.verdict: Verdict = decide(self._reference, self._native, raw, rows)

    def answer(self, asked: Sequence[Asked]) -> list[Any]:
        """A prediction, or the exception that stands for it, for each of the requests."""
        if len(asked) > 1 and (merged := self._merged([rows for rows, _ in asked])) is not None:
            return merged
        return [self._one(rows, parameters) for rows, parameters in asked]

    def _merged(self, parts: list[Rows]) -> list[Any] | None:
        try:
            prediction = self._ask(join(parts))
        except Exception:  # one of them is at fault: they are asked one by one
            return None
        counts = [part.count for part in parts]
        if not isinstance(prediction, np.ndarray) or len(prediction) != sum(counts):
            return None
        ends = np.cumsum(counts)
        return [prediction[end - count : end] for end, count in zip(ends, counts, strict=True)]

    def _one(self, rows: Rows, parameters: dict[str, Any] | None) -> Any:
        try:
            if parameters is not None:
                return self._pyfunc.predict(rows.model_input(), params=parameters)
            try:
                return self._ask(rows)
            except Exception:
                if not self.verdict.native:
                    raise
                return self._reference(rows)
        except SERVER_FAULTS as error:
            return error
        except Exception as error:
            return _refused(error, rows)

    def _ask(self, rows: Rows) -> Any:
        if self.verdict.order is not None and isinstance(rows, Matrix):
            return self._native(in_order(rows.values, self.verdict.order))
        return self._reference(rows)

    def _reference(self, rows: Rows) -> Any:
        return self._pyfunc.predict(rows.model_input())


def _refused(error: Exception, rows: Rows) -> Refusal:
    said = shorten(" ".join((str(getattr(error, "message", None) or error)).split("\n\n")[0].split()), 300)
    missing = first_missing(rows)
    place = f" The first missing value is in row {missing[0]}, column {missing[1]!r}." if missing else ""
    return Refusal(f"The model refuses these rows: {type(error).__name__}: {said}{place}")


def as_rows(example: Any, signature: Signature) -> Rows | None:
    """An input example as rows; None for one that is no DataFrame of the model's columns, nor its one tensor."""
    if len(signature.tensors) == 1 and isinstance(example, np.ndarray) and example.dtype == signature.tensors[0].dtype:
        return Tensors(((signature.tensors[0].name, example),))
    if not signature.columns or not hasattr(example, "columns"):
        return None
    from labline_backend.serving.cells import converted

    with contextlib.suppress(Refusal, ValueError, TypeError):
        columns = {}
        for column in signature.columns:
            series = example[column.name if signature.labelled else example.columns[int(column.name)]]
            array = series.to_numpy()
            if column.kind in ("string", "binary"):
                array = series.astype(object).where(series.notna(), None).to_numpy()
            columns[column.name] = array
        return signature.from_columns(columns, converted)
    return None


def load(version: RegisteredVersion) -> Predictor:
    """Load a model from the registry that the environment names. Slow: never call it on an event loop's thread.

    Raises ``LoadError``.
    """
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    import mlflow

    try:
        pyfunc = mlflow.pyfunc.load_model(version.uri)
    except Exception as error:
        said = shorten(" ".join(str(getattr(error, "message", None) or error).split()), 400)
        raise LoadError(f"The model {version} cannot be loaded: {type(error).__name__}: {said}") from error
    example = None
    with contextlib.suppress(Exception):  # a model without one, or with one that this MLflow cannot read, is served too
        example = pyfunc.input_example
    return Predictor(version, pyfunc, example)
