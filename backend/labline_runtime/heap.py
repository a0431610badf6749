"""The heap of a warm parent: in one piece, so that it can lie in huge pages.

What a fork costs is pages, and each of 4 KiB costs the same whatever is in it: an entry when a process is forked, one
when it ends, and between the two a fault and a copy if it is written to. A huge page has 512 of them, is copied in the
time that 100 take, and given back in that of one. But the kernel makes one only of memory that is a whole huge page of
one mapping, and Python takes its memory a mebibyte at a time, wherever there is a gap between libraries.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import sys
from collections.abc import Collection, Iterable, Iterator

HUGE = 2 << 20  # bytes in a huge page, where others have 4 KiB
MADV_POPULATE_WRITE = 23  # of Linux 5.14
MADV_COLLAPSE = 25  # of Linux 6.1; others refuse
ROOM = 12 << 20  # bytes of small objects that the runtime makes at least when it is imported
_PIECE = 450  # bytes; with what Python adds, less than it asks the system itself for
_APART = 1000  # pieces; closer than a mebibyte
_ARENA = 1 << 20  # bytes that Python takes at a time for small objects
_GAPS = 64  # of that size that are filled at most
_FIXED = 0x100000  # MAP_FIXED_NOREPLACE
_FAILED = ctypes.c_void_p(-1).value

_held: list[bytes] = []


def have_room() -> None:
    """Have Python take at once, and in one piece, the memory for what is about to be imported.

    The earlier, the fewer libraries lie in the way.
    """
    pieces = [b""] * (ROOM // _PIECE)  # a list that grows would move, and lie in between
    with _gaps_filled(ROOM + ROOM // 2):
        for number in range(len(pieces)):
            pieces[number] = bytes(_PIECE)
    _held.extend(pieces[::_APART])  # memory that nothing lies in would be given back


@contextlib.contextmanager
def _gaps_filled(size: int) -> Iterator[None]:
    """Have the next *size* bytes that Python takes lie side by side, up to where a huge page ends.

    Else those between libraries come first, and the rest ends wherever the last of these gaps begins. Linux only, where
    what is taken next lies below what was taken before; elsewhere nothing is changed.
    """
    if sys.platform != "linux":
        yield
        return
    system = ctypes.CDLL(None)
    system.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    system.mmap.restype = ctypes.c_void_p
    system.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    filled: list[tuple[int, int]] = []

    def fill(amount: int, at: int | None = None) -> int:
        """Take memory that nobody may use; where it lies, or nowhere."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | (_FIXED if at is not None else 0)
        address = system.mmap(at, amount, 0, flags, -1, 0)
        if address in (None, _FAILED):
            return 0
        filled.append((address, amount))
        return int(address)

    def give_back(count: int) -> None:
        for _ in range(count):
            system.munmap(*filled.pop())

    try:
        if place := fill(size):
            give_back(1)
            for _ in range(_GAPS):
                gap = fill(_ARENA)
                if place <= gap < place + size:
                    give_back(1)
                    fill((gap + _ARENA) % HUGE, (gap + _ARENA) // HUGE * HUGE)
                    break
        yield
    finally:
        give_back(len(filled))


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
