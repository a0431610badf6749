"""One loaded version of a model. Not thread-safe: the engine asks it from one thread at a time.

Loading runs the code that the model was pickled with. It happens for models of the MLflow store that the user named and
for nothing else, and only where the files are those that were checked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from labline_backend.registry import RegisteredVersion
from labline_backend.serving import mlmodel
from labline_backend.serving.agreement import IN_ORDER, Verdict
from labline_backend.serving.arithmetic import arithmetic, read
from labline_backend.serving.checks import Checked, Checks, LoadError, Opened, written
from labline_backend.serving.graph import GraphModel, RefusedRowsError
from labline_backend.serving.native import PICKLED, load_native, use_one_thread, with_pandas
from labline_backend.serving.refusal import Refusal, shorten
from labline_backend.serving.rows import Array, Matrix, Rows, first_missing, join
from labline_backend.serving.signature import Signature

SERVER_FAULTS = (MemoryError, OSError, ImportError, SystemError)
"""What a model raises for reasons that are not in the rows. Everything else it raises is about them."""

_OF_MISSING = re.compile(r"\b(na|nan|nat|none|null|missing)\b", re.IGNORECASE)
"""What a model speaks of that refuses a missing value; other refusals have nothing to do with those that there are."""

Asked = tuple[Rows, dict[str, Any] | None]


class NotAtHandError(Exception):
    """What is loaded cannot tell, and the model that can is not: see :meth:`Predictor.load_model`."""


class Predictor:
    """Answers requests with the bits that ``pyfunc.predict`` gives for the rows of each request alone; or, where a
    graph is asked in the model's place, with the same labels, and scores within the bound that was declared.
    """

    def __init__(self, version: RegisteredVersion, checked: Checked) -> None:
        """Load what the check says that is asked. Raises ``LoadError``, or what the model raises."""
        description = mlmodel.read(checked.content(mlmodel.FILE))
        self.version = version
        self.verdict: Verdict = checked.verdict
        self.signature: Signature = description.signature
        self.platform = description.platform
        self.shown = checked.shown
        self._checked = checked
        self._description = description
        self._at_hand = False
        self._native: Any = None
        self._on_arrays: Any = None
        """What the native model answers to the array of a ``Matrix``, where it is asked so."""
        pickled = description.pickled
        self._arithmetic = None if checked.arithmetic is None else checked.arithmetic.opened()
        self._pickle: Opened | None = None
        if self.verdict.native and pickled is not None:
            self._pickle = checked.opened(pickled.file) if checked.native is None else checked.native.opened()
        graph = checked.graph
        self._graph = None if graph is None else GraphModel(graph, written(graph.path, graph.digest))
        if self._graph is None:
            self._load()

    def _load(self) -> None:
        """Load the model, or what answers in its place for most rows."""
        if self._arithmetic is None:
            self.load_model()
        else:
            self._ask_by(read(self._arithmetic.content(), _not_at_hand))

    def load_model(self) -> None:
        """Load the model itself. Slow. Raises ``LoadError``, or what the model raises."""
        logged = self._description.pickled
        if self._pickle is not None and logged is not None:
            model = load_native(logged if self._checked.native is None else PICKLED, self._pickle.content())
            native = getattr(model, self._description.function)
            if self._arithmetic is not None:
                native = read(self._arithmetic.content(), native)
            elif self.verdict.arithmetic:
                native = arithmetic(model, self._description.function) or native
            self._ask_by(native)
        else:
            self._pyfunc  # noqa: B018 - loaded when it is first asked for
        self._at_hand = True

    def _ask_by(self, native: Any) -> None:
        ordered = IN_ORDER[self.verdict.order or "C"]
        self._native, self._on_arrays = native, lambda values: native(ordered(values))

    @cached_property
    def _pyfunc(self) -> Any:
        """The model as MLflow has it. Slow, and large: it takes MLflow and pandas."""
        self._checked.check_all()
        with_pandas()
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        import mlflow

        model = mlflow.pyfunc.load_model(self._checked.folder)
        if self._description.platform == mlmodel.SKLEARN:
            use_one_thread(model.get_raw_model())
        return model

    def answer(self, asked: Sequence[Asked]) -> list[Any]:
        """A prediction, or the exception that stands for it, for each of the requests. Raises ``NotAtHandError``."""
        if len(asked) == 1:
            return [self._one(*asked[0])]
        if (merged := self._merged([rows for rows, _ in asked])) is not None:
            return merged
        return [self._one(rows, parameters) for rows, parameters in asked]

    def _merged(self, parts: list[Rows]) -> list[Any] | None:
        try:
            if not self.verdict.merges:  # they are of one row each
                return list(self._native(join(parts).values[:, None]))  # type: ignore[union-attr]
            prediction = self._ask(join(parts))
        except NotAtHandError:
            raise
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
                if "_pyfunc" not in self.__dict__ and not self._at_hand:
                    raise NotAtHandError
                return self._pyfunc.predict(rows.model_input(), params=parameters)
            return self._ask(rows)
        except NotAtHandError:
            raise
        except RefusedRowsError as error:
            return _refused(str(error), rows)
        except SERVER_FAULTS as error:
            return error
        except Exception as error:
            words = getattr(error, "message", None) or error
            return _refused(f"{type(error).__name__}: {words}", rows)

    def _ask(self, rows: Rows) -> Any:
        return self._ask_model(rows) if self._graph is None else self._graph.predict(rows, self._ask_model)

    def _ask_model(self, rows: Rows) -> Any:
        if self._on_arrays is not None and isinstance(rows, Matrix):
            return self._on_arrays(rows.values)
        if not self._at_hand:
            raise NotAtHandError
        return self._reference(rows)

    def _reference(self, rows: Rows) -> Any:
        return self._pyfunc.predict(rows.model_input())


def _not_at_hand(values: Array) -> Array:
    raise NotAtHandError


def _refused(words: str, rows: Rows) -> Refusal:
    said = shorten(" ".join(words.split("\n\n")[0].split()), 300)
    missing = first_missing(rows) if _OF_MISSING.search(said) else None
    place = f" The first missing value is in row {missing[0]}, column {missing[1]!r}." if missing else ""
    return Refusal(f"The model refuses these rows: {said}{'' if said.endswith('.') else '.'}{place}")


def load(version: RegisteredVersion, checks: Checks) -> Predictor:
    """Load a version, which is checked first where that has not been done. Slow: never call it on an event loop's
    thread. Raises ``LoadError``.
    """
    checked = checks.checked(version)
    try:
        return Predictor(version, checked)
    except LoadError:
        raise
    except Exception as error:  # a model may raise anything while it is loaded
        said = shorten(" ".join(str(getattr(error, "message", None) or error).split()), 400)
        raise LoadError(f"The model {version} cannot be loaded: {type(error).__name__}: {said}") from error
