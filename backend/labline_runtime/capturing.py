"""Runs a slice of a notebook once more on a run's stored values, and keeps what it has learned.

``captured.pkl`` holds a dictionary:

    kept        what was learned, and the model, by key: pickled each by itself
    known       what the input is: its columns with their types, or that it is an array
    input       some of its rows, with a fresh index
    features    what the notebook makes of them, and ``seen``: what they are there after each piece
    expected    the notebook's predictions for them
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any

from labline_runtime import execute, loading, past
from labline_runtime.capture import (
    CAPTURED,
    INPUT,
    MODEL,
    CaptureResult,
    CaptureSpecification,
    Operation,
    Slice,
    StepReplay,
)
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import to_json
from labline_runtime.metrics import imported_modules
from labline_runtime.notebook import write_atomically
from labline_runtime.outcome import StepResult
from labline_runtime.past import PastError
from labline_runtime.requirements import modules_of, packages_of
from labline_runtime.row_tracking import Seen, count_of, is_learned, places_of, see
from labline_runtime.shell import open_shell
from labline_runtime.shrinking import FeaturesError, Shrinking
from labline_runtime.values import digest
from labline_runtime.values.hashing import scheme_like

KEEP = "__labline_keep__"


class CaptureError(Exception):
    """Nothing was captured; the message is for the user."""


def run_capture(spec: CaptureSpecification) -> CaptureResult:
    """Carry *spec* out and leave ``result.json``, and ``captured.pkl`` where it succeeded."""
    try:
        result = _Capture(spec).run()
    except _LearnedError as found:
        result = CaptureResult(learned=found.names)
    except (CaptureError, PastError, FeaturesError) as error:
        result = CaptureResult(error=str(error))
    write_atomically(Path(spec.output_directory) / "result.json", to_json(result))
    return result


class _LearnedError(Exception):
    """Names were taken for rows, and are not."""

    def __init__(self, names: dict[str, int]) -> None:
        super().__init__(f"{', '.join(names)} stand for no rows")
        self.names = names


@dataclass
class _Kept:
    """What statements hand over while they run; pickled when the statement has ended, as it is then."""

    done: dict[str, Any] = field(default_factory=dict)
    waiting: dict[str, Any] = field(default_factory=dict)

    def __call__(self, key: str, value: Any, turns: bool) -> Any:
        if turns:
            self.done.setdefault(key, []).append(pickled(key, value))
        else:
            self.waiting.setdefault(key, value)
        return value

    def settle(self) -> None:
        for key, value in self.waiting.items():
            self.done.setdefault(key, pickled(key, value))
        self.waiting.clear()


def pickled(key: str, value: Any) -> bytes:
    """*value*, with what is only in the notebook. Raises ``CaptureError``."""
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(value))
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise CaptureError(
            f"{key}, a {type(value).__name__}, cannot be kept with the model: {type(error).__name__}: {said}"
        ) from error


class _Capture:
    def __init__(self, spec: CaptureSpecification) -> None:
        self._spec = spec
        self._slice = spec.slice
        self._kept = _Kept()
        self._places: dict[tuple[str, int], Any] = {}  # of the rows that a name stands for after a statement
        self._snapshots: dict[int, dict[str, Any]] = {}
        self._new: set[int] = set()  # pieces that give their frame a column that it did not have
        self._input: Any = None

    def run(self) -> CaptureResult:
        """Run it all."""
        execute.enter(self._spec.working_directory)
        sys.path.insert(0, self._spec.working_directory)
        shell = open_shell(str(Path(self._spec.output_directory) / ".ipython"))
        namespace, own = shell.namespace, dict(shell.namespace)
        run = past.run(self._spec.run, self._spec.home)
        for replay in self._slice.replays:
            namespace.clear()
            namespace.update(own)
            namespace[KEEP] = self._kept
            self._replay(run.step(replay.step), replay, namespace)
        features, model, places = self._end(namespace)
        return self._finish(features, model, places)

    # -------------------------------------------------------------- running

    def _replay(self, step: past.StepRun, replay: StepReplay, namespace: dict[str, Any]) -> None:
        for source in self._slice.preamble:
            _run(source, "the cells above all steps", namespace)
        if missing := loading.load(namespace, step).missing:
            raise CaptureError(f"{missing[0].message}. {missing[0].hint}")
        outputs = step.outputs
        for operation in replay.operations:
            if operation.stored:
                namespace.update({name: outputs[name] for name in operation.stored if name in outputs})
                continue
            for key, name in operation.takes:
                if key not in self._kept.done and name in namespace:
                    self._kept.done[key] = pickled(name, namespace[name])
            before = self._seen(operation, namespace)
            self._note_columns(operation, namespace)
            _run(operation.source, operation.place, namespace)
            self._kept.settle()
            self._follow(operation, namespace, before)
            self._check(operation, step.result(), namespace)

    def _seen(self, operation: Operation, namespace: dict[str, Any]) -> list[Seen]:
        names = sorted(operation.of, key=lambda name: name not in operation.rows)
        found = [see(namespace.get(name), self._places.get((name, operation.of[name]))) for name in names]
        return [each for each in found if each is not None]

    def _note_columns(self, operation: Operation, namespace: dict[str, Any]) -> None:
        for piece in self._slice.pieces:
            frame = namespace.get(piece.frame) if piece.number == operation.number and piece.column else None
            if frame is not None and piece.column not in getattr(frame, "columns", (piece.column,)):
                self._new.add(piece.number)

    def _follow(self, operation: Operation, namespace: dict[str, Any], before: list[Seen]) -> None:
        if operation.gives_input:
            self._take_input(operation, namespace)
            return
        learned = {name: operation.number for name in operation.rows if is_learned(namespace.get(name))}
        if learned:
            raise _LearnedError(learned)
        snapshot = {}
        for name in operation.rows:
            value: Any = namespace.get(name)
            places = places_of(value, before)
            self._places[name, operation.number] = places
            if places is not None:
                snapshot[name] = value.copy() if hasattr(value, "copy") else value
        self._snapshots[operation.number] = snapshot

    def _take_input(self, operation: Operation, namespace: dict[str, Any]) -> None:
        import numpy

        name = self._slice.input
        value: Any = namespace.get(name)
        columns = getattr(value, "columns", None)
        is_array = isinstance(value, numpy.ndarray) and value.ndim == 2 and value.dtype.kind in "biuf"
        if columns is None and not is_array:
            raise CaptureError(
                f"{name} of {self._slice.input_place} is a {type(value).__name__}: requests bring the rows of a "
                "DataFrame, or of an array of numbers with two dimensions. Name one with --input NAME"
                f"{self._candidates()}."
            )
        if columns is not None:
            _check_columns(name, value)
        self._input = value.copy()
        self._places[name, operation.number] = numpy.arange(len(value))

    def _candidates(self) -> str:
        """What is made of the input and may have rows, the nearest to the call first."""
        made = [name for replay in self._slice.replays for each in replay.operations for name in sorted(each.rows)]
        names = [name for name in dict.fromkeys(reversed(made)) if name != self._slice.input][:4]
        return f": made of it are {', '.join(names)}" if names else ""

    def _check(self, operation: Operation, result: StepResult | None, namespace: dict[str, Any]) -> None:
        """Whether rows came out as they did in the run."""
        records = {value.name: value for made in (result.artifacts if result else ()) for value in made.values}
        for name in operation.final:
            stored = records[name].digest if name in records else ""
            if stored and name in namespace and digest(namespace[name], scheme=scheme_like(stored)) != stored:
                raise CaptureError(
                    f"{operation.place.capitalize()}: {name} came out otherwise than in run {self._spec.run}. "
                    "What it is made of has changed since (a file?), or is drawn at random without a seed."
                )

    def _end(self, namespace: dict[str, Any]) -> tuple[Any, Any, Any]:
        """The features of the notebook's call, its model, and which rows of the input the features are of."""
        asked = self._slice
        for key, name in asked.result_takes:
            if key not in self._kept.done and name in namespace:
                self._kept.done[key] = pickled(name, namespace[name])
        before = [see(namespace.get(name), self._places.get((name, made))) for name, made in asked.result_of.items()]
        features = _evaluate(asked.captured_result, asked.place, namespace)
        model = _evaluate(asked.model, asked.place, namespace)
        self._kept.settle()
        places = places_of(features, [each for each in before if each is not None])
        if count_of(features) is None:
            raise CaptureError(
                f"A {type(features).__name__} is asked for in {asked.place}, whose rows cannot be followed. "
                "Ask it for a DataFrame or an array: of gradient boosting, the library's own class for scikit-learn."
            )
        if places is None:
            raise CaptureError(
                f"Which rows of {asked.input} those in {asked.place} are cannot be followed. "
                f"Name a frame nearer to the call with --input."
            )
        return features, model, places

    # -------------------------------------------------------------- what comes of it

    def _finish(self, features: Any, model: Any, places: Any) -> CaptureResult:
        asked = self._slice
        chosen = _chosen(self._input, places, self._spec.rows)
        predictions = _evaluate_call(model, asked.method, features, asked.place)
        if count_of(predictions) != len(places):
            raise CaptureError(f"{asked.prediction} gives {type(predictions).__name__}, not a value for each row.")
        self._kept.done[MODEL] = pickled(asked.model, model)
        known = _known(self._input)
        shrinking = Shrinking(asked, self._kept.done, known, self._spec.support)
        where = [int(places[each]) for each in chosen]
        without = shrinking.pieces(_rows(self._input, where), self._new)
        for piece in asked.pieces:
            if piece.problem and piece.number not in without:
                raise CaptureError(piece.problem)
        absent = shrinking.columns(_spread(self._input), without)
        known["absent"] = absent
        self._kept.done[INPUT] = pickled("the input's columns", known)
        document = {
            "kept": self._kept.done,
            "known": known,
            "input": _rows(self._input, where),
            "expected": _rows(predictions, chosen),
            "features": _rows(features, chosen),
            "seen": self._seen_of(where),
            "without": without,
        }
        (Path(self._spec.output_directory) / CAPTURED).write_bytes(pickled("what was captured", document))
        return CaptureResult(
            without=tuple(without),
            columns=tuple(name for name in known["columns"] or () if name not in absent),
            absent=tuple(absent),
            kept={key: sum(map(len, v)) if isinstance(v, list) else len(v) for key, v in self._kept.done.items()},
            rows=len(where),
            requirements=tuple(_requirements(asked, self._kept.done)),
        )

    def _seen_of(self, where: list[int]) -> dict[int, dict[str, Any]]:
        """What the notebook's rows are after each piece, for those rows of the input that it still has there."""
        found: dict[int, dict[str, Any]] = {}
        for number, values in self._snapshots.items():
            for name, value in values.items():
                at = {int(place): row for row, place in enumerate(self._places[name, number])}
                if all(place in at for place in where):
                    found.setdefault(number, {})[name] = _rows(value, [at[place] for place in where])
        return found


