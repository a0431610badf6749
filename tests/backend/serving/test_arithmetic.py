"""What is computed in a model's place has the model's bits."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Perceptron, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from labline_backend.serving import arithmetic
from labline_backend.serving.agreement import same_bits
from labline_backend.serving.native import use_one_thread

from .conftest import Registry

RANDOM = np.random.default_rng(5)
ROWS = RANDOM.normal(size=(120, 3))
TWO = (ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2] > 0).astype(int)
THREE = np.array(["no", "perhaps", "yes"])[np.digitize(ROWS[:, 0], [-0.5, 0.5])]
NUMBERS = ROWS[:, 0] - ROWS[:, 1] ** 2

MODELS: dict[str, tuple[Any, Any, str]] = {
    "forest, scores": (RandomForestClassifier(7, random_state=0), TWO, "predict_proba"),
    "forest, labels": (RandomForestClassifier(7, random_state=0), THREE, "predict"),
    "forest of one tree": (RandomForestClassifier(1, random_state=0), THREE, "predict_proba"),
    "forest, numbers": (RandomForestRegressor(7, random_state=0), NUMBERS, "predict"),
    "extra trees, scores": (ExtraTreesClassifier(6, random_state=0), THREE, "predict_proba"),
    "extra trees, numbers": (ExtraTreesRegressor(6, random_state=0), NUMBERS, "predict"),
    "logistic, two classes": (LogisticRegression(), TWO, "predict_proba"),
    "logistic, three classes": (LogisticRegression(), THREE, "predict_proba"),
    "logistic, labels": (LogisticRegression(), TWO, "predict"),
    "perceptron, labels": (Perceptron(random_state=0), THREE, "predict"),
    "ridge": (Ridge(), NUMBERS, "predict"),
    "linear": (LinearRegression(), NUMBERS, "predict"),
    "lasso": (Lasso(0.01), NUMBERS, "predict"),
    "standardised": (make_pipeline(StandardScaler(), LogisticRegression()), TWO, "predict_proba"),
}


@pytest.fixture(params=MODELS)
def asked(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """What is computed, and what the model answers."""
    model, target, function = MODELS[request.param]
    model.fit(ROWS, target)
    computed = arithmetic.arithmetic(model, function)
    assert computed is not None
    return computed, getattr(model, function)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("count", [1, 2, 7, 64, 65, 120])
def test_the_bits_are_the_models(asked: tuple[Any, Any], count: int, order: Any) -> None:
    computed, answer = asked
    rows = np.array(ROWS[:count], order=order)
    assert same_bits(computed(rows), answer(rows))
    assert (rows == ROWS[:count]).all()  # which are still as they were


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_the_bits_are_the_models_for_other_numbers(asked: tuple[Any, Any], kind: Any) -> None:
    computed, answer = asked
    rows = (ROWS * 3).astype(kind)
    assert same_bits(computed(rows), answer(rows))


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e39])
def test_what_is_unusual_is_for_the_model(asked: tuple[Any, Any], odd: float) -> None:
    computed, answer = asked
    rows = ROWS[:3].copy()
    rows[1, 2] = odd
    with np.errstate(over="ignore"):
        try:
            expected = answer(rows)
        except ValueError as error:
            with pytest.raises(ValueError, match=re.escape(str(error).split("\n")[0])):
                computed(rows)
        else:
            assert same_bits(computed(rows), expected)


def test_rows_of_another_width_are_for_the_model_which_refuses_them(asked: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="features"):
        asked[0](ROWS[:, :1])


@pytest.mark.parametrize(
    "asked", [name for name in MODELS if "rest" not in name and "trees" not in name], indirect=True
)
def test_what_is_kept_of_a_linear_model_has_its_bits_and_leaves_to_it_what_is_unusual(asked: tuple[Any, Any]) -> None:
    computed, answer = asked
    content = computed.kept()
    assert b"sklearn" not in content
    again = arithmetic.read(content, lambda values: ("asked", len(values)))
    for count in (1, 7, 120):
        assert same_bits(again(ROWS[:count]), answer(ROWS[:count]))
    assert again(np.full((2, 3), np.nan)) == ("asked", 2)
    assert again(ROWS[:3, :2]) == ("asked", 3)


def test_what_is_unusual_only_once_it_is_scaled_is_for_the_model() -> None:
    rows = ROWS * [1.0, 1.0, 1e-20]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, TWO)
    computed = arithmetic.arithmetic(model, "predict_proba")
    content = None if computed is None else computed.kept()
    assert content is not None
    kept = arithmetic.read(content, lambda _: "asked")
    assert isinstance(kept(rows[:2]), np.ndarray)
    assert kept(np.array([[1.0, 1.0, 1e29]])) == "asked"


def test_a_forest_too_large_to_be_copied_is_asked_tree_by_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "MOST_BYTES", 1000)
    monkeypatch.setattr(arithmetic, "_one_tree", lambda _: pytest.fail("it was copied"))
    model = RandomForestClassifier(7, random_state=0).fit(ROWS, THREE)
    computed = arithmetic.arithmetic(model, "predict_proba")
    assert computed is not None and same_bits(computed(ROWS[:5]), model.predict_proba(ROWS[:5]))


@pytest.mark.parametrize(
    "model",
    [
        GradientBoostingClassifier(n_estimators=3),
        make_pipeline(MinMaxScaler(), LogisticRegression()),
        RandomForestClassifier(2),
    ],
)
def test_of_other_models_nothing_is_known(model: Any) -> None:
    several = isinstance(model, RandomForestClassifier)
    model.fit(ROWS, np.column_stack([TWO, TWO]) if several else TWO)
    assert arithmetic.arithmetic(model, "predict_proba") is None


def test_a_class_that_answers_in_its_own_way_is_not_taken_for_the_one_it_comes_from() -> None:
    class Own(LogisticRegression):
        def predict_proba(self, X: Any) -> Any:
            return super().predict_proba(X) / 2

    assert arithmetic.arithmetic(Own().fit(ROWS, TWO), "predict_proba") is None


def test_no_part_of_a_model_starts_threads() -> None:
    model = make_pipeline(StandardScaler(), RandomForestClassifier(2, n_jobs=-1))
    use_one_thread(model)
    assert model[-1].n_jobs == 1


@pytest.mark.parametrize("name", ["forest", "logistic"])
def test_a_served_model_is_computed(name: str, registry: Registry) -> None:
    assert str(registry.predictor(name).verdict).startswith("the model's arithmetic on arrays")
