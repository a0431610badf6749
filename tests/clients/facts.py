"""What a client is told on standard input, and how it tells what it found."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Fact = Callable[["Place"], None]


@dataclass(frozen=True)
class Place:
    """Where models are served. The expected predictions are what MLflow itself makes of the rows."""

    token: str
    http: str
    """The address of ``forest``, without its scheme: four columns of numbers, two probabilities."""
    mixed_http: str
    """That of ``prices``: a string, a whole number and a number, one prediction."""
    grpc: str
    mixed_grpc: str
    rows: list[list[float]]
    expected: list[list[float]]
    mixed_rows: dict[str, list[Any]]
    mixed_expected: list[float]

    @property
    def headers(self) -> dict[str, str]:
        """Made anew for each call: Triton's client writes into those that it is given."""
        return {"authorization": f"Bearer {self.token}"}


def refusal(call: Callable[[], object]) -> str:
    """In which words *call* is refused."""
    try:
        call()
    except Exception as error:
        return str(error)
    raise AssertionError("it was answered")


def tell(facts: list[Fact]) -> None:
    """Look at all of them, and print for each what was wrong, or null."""
    place = Place(**json.load(sys.stdin))
    found: dict[str, str | None] = {}
    for fact in facts:
        try:
            fact(place)
            found[fact.__name__] = None
        except BaseException:
            found[fact.__name__] = traceback.format_exc()
    print(json.dumps(found))
