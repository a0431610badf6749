"""How a classifier did: the confusion matrix and the ROC curve that a metrics cell makes with scikit-learn.

They are read off the cell's source and the values it has left. Nothing is computed anew, and no code of the notebook's
is called.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from labline_runtime.metrics import parsed
from labline_runtime.outcome import Classified, Confusion, Curve

MADE_BY = re.compile(r"\b(?:confusion_matrix|roc_curve|ConfusionMatrixDisplay)\b")
"""What a cell calls that has something of the kind, if anything."""

POINTS = 200  # of a curve; more of them nobody sees, and they travel as a task's metadata
CLASSES = 100
_LABELS = "biuUO"  # kinds of arrays that hold classes


def collect(source: str, namespace: Mapping[str, Any], before: Classified | None = None) -> Classified | None:
    """What a cell has made, on top of what cells *before* it have: of several of a kind the last.

    *source* is plain Python, and has run.
    """
    found = before
    for target, call in _assigned(source) if MADE_BY.search(source) else ():
        maker = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        bound = [namespace.get(name) for name in target]
        if maker == "roc_curve" and len(bound) == 3:
            curve = _curve(bound)
            found = found if curve is None else replace(found or Classified(), curve=curve)
        elif len(bound) == 1 and (maker == "confusion_matrix" or type(bound[0]).__name__ == "ConfusionMatrixDisplay"):
            confusion = _confusion(bound[0], call, namespace)
            found = found if confusion is None else replace(found or Classified(), confusion=confusion)
    return found


def _assigned(source: str) -> Iterator[tuple[list[str], ast.Call]]:
    """The names that a statement of the cell binds to what one call gives."""
    for node in ast.iter_child_nodes(parsed(source)):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, ast.Call):
            target = node.targets[0]
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            if all(isinstance(name, ast.Name) for name in names):
                yield [name.id for name in names if isinstance(name, ast.Name)], node.value


def _array(value: Any, dimensions: int, kinds: str) -> Any:
    """The value, where it is an array of numbers or texts of some kinds; else None."""
    fits = type(value).__module__ == "numpy" and getattr(value, "ndim", None) == dimensions
    return value if fits and value.dtype.kind in kinds else None


def _confusion(bound: Any, call: ast.Call, namespace: Mapping[str, Any]) -> Confusion | None:
    matrix = _array(getattr(bound, "confusion_matrix", bound), 2, "iu")
    if matrix is None or matrix.shape[0] != matrix.shape[1] or not 0 < len(matrix) <= CLASSES:
        return None
    classes = _classes(len(matrix), getattr(bound, "display_labels", None), call, namespace)
    return Confusion(classes, tuple(map(tuple, matrix.tolist())))


def _curve(values: list[Any]) -> Curve | None:
    arrays = [_array(value, 1, "f") for value in values]
    if any(array is None for array in arrays):
        return None
    false, true, thresholds = (array.tolist() for array in arrays)
    if not 2 <= len(false) == len(true) == len(thresholds) or any(rate != rate for rate in (*false, *true)):
        return None
    thresholds[0] = min(thresholds[0], thresholds[1] + 1)  # of nothing at all: scikit-learn says infinity, JSON cannot
    last = len(false) - 1
    kept = sorted({round(n * last / (POINTS - 1)) for n in range(POINTS)}) if last >= POINTS else range(last + 1)
    return Curve(*(tuple(rates[n] for n in kept) for rates in (false, true, thresholds)))


def _classes(count: int, named: Any, call: ast.Call, namespace: Mapping[str, Any]) -> tuple[str, ...]:
    """What the matrix's rows are called: as it was told, else as the data say, else by their numbers."""
    told = next((keyword.value for keyword in call.keywords if keyword.arg == "labels"), None)
    given = [named, namespace.get(told.id) if isinstance(told, ast.Name) else None]
    for labels in given:
        known = isinstance(labels, list | tuple) or _array(labels, 1, _LABELS) is not None
        if known and len(labels) == count:
            return tuple(str(label) for label in labels)
    if told is None:
        seen: set[Any] = set()
        for argument in call.args[:2]:
            held = namespace.get(argument.id) if isinstance(argument, ast.Name) else None
            values = _array(getattr(held, "values", held), 1, _LABELS)  # of a series, too
            if values is not None:
                seen.update(each for each in values.tolist() if type(each) in (bool, int, str))
        if len(seen) == count and len({type(each) for each in seen}) == 1:  # scikit-learn sorts them
            return tuple(map(str, sorted(seen)))
    return tuple(map(str, range(count)))