def _check_columns(name: str, value: Any) -> None:
    for column in value.columns:
        if not isinstance(column, str):
            raise CaptureError(f"{name} has the column {column!r}: the columns of requests have names that are text.")
        if list(value.columns).count(column) > 1:
            raise CaptureError(f"{name} has two columns {column!r}.")
        if getattr(value[column].dtype, "tz", None) is not None:
            raise CaptureError(
                f"{name} has times with a time zone in column {column!r}, which MLflow's signatures do not have. "
                "Load the column as text, and convert it in a statement below: "
                f"{name}[{column!r}] = pd.to_datetime({name}[{column!r}], utc=True)."
            )


def _known(value: Any) -> dict[str, Any]:
    if hasattr(value, "columns"):
        return {"columns": {name: value[name].dtype for name in value.columns}, "absent": [], "dtype": None}
    return {"columns": None, "absent": [], "dtype": value.dtype}


def _rows(value: Any, where: list[int]) -> Any:
    """Those rows, with a fresh index."""
    if hasattr(value, "iloc"):
        return value.iloc[where].reset_index(drop=True)
    if hasattr(value, "shape"):
        return value[where]
    return [value[each] for each in where]


def _spread(value: Any, count: int = 4000) -> Any:
    step = max(1, len(value) // count)
    return _rows(value, list(range(0, len(value), step)))


def _chosen(value: Any, places: Any, limit: int) -> list[int]:
    """Rows of the features that say most: spread over all, with missing values, extremes and rare texts among them."""
    total = len(places)
    chosen = dict.fromkeys(range(0, total, max(1, 2 * total // limit)))
    if hasattr(value, "columns"):
        for column in value.columns:
            part = value[column].iloc[places].reset_index(drop=True)
            for row in part.index[part.isna()][:2]:
                chosen[int(row)] = None
            try:
                rare = part.map(part.value_counts()).idxmin() if part.dtype.kind not in "fiub" else None
                found = [rare] if rare is not None else [part.idxmin(), part.idxmax()]
            except (TypeError, ValueError):
                continue
            for row in found:
                if row == row:
                    chosen[int(row)] = None
    return (
        list(chosen)[:limit]
        if len(chosen) <= limit
        else sorted(list(chosen)[: limit // 2] + list(chosen)[-limit // 2 :])
    )


def _requirements(sliced: Slice, kept: dict[str, Any]) -> list[str]:
    """The installed packages that the slice imports, and whose classes and functions are kept."""
    imported = {name.partition(".")[0] for piece in sliced.code for name in imported_modules(piece.source)}
    pickles = (each for value in kept.values() for each in (value if isinstance(value, list) else [value]))
    return packages_of({*imported, *modules_of(pickles), "cloudpickle", "numpy", "pandas"})


# -------------------------------------------------------------- the notebook's code


def _run(source: str, place: str, namespace: dict[str, Any]) -> None:
    _told(place, lambda: exec(_compiled(source, place, "exec"), namespace))  # noqa: S102 - it is the notebook's


def _evaluate(source: str, place: str, namespace: dict[str, Any]) -> Any:
    return _told(place, lambda: eval(_compiled(source, place, "eval"), namespace))  # noqa: S307 - it is the notebook's


def _evaluate_call(model: Any, method: str, features: Any, place: str) -> Any:
    found = _told(place, lambda: getattr(model, method)(features))
    return found.toarray() if hasattr(found, "toarray") else found


def _compiled(source: str, place: str, mode: str) -> Any:
    name = f"<{place}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return compile(source, name, mode, dont_inherit=True)


def _told(place: str, act: Callable[[], Any]) -> Any:
    try:
        return act()
    except CaptureError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise CaptureError(
            f"{place.capitalize()} failed when it ran once more: {type(error).__name__}: {said}"
        ) from error
