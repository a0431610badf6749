"""The confusion matrix and the ROC curve that a metrics cell has made."""

from __future__ import annotations

from typing import Any

import pytest

from labline_runtime.classified import POINTS, collect
from labline_runtime.outcome import Classified, Confusion, Curve

DATA = """import numpy as np
from sklearn import metrics
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix, roc_curve
true = np.array(["cat", "dog", "cat", "bird"])
told = np.array(["cat", "cat", "cat", "dog"])
wrong = np.array([0, 0, 1, 1])
scores = np.array([0.1, 0.4, 0.35, 0.8])
"""


def left(source: str, before: Classified | None = None) -> Classified | None:
    """What is read off a cell that has run."""
    namespace: dict[str, Any] = {}
    exec(DATA + source, namespace)
    return collect(source, namespace, before)


def confusion(source: str) -> Confusion:
    found = left(source)
    assert found is not None
    assert found.confusion is not None
    return found.confusion


def test_a_confusion_matrix_has_its_classes_from_the_data() -> None:
    expected = Confusion(("bird", "cat", "dog"), ((0, 0, 1), (0, 2, 0), (0, 1, 0)))
    assert confusion("table = confusion_matrix(true, told)") == expected


def test_its_classes_are_those_that_it_was_told() -> None:
    assert confusion("order = ['dog', 'cat', 'bird']\nm = confusion_matrix(true, told, labels=order)").classes == (
        "dog",
        "cat",
        "bird",
    )


def test_its_classes_are_numbered_where_the_data_are_not_at_hand() -> None:
    assert confusion("m = metrics.confusion_matrix(list(true), list(told))").classes == ("0", "1", "2")


def test_a_display_tells_its_own() -> None:
    found = confusion("shown = ConfusionMatrixDisplay(confusion_matrix(true, told), display_labels=['b', 'c', 'd'])")
    assert (found.classes, found.matrix[1]) == (("b", "c", "d"), (0, 2, 0))


def test_shares_of_a_confusion_matrix_are_none() -> None:
    assert left("m = confusion_matrix(true, told, normalize='true')") is None


def test_a_curve_begins_with_a_threshold_above_all_scores() -> None:
    found = left("false, right, at = roc_curve(wrong, scores)")
    assert found is not None
    assert found.curve == Curve((0.0, 0.0, 0.5, 0.5, 1.0), (0.0, 0.5, 0.5, 1.0, 1.0), (1.8, 0.8, 0.4, 0.35, 0.1))


def test_a_long_curve_keeps_its_ends_and_not_all_between() -> None:
    draws = "r = np.random.default_rng(0)\n"
    found = left(f"{draws}f, t, at = roc_curve(r.integers(0, 2, 5000), r.random(5000), drop_intermediate=False)")
    assert found is not None
    assert found.curve is not None
    assert len(found.curve.thresholds) == POINTS
    assert (found.curve.false_positives[0], found.curve.true_positives[-1]) == (0, 1)


def test_a_curve_without_any_positive_is_none() -> None:
    with pytest.warns(UserWarning, match="No positive"):
        assert left("f, t, at = roc_curve(np.zeros(4), scores)") is None


def test_the_last_of_a_kind_counts_and_the_other_kind_stays() -> None:
    first = left("f, t, at = roc_curve(wrong, scores)\nm = confusion_matrix(true, told)")
    assert first is not None
    then = left("m = confusion_matrix(wrong, wrong)", first)
    assert then == Classified(Confusion(("0", "1"), ((2, 0), (0, 2))), first.curve)


def test_what_is_only_called_alike_is_none() -> None:
    assert left("def confusion_matrix(*_):\n    return 'none'\nm = confusion_matrix(true)") is None
