"""Records to JSON."""

from __future__ import annotations

import json
import math

import pytest

from labline_backend import wire


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_know_are_null(number: float) -> None:
    document = {"metrics": {"x": number}, "rows": [(number, 1.5)]}
    assert json.loads(wire.dumps(document)) == {"metrics": {"x": None}, "rows": [[None, 1.5]]}


def test_text_that_is_no_unicode_is_written_all_the_same() -> None:
    assert wire.dumps("\ud800").isascii()
