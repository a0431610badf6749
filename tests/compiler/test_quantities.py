"""Amounts as Kubernetes writes them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from labline_compiler.quantities import amount


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("500m", Fraction(1, 2)), ("1.5Gi", 3 * 2**29), ("1G", 10**9), ("1e3", 1000), (".5", Fraction(1, 2))],
)
def test_an_amount_is_a_number(text: str, number: Fraction) -> None:
    assert amount(text) == number


@pytest.mark.parametrize("text", ["", "lots", "1 Gi", "-1", "1gi", "1e", "Gi"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        amount(text)
