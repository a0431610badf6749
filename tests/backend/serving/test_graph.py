"""A graph answers in a model's place only where it is known to answer alike."""

from __future__ import annotations

import asyncio
import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from labline_backend.registry import RegisteredVersion
from labline_backend.serving.checks import Checks
from labline_backend.serving.conversion import convert
from labline_backend.serving.engine import Engine, Limits
from labline_backend.serving.examples import as_rows
from labline_backend.serving.graph import Graph, GraphModel, RefusedRowsError
from labline_backend.serving.predictor import NotAtHandError, Predictor, load
from labline_backend.serving.rows import Rows
from labline_backend.serving.signature import Column, Signature

from .conftest import Registry, Start, infer
from .models import COLUMNS, frame, mixed_frame

BOUND = 1e-6
NUMBERS = Signature(tuple(Column(name, "double") for name in COLUMNS))
MIXED = Signature((Column("city", "string"), Column("rooms", "long"), Column("size", "double")))


@dataclasses.dataclass
class Trial:
    """A model, and its graph."""

    model: Any
    function: str
    signature: Signature
    folder: Path

    def ask(self, rows: Rows) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(self.model, self.function)(rows.model_input())

    def convert(self, example: Any, bound: float = BOUND, ask: Callable[[Rows], Any] | None = None) -> Graph | str:
        rows = as_rows(example, self.signature)
        assert rows is not None
        return convert(self.model, self.function, ask or self.ask, rows, bound, self.folder)

    def graph(self, example: Any) -> GraphModel:
        graph = self.convert(example)
        assert isinstance(graph, Graph), graph
        return GraphModel(graph, Path(graph.path).read_bytes())

    def rows(self, table: Any) -> Rows:
        rows = as_rows(table, self.signature)
        assert rows is not None
        return rows


def never(rows: Rows) -> Any:
    raise AssertionError("the model was asked")


def told(rows: Rows) -> Any:
    return "the model's answer"


def numbers(model: Any, folder: Path, function: str = "predict_proba") -> Trial:
    table = frame(300, seed=0)
    return Trial(model.fit(table, (table["a"] + table["b"] * table["c"] > 0).astype(int)), function, NUMBERS, folder)


@pytest.fixture
def logistic(tmp_path: Path) -> Trial:
    return numbers(LogisticRegression(), tmp_path)


@pytest.fixture
def forest(tmp_path: Path) -> Trial:
    return numbers(RandomForestClassifier(12, random_state=0), tmp_path)


@pytest.fixture
def prices(tmp_path: Path) -> Trial:
    table = mixed_frame(300, seed=0)
    encoders = make_column_transformer((OneHotEncoder(), ["city"]), (SimpleImputer(), ["rooms", "size"]))
    model = make_pipeline(encoders, LinearRegression())
    return Trial(model.fit(table, table["rooms"] * 300 + table["size"].fillna(80) * 10), "predict", MIXED, tmp_path)


def test_scores_of_a_graph_are_within_the_bound(logistic: Trial) -> None:
    rows = logistic.rows(frame(50))
    found = logistic.graph(frame(8)).predict(rows, never)
    assert np.abs(found - logistic.ask(rows)).max() <= BOUND


def test_a_linear_model_is_computed_in_float64(logistic: Trial) -> None:
    assert logistic.graph(frame(8)).graph.precision == "float64"


def test_a_forest_which_compares_in_float32_is_not_taken_in_float64(forest: Trial) -> None:
    assert forest.graph(frame(8)).graph.precision == "float32"


def test_what_the_model_refuses_is_refused_and_the_model_not_asked(logistic: Trial) -> None:
    table = frame(3)
    table.loc[1, "b"] = np.nan
    with pytest.raises(RefusedRowsError, match="Input X contains NaN"):
        logistic.graph(frame(8)).predict(logistic.rows(table), never)


def test_a_missing_value_that_the_graph_takes_otherwise_is_for_the_model(forest: Trial) -> None:
    table = frame(3)
    table.loc[1, "b"] = np.nan
    assert forest.graph(frame(8)).predict(forest.rows(table), told) == "the model's answer"


