"""The contract's JSON, which may come from a bucket that others write."""

from __future__ import annotations

import pytest

from labline_runtime.documents import from_json, to_json
from labline_runtime.outcome import StepResult


@pytest.mark.parametrize(
    "text", ['{"state":' * 100_000, "[" * 100_000, "[]", "{}", '{"state": "moon", "started": 0, "seconds": 0}', "nul"]
)
def test_what_is_no_result_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own is one
        from_json(StepResult, text)


def test_a_result_comes_back_as_it_was_written() -> None:
    result = StepResult("succeeded", 1.0, 2.0, metrics={"loss": 0.5})
    assert from_json(StepResult, to_json(result)) == result


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"cells": [{"index": 1}]}', r"StepResult\.cells\[0\]: missing field 'id'"),
        ('{"metrics": {"loss": "low"}}', r"StepResult\.metrics\['loss'\]: expected float, got str"),
        ('{"error": {"message": "m", "line": true}}', r"StepResult\.error\.line: expected int, got bool"),
        ('{"moon": 1}', r"StepResult: unknown field 'moon'"),
    ],
)
def test_a_document_that_does_not_fit_is_told_where(text: str, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        from_json(StepResult, f'{{"state": "failed", "started": 0, "seconds": 0, {text[1:]}')
