"""Text files that are open for reading: they are opened again, at the same place.

Where the file is not there any more, or not there at all (a step on another machine), its text takes its place.
"""

from __future__ import annotations

import io
import os
from typing import Any

_MODES = ("r", "rt")


def describe(value: Any) -> tuple[str, str, str, str | None, int] | None:
    """The name, the mode, the encoding, the errors and the place of an open file on a disk; None for all else."""
    if type(value) is not io.TextIOWrapper or value.closed or getattr(value, "mode", None) not in _MODES:
        return None
    if not isinstance(value.name, str) or not os.path.isfile(value.name):  # noqa: PTH113 - any text may be a name
        return None
    try:
        return value.name, value.mode, value.encoding, value.errors, value.tell()
    except (OSError, ValueError):  # while it is gone through line by line
        return None


def reduce_opened(value: Any) -> Any:
    """How to pickle such a file; None for all else."""
    known = describe(value)
    if known is None:
        return None
    place = known[-1]
    try:
        rest = value.read()
        value.seek(0)
        text = value.read()
    finally:
        value.seek(place)
    return make, (*known, os.path.abspath(value.name), text, len(text) - len(rest))  # noqa: PTH100 - as it is named


def make(name: str, mode: str, encoding: str, errors: str | None, place: int, path: str, text: str, read: int) -> Any:
    """The file, as :func:`describe` has found it; its *text*, of which so much was *read*, where it is not there."""
    newline = "" if "\r" in text else None  # it was opened so, or it would not have been read so
    try:
        where = name if os.path.abspath(name) == path else path  # noqa: PTH100
        file = open(where, mode, encoding=encoding, errors=errors, newline=newline)  # noqa: SIM115, PTH123
    except OSError:
        held = io.StringIO(text, newline=newline)
        held.seek(read)
        return held
    file.seek(place)
    return file
