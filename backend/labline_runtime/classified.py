"""How a classifier did: the confusion matrix and the ROC curve that a metrics cell makes with scikit-learn.

They are read off the cell's source and the values it has left. Nothing is computed anew, and no code of the notebook's
is called. What classes a matrix is of is told only where that is sure; else its rows are counted.
"""

from __future__ import annotations

import ast
import math
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
_LABELS = "biufUO"  # kinds of arrays that hold classes


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
        elif len(bound) == 1:
            confusion = _confusion(bound[0], maker, call, namespace)
            found = found if confusion is None else replace(found or Classified(), confusion=confusion)
    return found


def _assigned(source: str) -> Iterator[tuple[list[str], ast.Call]]:
    """The names that a statement of the cell binds to what one call gives, and that none below it binds anew."""
    statements = list(ast.iter_child_nodes(parsed(source)))
    last: dict[str, int] = {}
    for place, statement in enumerate(statements):
        stored = (n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load))
        last.update(dict.fromkeys(stored, place))
    for place, node in enumerate(statements):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, ast.Call):
            target = node.targets[0]
            elements = target.elts if isinstance(target, ast.Tuple) else [target]
            names = [name.id for name in elements if isinstance(name, ast.Name)]
            if len(names) == len(elements) and all(last[name] == place for name in names):
                yield names, node.value


def _array(value: Any, dimensions: int, kinds: str) -> Any:
    """The value, where it is an array of numbers or texts of some kinds; else None."""
    fits = type(value).__module__ == "numpy" and getattr(value, "ndim", None) == dimensions
    return value if fits and value.dtype.kind in kinds else None


def _confusion(bound: Any, maker: str, call: ast.Call, namespace: Mapping[str, Any]) -> Confusion | None:
    told = None
    if _is_of("sklearn", bound) and type(bound).__name__ == "ConfusionMatrixDisplay":
        bound, told = bound.confusion_matrix, _items(bound.display_labels)
    elif maker != "confusion_matrix":
        return None
    matrix = _array(bound, 2, "iu")
    if matrix is None or matrix.shape[0] != matrix.shape[1] or not 0 < len(matrix) <= CLASSES:
        return None
    classes = told or _classes(len(matrix), call, namespace)
    if len(classes) != len(matrix):
        classes = [f"row {number}" for number in range(1, len(matrix) + 1)]
    return Confusion(tuple(map(str, classes)), tuple(map(tuple, matrix.tolist())))


def _curve(values: list[Any]) -> Curve | None:
    arrays = [_array(value, 1, "f") for value in values]
    if any(array is None for array in arrays):
        return None
    false, true, thresholds = (array.tolist() for array in arrays)
    if not 2 <= len(false) == len(true) == len(thresholds):
        return None
    thresholds[0] = min(thresholds[0], thresholds[1] + 1)  # of nothing at all: scikit-learn says infinity, JSON cannot
    if not all(map(math.isfinite, (*false, *true, *thresholds))):
        return None
    last = len(false) - 1
    kept = sorted({round(n * last / (POINTS - 1)) for n in range(POINTS)}) if last >= POINTS else range(last + 1)
    return Curve(*(tuple(rates[n] for n in kept) for rates in (false, true, thresholds)))


def _classes(count: int, call: ast.Call, namespace: Mapping[str, Any]) -> list[Any]:
    """The classes of *count* rows that ``confusion_matrix`` gave: as it was told, else as the data say; else none."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if None in given:
        return []
    if "labels" in given:
        return _value(given["labels"], namespace) or []
    seen: set[Any] = set()
    for argument in (*call.args[:2], given.get("y_true"), given.get("y_pred")):
        seen.update(_value(argument, namespace) or ())
    # All that there are are among these: where some are, all are known, and scikit-learn has sorted them.
    alike = len({isinstance(each, str) for each in seen}) == 1
    return sorted(seen) if len(seen) == count and alike else []


def _value(node: ast.expr | None, namespace: Mapping[str, Any]) -> list[Any] | None:
    """What *node* has been: a literal, a name, or what an estimator has learnt its classes to be."""
    match node:
        case ast.Name(id=name):
            return _items(namespace.get(name))
        case ast.Attribute(value=ast.Name(id=name), attr="classes_") if _is_of("sklearn", namespace.get(name)):
            return _items(vars(namespace[name]).get("classes_"))
        case ast.List() | ast.Tuple():
            try:
                return _items(ast.literal_eval(node))
            except ValueError:
                return None
    return None


def _items(values: Any) -> list[Any] | None:
    """The classes in a list, an array, or a series of pandas; None where there is anything else."""
    if _is_of("pandas", values) and hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if type(values) not in (list, tuple):
        array = _array(values, 1, _LABELS)
        values = array.tolist() if array is not None else None
    if values is None or not all(type(each) in (bool, int, float, str) for each in values):
        return None
    return list(values)


def _is_of(package: str, value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == package
