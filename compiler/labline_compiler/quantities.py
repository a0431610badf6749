"""Kubernetes' way of writing amounts: ``500m``, ``2``, ``1.5Gi``, ``1e3``."""

from __future__ import annotations

import re
from fractions import Fraction

QUANTITY = re.compile(r"(?P<number>\d+\.?\d*|\.\d+)(?P<unit>[eE][+-]?\d{1,3}|[EPTGMK]i|[EPTGMkmunK]?)")
_TENS = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "K": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def amount(text: str) -> Fraction:
    """The number that the quantity *text* stands for. Raises ``ValueError``."""
    match = QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount such as 500m, 2 or 1.5Gi")
    number, unit = Fraction(match["number"]), match["unit"]
    if unit in _POWERS:
        return number * (1 << 10 * _POWERS[unit])
    tens = _TENS[unit] if unit in _TENS else int(unit[1:])
    return number * Fraction(f"1e{tens}")


def is_more(text: str, than: str | None) -> bool:
    """Whether one quantity is more than another; not where either is none."""
    try:
        return than is not None and amount(text) > amount(than)
    except ValueError:
        return False