def test_a_missing_value_that_both_fill_alike_is_for_the_graph(prices: Trial) -> None:
    table = mixed_frame(20)
    table.loc[3, "size"] = np.nan
    rows = prices.rows(table)
    found = prices.graph(mixed_frame(8)).predict(rows, never)
    assert np.allclose(found, prices.ask(rows), rtol=BOUND, atol=BOUND)


@pytest.mark.parametrize(("city", "said"), [("Olten", "'Olten'"), (None, "null")])
def test_a_category_that_the_model_refuses_is_refused_with_its_place(city: Any, said: str, prices: Trial) -> None:
    table = mixed_frame(3).astype({"city": object})
    table.loc[2, "city"] = city
    with pytest.raises(RefusedRowsError, match=f"row 2, column 'city': {said} is no value that the model knows"):
        prices.graph(mixed_frame(8)).predict(prices.rows(table), never)


def test_numbers_that_float32_cannot_hold_are_for_the_model(logistic: Trial) -> None:
    table = frame(3)
    table.loc[0, "a"] = 1e200
    assert logistic.graph(frame(8)).predict(logistic.rows(table), told) == "the model's answer"


def test_a_label_between_two_near_scores_is_the_models(tmp_path: Path) -> None:
    trial = numbers(LogisticRegression(), tmp_path, "predict")
    graph = trial.graph(frame(8))
    rows = trial.rows(frame(20))
    assert np.array_equal(graph.predict(rows, never), trial.ask(rows))
    wide = GraphModel(dataclasses.replace(graph.graph, bound=0.5), Path(graph.graph.path).read_bytes())
    assert wide.predict(rows, told) == "the model's answer"


def test_scores_beyond_the_bound_are_not_accepted(forest: Trial) -> None:
    assert "scores differ" in str(forest.convert(frame(8), bound=1e-14))


def test_a_graph_that_answers_what_the_model_refuses_is_not_accepted(logistic: Trial) -> None:
    def fussy(rows: Rows) -> Any:
        if float(np.abs(rows.values).max()) > 2:  # type: ignore[union-attr]
            raise ValueError("more than 2")
        return logistic.ask(rows)

    calm = frame(8).clip(-1.5, 1.5)
    assert "the model refuses rows that the graph answers" in str(logistic.convert(calm, ask=fussy))


def test_labels_that_differ_are_not_accepted(tmp_path: Path) -> None:
    trial = numbers(LogisticRegression(), tmp_path, "predict")
    assert trial.convert(frame(8), ask=lambda rows: 1 - trial.ask(rows)) == "labels differ"


# ------------------------------------------------------------------ served


def served(registry: Registry, name: str) -> Predictor:
    return load(RegisteredVersion(name, "1"), Checks(registry.home, registry.location, BOUND))


@pytest.mark.long
def test_what_the_graph_cannot_tell_is_answered_by_the_model_once_it_is_loaded(registry: Registry) -> None:
    predictor = served(registry, "forest")
    table = frame(4)
    table.loc[1, "b"] = np.nan
    rows = as_rows(table, predictor.signature)
    assert rows is not None
    with pytest.raises(NotAtHandError):
        predictor.answer([(rows, None)])

    async def main() -> Any:
        return await Engine(predictor, Limits()).predict(rows)

    assert asyncio.run(main()).tobytes() == registry.pyfunc("forest", table).tobytes()


@pytest.mark.long
def test_a_server_of_a_graph_has_no_scikit_learn(start: Start, registry: Registry) -> None:
    rows = frame(3).to_numpy()
    with start("logistic", "--onnx", "1e-6") as server:
        assert "Asked by: ONNX Runtime in float64, scores within 1e-06, requests merged" in server.said
        answer = server.ask("/v2/models/logistic/infer", infer(rows))
        assert server.ask("/v2/models/logistic").json["asked_by"].startswith("ONNX Runtime")
        refused = server.ask("/invocations", {"instances": frame(1).assign(b=None).to_numpy().tolist()})
        maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    expected = registry.pyfunc("logistic", frame(3))
    assert np.abs(np.array(answer.json["outputs"][0]["data"]).reshape(3, 2) - expected).max() <= BOUND
    assert refused.status == 400
    assert "/onnxruntime/" in maps and "/sklearn/" not in maps and "/pandas/" not in maps
