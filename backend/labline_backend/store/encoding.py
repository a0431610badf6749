"""Records to and from the text columns of the database."""

from __future__ import annotations

import functools
import json
from typing import Any, TypeVar

from labline_compiler.pipeline import Pipeline
from labline_runtime.documents import fields_of, from_plain

T = TypeVar("T")


def dump(value: Any) -> str:
    """JSON in ASCII: a lone surrogate in somebody's output must not stop a transaction. NaN passes as Python's."""
    return json.dumps(value, default=fields_of, sort_keys=True)


def load(kind: type[T], text: str) -> T:
    """What :func:`dump` wrote, in whatever version: what this one does not know is left out."""
    return from_plain(kind, json.loads(text), lenient=True)


def is_whole(kind: type[object], text: str) -> bool:
    """Whether :func:`load` leaves nothing out."""
    try:
        from_plain(kind, json.loads(text))
    except ValueError:
        return False
    return True


def clean(text: str | None) -> str | None:
    """Text that a database and a terminal take: what cannot be encoded is replaced."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")


@functools.lru_cache(maxsize=64)
def load_pipeline(text: str) -> Pipeline:
    """A pipeline; runs of the same notebook share it."""
    return load(Pipeline, text)
