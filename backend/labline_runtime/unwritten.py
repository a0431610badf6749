"""Memory that nothing has written yet: ``numpy.empty`` shows what was there before, which is chance.

Two runs of one program mostly find the same there, because they do the same in the same order; a pipeline's steps do
not. So the run that is to tell chance from error finds other bytes there than the notebook's own did.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

_SMALL = 1024  # bytes below which NumPy keeps freed blocks, some of each size, and gives them out again
_KEPT = 7  # blocks of one size that it keeps
_LARGE = tuple(1 << power for power in range(10, 17))  # bytes of blocks that go back to the allocator
_BYTE = 0x5A
_PERTURB = -6  # the option of glibc's allocator to fill what it gives out


def scatter() -> None:
    """Have NumPy, where it is imported, give out blocks with something in them."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "full"):
        return
    with contextlib.suppress(AttributeError, OSError):  # another C library: it keeps what is freed now
        ctypes.CDLL(None).mallopt(_PERTURB, _BYTE)
    for size in (*range(1, _SMALL), *_LARGE):
        blocks = [numpy.full(size, _BYTE, numpy.uint8) for _ in range(_KEPT)]
        del blocks
