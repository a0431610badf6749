"""Memory that only loading needed, given back.

What a library does when it is loaded reads much of its file: ONNX Runtime registers thousands of operators, of which a
graph uses a handful. Such pages stay mapped for as long as the process lives, 30 MB of them beside 40 that are used.
They hold what the file holds, so the system may have them: those that are used again are mapped again, from memory as a
rule, for it goes on keeping files that are read.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from pathlib import Path

_DONTNEED = 4
_MAPPINGS = Path("/proc/self/smaps")


def give_back() -> None:
    """Give back free memory, and unmap the pages of libraries that are as they are in the files. Does nothing where a
    system has no way to."""
    library = ctypes.CDLL(None)
    if (trim := getattr(library, "malloc_trim", None)) is not None:
        trim(0)
    madvise = getattr(library, "madvise", None)
    if madvise is None or not _MAPPINGS.exists():
        return
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with _MAPPINGS.open("rb") as mappings:
        for start, end in _unaltered(mappings):
            madvise(start, end - start, _DONTNEED)


def _unaltered(mappings: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """The mappings of files that nobody can write to, and nobody has: relocating a library writes to some of it."""
    found: tuple[int, int] | None = None
    for line in mappings:
        first, *others = line.split(maxsplit=5)
        if not first.endswith(b":"):  # a mapping: addresses, rights, offset, device, inode, file
            start, _, end = first.partition(b"-")
            is_file = len(others) == 5 and others[4].startswith(b"/") and others[0] in (b"r-xp", b"r--p")
            found = (int(start, 16), int(end, 16)) if is_file else None
        elif first == b"Anonymous:" and others[0] == b"0" and found is not None:
            yield found
