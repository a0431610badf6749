"""The pages of a warm parent that its steps copy, whatever they run, and how to have them copied ahead.

A process forked from a parent shares the parent's memory until one of the two writes to it, and Python writes wherever
it looks, for it counts references in the objects. An empty step copies some 2,400 pages of 4 KiB, one by one as it
comes upon them, which is a third of its time. Which ones hardly depends on the step, so the first steps of a parent
tell what they have copied (``/proc/self/pagemap``), and from then on a step's process copies what all of them have
while it waits for something to do: whole huge pages where many of them lie close together, else one by one.

Nothing here can fail a step: where the kernel does not tell or does not obey, pages are copied as they are needed.
"""

from __future__ import annotations

import array
import collections
import contextlib
import ctypes
import itertools
import mmap
import os
import re
import sys
from collections.abc import Iterable

from labline_runtime import heap

TELLERS = 2  # steps whose pages are asked for; what both have copied is what every step needs
MOST = 1 << 14  # pages that are copied ahead: more is no step's but a mistake
DENSE = 80  # pages of a huge one; fewer are copied faster one by one
PROCESS_MADVISE = (
    440  # the number of that system call, on every processor; from Linux 6.13 on a process may ask it this
)
MOST_AT_ONCE = 1024  # UIO_MAXIOV
_FLAGS = slice(7 if sys.byteorder == "little" else 0, None, 8)  # the byte of each entry in pagemap with these bits:
_PRESENT, _EXCLUSIVE = 1 << 7, 1 << 0
_IS_OWN = bytes(flags & _PRESENT and flags & _EXCLUSIVE for flags in range(256))

Ranges = list[tuple[int, int]]
"""First address and length of each range of pages."""


class Copied:
    """What a parent knows of the pages that its steps copy."""

    def __init__(self) -> None:
        self._told = -1  # a file in memory; a step opens it by its path when it ends, and holds nothing until then
        self._keeper = os.getpid()
        self._heard = 0
        self._pages: set[int] | None = None
        self._ranges: Ranges = []
        self._huge: set[int] = set()  # huge pages, by their numbers
        self._parts: list[tuple[int, int]] = []
        with contextlib.suppress(OSError):
            self._told = os.memfd_create("labline-copied")
            self._parts = writable()

    def learn(self) -> None:
        """Take in what a step has told."""
        if self._heard == TELLERS or self._told < 0:
            return
        with contextlib.suppress(OSError, ValueError):
            if not (size := os.fstat(self._told).st_size):
                return
            pages = set(array.array("Q", os.pread(self._told, size, 0)))
            os.ftruncate(self._told, 0)
            self._pages = pages if self._pages is None else self._pages & pages
            self._heard += 1
            if self._heard == TELLERS:
                self._decide(sorted(self._pages)[:MOST])

    def _decide(self, pages: list[int]) -> None:
        """Settle how *pages* are to be copied. Huge pages are this process's own, so that those of its steps can be."""
        inside = collections.Counter(page * mmap.PAGESIZE // heap.HUGE for page in pages)
        possible = heap.whole((first * mmap.PAGESIZE, end * mmap.PAGESIZE) for first, end in self._parts)
        dense = [number for number, count in inside.items() if count >= DENSE and number in possible]
        self._huge = {number for number in dense if heap.copy([number])}
        self._ranges = ranges_of(page for page in pages if page * mmap.PAGESIZE // heap.HUGE not in self._huge)

    def forget_keeper(self) -> None:
        """Hold nothing of the keeper's open, in a process forked from it."""
        if self._told >= 0:
            os.close(self._told)

    def copy(self) -> None:
        """Copy, in a process that waits for its step, what the step will copy anyway."""
        heap.copy(self._huge)
        if not self._ranges:
            return
        left = self._copy_at_once()
        with contextlib.suppress(ctypes.ArgumentError):  # no address at all: a step's code has told that
            for start, length in left:
                heap.advise(start, length, heap.MADV_POPULATE_WRITE)

    def _copy_at_once(self) -> Ranges:
        """Copy many ranges with one call of the system, which takes a quarter less; those that it has not copied."""
        call = ctypes.CDLL(None).syscall
        with contextlib.suppress(OSError):
            itself = os.pidfd_open(os.getpid())
            try:
                for first in range(0, len(self._ranges), MOST_AT_ONCE):
                    some = self._ranges[first : first + MOST_AT_ONCE]
                    vector = (ctypes.c_size_t * (2 * len(some)))(*itertools.chain.from_iterable(some))
                    done = call(
                        PROCESS_MADVISE, itself, vector, ctypes.c_size_t(len(some)), heap.MADV_POPULATE_WRITE, 0
                    )
                    if done != sum(length for _, length in some):
                        return self._ranges[first:]
            finally:
                os.close(itself)
            return []
        return self._ranges

    def tell(self, pages: Iterable[int] | None = None) -> None:
        """Tell the parent, from a step that ends, what it has copied: its own pages."""
        if self._heard < TELLERS and self._told >= 0:
            with contextlib.suppress(OSError, ValueError), open(f"/proc/{self._keeper}/fd/{self._told}", "wb") as file:  # noqa: PTH123
                file.write(array.array("Q", own_pages(self._parts) if pages is None else pages).tobytes())


def writable() -> list[tuple[int, int]]:
    """The first page, and the one behind the last, of each part of this process's memory that it may write."""
    found = []
    with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
        for line in maps:
            place, rights, _ = line.split(maxsplit=2)
            if rights == "rw-p":
                first, end = (int(address, 16) // mmap.PAGESIZE for address in place.split("-"))
                found.append((first, end))
    return found


def own_pages(parts: Iterable[tuple[int, int]]) -> Iterable[int]:
    """The numbers of the pages in *parts* of this process's memory that no other process shares."""
    with open("/proc/self/pagemap", "rb", 0) as pagemap:  # noqa: PTH123
        for first, end in parts:
            pagemap.seek(first * 8)
            flags = pagemap.read((end - first) * 8)[_FLAGS].translate(_IS_OWN)
            for run in re.finditer(b"\1+", flags):
                yield from range(first + run.start(), first + run.end())


def ranges_of(pages: Iterable[int]) -> Ranges:
    """*pages*, in ascending order, as ranges of addresses."""
    found: Ranges = []
    for page in pages:
        if found and sum(found[-1]) == page * mmap.PAGESIZE:
            found[-1] = (found[-1][0], found[-1][1] + mmap.PAGESIZE)
        else:
            found.append((page * mmap.PAGESIZE, mmap.PAGESIZE))
    return found
