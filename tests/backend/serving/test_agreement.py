"""Short cuts are taken only where the bits are the same."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from labline_backend.serving.agreement import decide, foreign_part
from labline_backend.serving.examples import as_rows
from labline_backend.serving.rows import Rows

from .conftest import Registry
from .models import frame, mixed_frame


@pytest.mark.long
def test_a_forest_is_asked_natively_and_its_requests_are_merged(registry: Registry) -> None:
    verdict = registry.predictor("forest").verdict
    assert verdict.native and verdict.merges


def test_a_linear_models_requests_are_kept_apart(registry: Registry) -> None:
    # One row is multiplied by another BLAS routine than several are; the last bit may differ.
    verdict = registry.predictor("logistic").verdict
    assert verdict.native and not verdict.merges
    assert "depends on the rows beside it" in str(verdict)


def test_a_model_of_mixed_columns_is_asked_through_pyfunc(registry: Registry) -> None:
    assert not registry.predictor("prices").verdict.native


def forest(registry: Registry, native: Any, model: Any = None, example: Any = None) -> Any:
    predictor = registry.predictor("forest")
    model = model or predictor._pyfunc.get_raw_model()
    rows = as_rows(frame(5), predictor.signature) if example is None else example
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return decide(predictor._reference, native, model, rows)


def test_a_native_answer_that_differs_in_one_bit_is_not_taken(registry: Registry) -> None:
    predict = registry.predictor("forest")._native

    def off_by_one_bit(values: Any) -> Any:
        answer = predict(values)
        return np.where(answer == answer.max(), np.nextafter(answer, 2), answer)

    assert not forest(registry, off_by_one_bit).native


def test_a_native_model_that_answers_where_the_reference_refuses_is_not_taken(registry: Registry) -> None:
    predict = registry.predictor("forest")._native
    assert not forest(registry, lambda values: predict(np.nan_to_num(values))).native


def test_a_native_model_that_treats_missing_values_otherwise_is_not_taken(registry: Registry) -> None:
    predict = registry.predictor("forest")._native

    def zero_for_missing(values: Any) -> Any:
        return predict(np.where(np.isnan(values), 0.0, values))

    assert not forest(registry, zero_for_missing).native


def test_without_an_example_nothing_is_assumed(registry: Registry) -> None:
    predictor = registry.predictor("forest")
    verdict = decide(predictor._reference, predictor._native, predictor._pyfunc.get_raw_model(), None)
    assert (verdict.native, verdict.merges) == (False, False)
    assert "without an input example" in verdict.reason


def test_an_answer_that_depends_on_the_other_rows_is_not_merged(registry: Registry) -> None:
    predictor = registry.predictor("forest")

    def standardised(rows: Rows) -> Any:
        values = rows.values  # type: ignore[union-attr]
        return values[:, 0] - values[:, 0].mean()

    rows = as_rows(frame(5), predictor.signature)
    assert not decide(standardised, None, predictor._pyfunc.get_raw_model(), rows).merges


class Own:
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}


def test_code_of_the_users_own_is_not_second_guessed() -> None:
    from sklearn.ensemble import BaggingClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    assert foreign_part(make_pipeline(StandardScaler(), KNeighborsClassifier())) is None
    assert foreign_part(make_pipeline(FunctionTransformer(), KNeighborsClassifier())) == "FunctionTransformer"
    assert foreign_part(BaggingClassifier(Own())) == "Own"
    assert foreign_part(KNeighborsClassifier(metric=distance)) == "distance"


def distance(one: Any, other: Any) -> float:
    return float(abs(one - other).sum())


@pytest.mark.parametrize("name", ["forest", "logistic", "prices"])
def test_an_answer_has_the_bits_that_pyfunc_gives(name: str, registry: Registry) -> None:
    rows = mixed_frame(50) if name == "prices" else frame(50)
    predictor = registry.predictor(name)
    for part in (rows, rows.head(1), rows.tail(7)):
        asked = as_rows(part.reset_index(drop=True), predictor.signature)
        assert asked is not None
        (answer,) = predictor.answer([(asked, None)])
        assert answer.tobytes() == registry.pyfunc(name, part).tobytes()
