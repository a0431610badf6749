"""Files that are closed: ``with open(...) as f`` leaves one behind in every second notebook, and nobody misses it.

What is handed on is a closed file of the same name and mode. An open one cannot be handed on.
"""

from __future__ import annotations

import io
import os
from typing import Any

_KINDS = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.FileIO)


def describe(value: Any) -> tuple[str, str, str | None] | None:
    """The name, the mode and the encoding of a closed file on a disk; None for all else."""
    if type(value) not in _KINDS or not value.closed:
        return None
    name, mode = getattr(value, "name", None), getattr(value, "mode", None)
    if not isinstance(name, str) or not isinstance(mode, str):
        return None
    encoding = value.encoding if isinstance(value, io.TextIOWrapper) else None
    return name, mode.replace("x", "w"), encoding  # once a file is closed, "x" and "w" are one


def make(kind: type, name: str, mode: str, encoding: str | None) -> Any:
    """A closed file of a *kind*, as :func:`describe` has found it."""
    buffering = 0 if kind is io.FileIO else -1
    file = open(os.devnull, mode, buffering, encoding=encoding)  # noqa: SIM115, PTH123
    file.close()
    raw: Any = file
    while not isinstance(raw, io.FileIO):
        raw = raw.buffer if isinstance(raw, io.TextIOWrapper) else raw.raw
    raw.name = name
    return file
