"""Models other than scikit-learn's on columns: arrays, no signature, the user's own code, parameters."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labline_backend.registry import RegisteredVersion
from labline_backend.serving import invocations, v2_answers, v2_requests
from labline_backend.serving.checks import Kept, LoadError
from labline_backend.serving.engine import Engine, Limits
from labline_backend.serving.examples import as_rows
from labline_backend.serving.predictor import NotAtHandError, Predictor, load
from labline_backend.serving.refusal import Refusal

from .conftest import Registry, infer
from .models import frame


def asked(registry: Registry, name: str, document: dict[str, Any]) -> Any:
    """What ``/invocations`` answers."""
    predictor = registry.predictor(name)
    (answer,) = predictor.answer(
        [invocations.parse(json.dumps(document).encode(), "application/json", predictor.signature)]
    )
    if isinstance(answer, Exception):
        raise answer
    return answer


def test_a_model_of_an_array_is_served_and_its_requests_are_merged(registry: Registry) -> None:
    rows = frame(6).to_numpy()
    predictor = registry.predictor("pixels")
    assert predictor.verdict.merges and not predictor.verdict.native
    parts = [
        v2_requests.parse(json.dumps(infer(part)).encode(), None, predictor.signature).rows
        for part in (rows[:2], rows[2:])
    ]
    answers = predictor.answer([(part, None) for part in parts])
    assert np.concatenate(answers).tobytes() == registry.pyfunc("pixels", rows).tobytes()
    assert asked(registry, "pixels", {"instances": rows.tolist()}).tobytes() == np.concatenate(answers).tobytes()


def test_a_linear_model_itself_is_read_for_unusual_rows_only(registry: Registry) -> None:
    registry.predictor("logistic")
    predictor = load(RegisteredVersion("logistic", "1"), registry.checks)
    usual, odd = frame(3), frame(3)
    odd.loc[1, "b"] = np.nan
    rows, unusual = (as_rows(table, predictor.signature) for table in (usual, odd))
    assert rows is not None and unusual is not None
    expected = registry.pyfunc("logistic", usual).tobytes()
    assert predictor.answer([(rows, None)])[0].tobytes() == expected
    with pytest.raises(NotAtHandError):
        predictor.answer([(unusual, None)])

    async def refused() -> None:
        await Engine(predictor, Limits()).predict(unusual)

    with pytest.raises(Refusal, match=r"Input X contains NaN.*The first missing value is in row 1, column 'b'"):
        asyncio.run(refused())
    assert predictor.answer([(rows, None)])[0].tobytes() == expected


def test_what_a_check_has_written_is_not_read_where_it_was_altered(registry: Registry, tmp_path: Path) -> None:
    registry.predictor("logistic")
    version = RegisteredVersion("logistic", "1")
    checked = registry.checks.checked(version)
    assert checked.arithmetic is not None
    altered = tmp_path / "arithmetic.pickle"
    altered.write_bytes(checked.arithmetic.content() + b"\n")
    with pytest.raises(LoadError, match="is not what the check has written"):
        Predictor(version, dataclasses.replace(checked, arithmetic=Kept(str(altered), checked.arithmetic.digest)))


def test_an_array_of_another_shape_is_refused(registry: Registry) -> None:
    with pytest.raises(Refusal, match=r"has the shape \[1, 3\]; the model takes \[-1, 4\]"):
        asked(registry, "pixels", {"inputs": [[1.0, 2.0, 3.0]]})


def test_the_users_own_model_without_a_signature_is_served(registry: Registry) -> None:
    rows = frame(3)
    split = {"columns": list(rows.columns), "data": rows.to_numpy().tolist()}
    answer = asked(registry, "ratio", {"dataframe_split": split})
    assert answer.equals(registry.pyfunc("ratio", rows))
    assert json.loads(invocations.answer(answer))["predictions"][2] == {"a": answer["a"][2]}
    assert [
        (name, list(array)) for name, array in v2_answers.outputs(answer, registry.predictor("ratio").signature)
    ] == [("a", answer["a"].tolist())]


def test_a_missing_value_that_a_model_does_not_speak_of_is_not_blamed(registry: Registry) -> None:
    with pytest.raises(Refusal, match=r"The model refuses these rows: TypeError: [^.]*\.$"):
        asked(registry, "ratio", {"dataframe_split": {"columns": ["a", "b"], "data": [["text", None]]}})


def test_what_the_users_own_model_cannot_take_is_refused_in_its_words(registry: Registry) -> None:
    with pytest.raises(Refusal, match="The model refuses these rows: KeyError"):
        asked(registry, "ratio", {"inputs": {"a": [1.0]}})


def test_parameters_reach_the_model(registry: Registry) -> None:
    records = frame(2).to_dict(orient="records")
    plain = asked(registry, "scaled", {"dataframe_records": records})
    scaled = asked(registry, "scaled", {"dataframe_records": records, "params": {"scale": 2.0}})
    assert np.array_equal(scaled, plain * 2)


def test_a_parameter_of_another_type_is_refused(registry: Registry) -> None:
    with pytest.raises(Refusal, match="scale"):
        asked(registry, "scaled", {"dataframe_records": frame(1).to_dict(orient="records"), "params": {"scale": "x"}})
