"""Memory that only loading needed, given back.

What a library does when it is loaded reads much of its file: ONNX Runtime registers thousands of operators, of which a
graph uses a handful. Such pages stay mapped for as long as the process lives, 30 MB of them beside 40 that are used.
They hold what the file holds, so the system may have them: those that are used again are mapped again, from memory as a
rule, for it goes on keeping files that are read.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

_DONTNEED = 4
_MAPS = Path("/proc/self/maps")
_MAPPINGS = Path("/proc/self/smaps")
_LIBRARY = re.compile(rb"^/.*\.so(\.[\w.]+)?$")


def give_back() -> None:
    """Give back free memory, and unmap the pages of libraries that are as they are in the files. Does nothing where a
    system has no way to, or refuses.

    Other threads go on meanwhile. What they map, or are about to take apart, is left alone: only libraries are given
    back, which stay for as long as the process lives, and only where they were mapped so at an earlier look, too. A
    library that is being loaded is mapped as a whole first, and what is written into it then must not be lost.
    """
    with contextlib.suppress(OSError):
        _give_back()


def _give_back() -> None:
    library = ctypes.CDLL(None)
    if (trim := getattr(library, "malloc_trim", None)) is not None:
        trim(0)
    madvise = getattr(library, "madvise", None)
    if madvise is None or not _MAPPINGS.exists():
        return
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    before = frozenset(_MAPS.read_bytes().splitlines())
    with _MAPPINGS.open("rb") as mappings:
        for start, end in _unaltered(mappings, before):
            madvise(start, end - start, _DONTNEED)


def _unaltered(mappings: Iterable[bytes], before: Container[bytes]) -> Iterator[tuple[int, int]]:
    """The mappings of libraries that were there *before*, that nobody can write to, and nobody has.

    Relocating a library writes to some of it.
    """
    found: tuple[int, int] | None = None
    for line in mappings:
        first, *others = line.split(maxsplit=5)
        if not first.endswith(b":"):  # a mapping: addresses, rights, offset, device, inode, file
            start, _, end = first.partition(b"-")
            is_library = len(others) == 5 and others[0] in (b"r-xp", b"r--p") and _LIBRARY.search(others[4]) is not None
            found = (int(start, 16), int(end, 16)) if is_library and line.rstrip(b"\n") in before else None
        elif first == b"Anonymous:" and others[0] == b"0" and found is not None:
            yield found
