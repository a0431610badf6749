"""Parts of a growing log file as text, cut so that no character is torn."""

from __future__ import annotations

import os
from pathlib import Path

from labline_runtime.dataclass import dataclass

LONGEST_CHARACTER = 4  # bytes, in UTF-8


@dataclass(frozen=True)
class LogPart:
    """A part of a step's log. Offsets are in bytes; ``complete`` says that nothing comes after this part, ever."""

    text: str
    offset: int
    next_offset: int
    complete: bool


def read_part(path: Path, offset: int, limit: int, *, ended: bool) -> LogPart:
    """Read at most *limit* bytes of *path* from *offset* on, which counts from the end where it is negative.

    *ended* says that the writer was done before this call. A log that does not exist yet is empty.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            from_end = offset < 0
            offset = max(0, size + offset) if from_end else min(offset, size)
            file.seek(offset)
            data = file.read(max(limit, LONGEST_CHARACTER))
    except FileNotFoundError:
        return LogPart("", 0, 0, ended)
    if from_end and offset:
        torn = _continuation(data)
        offset, data = offset + torn, data[torn:]
    at_end = offset + len(data) >= size
    if not (at_end and ended):
        data = data[: len(data) - _unfinished(data)]
    return LogPart(data.decode("utf-8", "replace"), offset, offset + len(data), at_end and ended)


def _continuation(data: bytes) -> int:
    """How many bytes at the start of *data* belong to a character that begins before it."""
    count = 0
    while count < min(len(data), LONGEST_CHARACTER - 1) and data[count] & 0xC0 == 0x80:
        count += 1
    return count


def _unfinished(data: bytes) -> int:
    """How many bytes at the end of *data* begin a character that needs more of them."""
    for count in range(1, min(len(data), LONGEST_CHARACTER - 1) + 1):
        byte = data[-count]
        if byte & 0xC0 == 0x80:
            continue
        needed = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return count if needed > count else 0
    return 0
