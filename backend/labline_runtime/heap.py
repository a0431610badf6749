"""The heap of a warm parent: in one piece, so that it can lie in huge pages.

What a fork costs is pages, and each of 4 KiB costs the same whatever is in it: an entry when a process is forked, one
when it ends, and between the two a fault and a copy if it is written to. A huge page has 512 of them, is copied in the
time that 100 take, and given back in that of one. But the kernel makes one only of memory that is a whole huge page of
one mapping, and Python takes its memory a mebibyte at a time, wherever there is a gap between libraries.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Collection, Iterable

HUGE = 2 << 20  # bytes in a huge page, where others have 4 KiB
MADV_POPULATE_WRITE = 23  # of Linux 5.14
MADV_COLLAPSE = 25  # of Linux 6.1; others refuse
ROOM = 12 << 20  # bytes of small objects that the runtime makes at least when it is imported
_PIECE = 450  # bytes; with what Python adds, less than it asks the system itself for
_APART = 1000  # pieces; closer than a mebibyte

_held: list[bytes] = []


def have_room() -> None:
    """Have Python take at once, and in one piece, the memory for what is about to be imported.

    The earlier, the fewer libraries lie in the way.
    """
    pieces = [bytes(_PIECE) for _ in range(ROOM // _PIECE)]
    _held.extend(pieces[::_APART])  # memory that nothing lies in would be given back


def whole(parts: Iterable[tuple[int, int]]) -> set[int]:
    """The numbers of the huge pages that could lie in *parts*, first addresses and those behind the last."""
    if mmap.PAGESIZE != 4096:
        return set()
    return {number for first, end in parts for number in range(-(-first // HUGE), end // HUGE)}


def copy(numbers: Collection[int]) -> bool:
    """Have huge pages of this process's own there, with what it shares with another; whether all are."""
    for number in numbers:  # a huge page that nobody has written to would stay shared
        advise(number * HUGE, mmap.PAGESIZE, MADV_POPULATE_WRITE)
    return collapse(numbers)


def collapse(numbers: Iterable[int]) -> bool:
    """Make huge pages of what lies there; whether all are."""
    told = [advise(first * HUGE, (end - first) * HUGE, MADV_COLLAPSE) for first, end in _runs(numbers)]
    return all(told)


def advise(start: int, size: int, advice: int) -> bool:
    """Have the kernel do something with memory, which need not be there; whether it has. Linux only."""
    call = ctypes.CDLL(None).madvise
    call.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return bool(call(start, size, advice) == 0)


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """*numbers* as the first of those that follow each other, and the one behind the last."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found
