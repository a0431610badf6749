"""Whether memory that is mapped from a file was written to, as the kernel tells it: no byte of it is looked at.

What a process writes to a private map of a file is a copy of its own, page by page. ``/proc/self/pagemap`` says of each
page whether it still is the file's. Nothing relies on that: it is tried before it is believed, and where it cannot be
had (another system, a container that hides it) every page counts as written.
"""

from __future__ import annotations

import functools
import mmap
import os
import sys
from pathlib import Path

_ENTRY = 8  # bytes of a page's entry, a number
_PRESENT, _SWAPPED, _OF_FILE = 1 << 63, 1 << 62, 1 << 61


def is_unwritten(address: int, size: int) -> bool:
    """Whether the *size* bytes at *address*, in a private map of a file, are as in the file; False where in doubt."""
    return _is_telling() and _are_of_file(address, size)


def _are_of_file(address: int, size: int) -> bool:
    first, last = address // mmap.PAGESIZE, (address + size - 1) // mmap.PAGESIZE
    wanted = (last + 1 - first) * _ENTRY
    try:
        pages = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        try:
            entries = os.pread(pages, wanted, first * _ENTRY)
        finally:
            os.close(pages)
    except OSError:
        return False
    if len(entries) != wanted:
        return False
    numpy = sys.modules["numpy"]
    entries = numpy.frombuffer(entries, numpy.uint64)
    written = ((entries & numpy.uint64(_PRESENT)) != 0) & ((entries & numpy.uint64(_OF_FILE)) == 0)
    return not (written | ((entries & numpy.uint64(_SWAPPED)) != 0)).any()


@functools.cache
def _is_telling() -> bool:
    """Whether a page that was read and one that was written to can be told apart here."""
    if "numpy" not in sys.modules or sys.byteorder != "little":
        return False
    numpy = sys.modules["numpy"]
    with Path(sys.executable).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as content:
        if len(content) < 2 * mmap.PAGESIZE:
            return False
        memory = numpy.frombuffer(content, numpy.uint8)
        start, second = memory.ctypes.data, mmap.PAGESIZE
        memory[: 2 * second].sum()  # now both pages are there
        both = _are_of_file(start, 2 * second)
        memory[0] = memory[0]
        told = both and not _are_of_file(start, 1) and _are_of_file(start + second, 1)
        del memory  # else the map could not be closed
        return told
