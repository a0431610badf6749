"""The contract's JSON, which may come from a bucket that others write."""

from __future__ import annotations

import pytest

from labline_runtime.specification import StepResult, from_json, to_json


@pytest.mark.parametrize(
    "text", ['{"state":' * 100_000, "[" * 100_000, "[]", "{}", '{"state": "moon", "started": 0, "seconds": 0}', "nul"]
)
def test_what_is_no_result_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own is one
        from_json(StepResult, text)


def test_a_result_comes_back_as_it_was_written() -> None:
    result = StepResult("succeeded", 1.0, 2.0, metrics={"loss": 0.5})
    assert from_json(StepResult, to_json(result)) == result
