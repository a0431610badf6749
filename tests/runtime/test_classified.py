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
ones, twos = [1, 2, 1, 2], [1, 1, 2, 2]
import pandas as pd
from sklearn.dummy import DummyClassifier
series, texts, categories = pd.Series(true), pd.Series(true, dtype="string"), pd.Series(true, dtype="category")
model = DummyClassifier().fit([[0]] * 4, ["cat", "dog", "cat", "bird"])
"""


def run(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(DATA + source, namespace)
    return namespace


def left(source: str, before: Classified | None = None) -> Classified | None:
    """What is read off a cell that has run."""
    return collect(source, run(source), before)


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


@pytest.mark.parametrize(
    ("call", "classes"),
    [
        ("wrong, 1 - wrong, labels=[1, 0]", ("1", "0")),
        ("wrong, 1 - wrong, labels=(1, 0)", ("1", "0")),
        ("ones, twos", ("1", "2")),
        ("y_true=true, y_pred=told", ("bird", "cat", "dog")),
        ("true, told, labels=model.classes_", ("bird", "cat", "dog")),
        ("series, told", ("bird", "cat", "dog")),
        ("texts, told", ("bird", "cat", "dog")),
        ("categories, told", ("bird", "cat", "dog")),
        ("wrong.astype(float), wrong", ("0", "1")),
    ],
)
def test_classes_are_those_that_the_matrix_is_of(call: str, classes: tuple[str, ...]) -> None:
    assert confusion(f"m = confusion_matrix({call})").classes == classes


@pytest.mark.parametrize("call", ["list(true), list(told)", "true, told, labels=sorted(set(true))", "*[true, told]"])
def test_rows_are_counted_where_it_is_not_sure_what_classes_they_are_of(call: str) -> None:
    assert confusion(f"m = metrics.confusion_matrix({call})").classes == ("row 1", "row 2", "row 3")


ASKED = """class Labels(list):
    times = 0
    def __iter__(self):
        self.times += 1
        return super().__iter__()
mine = Labels(true.tolist())
m = confusion_matrix(mine, told)"""


def test_no_code_of_the_notebook_is_called() -> None:
    namespace = run(ASKED)
    times = namespace["mine"].times
    collect(ASKED, namespace)
    assert namespace["mine"].times == times


@pytest.mark.parametrize("below", ["f = f[::-1]", "f, t, at = [np.zeros(3)] * 3", "for t in range(3): pass"])
def test_a_curve_whose_names_are_bound_anew_is_none(below: str) -> None:
    assert left(f"f, t, at = roc_curve(wrong, scores)\n{below}") is None


def test_a_curve_with_what_json_cannot_say_is_none() -> None:
    own = "def roc_curve(*_):\n    return np.zeros(3), np.zeros(3), np.array([np.inf, np.nan, 0])\n"
    assert left(f"{own}f, t, at = roc_curve(wrong, scores)") is None


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
