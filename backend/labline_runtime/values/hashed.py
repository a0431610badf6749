"""What is known of a stored file's hashes, so that no byte is hashed twice.

An artifact's buffers are arrays, and both its own digest and the content digests of its values are trees of hashes over
leaves of these arrays. So the leaves are the same, cut where the arrays are: they are hashed once, in the file, when it
is written (:class:`Written`), and the file tells them. Whoever maps it (:func:`remember`) knows what an array that lies
there is hashed to as long as nobody writes to its pages (:func:`known`).
"""

from __future__ import annotations

import bisect
import ctypes
import hashlib
import itertools
import mmap
import operator
import pickle
import sys
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from labline_runtime.dataclass import dataclass
from labline_runtime.values import hashing
from labline_runtime.values.digest_elements import canonical_bytes
from labline_runtime.values.pages import is_unwritten

WORD = 32  # bytes of a hash


@dataclass(frozen=True)
class Run:
    """An array's elements in a file: where, how many bytes, in leaves of how many, and as what they were hashed.

    ``kind`` is the width of floating-point numbers, of which every NaN counts as the same, and 0 for all else, which is
    hashed as it is.
    """

    start: int
    size: int
    step: int
    kind: int

    @property
    def end(self) -> int:
        """Where the bytes after it begin."""
        return self.start + self.size


_start = operator.attrgetter("start")


class Malformed(ValueError):
    """Runs that do not lie one after the other in the file."""


def address_of(buffer: pickle.PickleBuffer) -> int:
    """Where in memory *buffer* lies."""
    numpy = sys.modules.get("numpy")
    with buffer.raw() as view:
        return int(numpy.frombuffer(view, numpy.uint8).ctypes.data) if numpy is not None and view.nbytes else 0


def pieces(first: int, last: int, runs: Iterable[Run] = ()) -> Iterator[tuple[int, int]]:
    """The leaves, from where to where, of a file's bytes from *first* to *last*, in which there are *runs*."""
    at = first
    for run in runs:
        if not at <= run.start <= run.end <= last or 2 * run.step <= hashing.LEAF:
            raise Malformed
        yield from _cut(at, run.start, hashing.LEAF)
        yield from _cut(run.start, run.end, run.step)
        at = run.end
    yield from _cut(at, last, hashing.LEAF)


def _cut(first: int, last: int, step: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + step, last)) for start in range(first, last, step))


def hashes(scheme: str, view: memoryview, places: Sequence[tuple[int, int]]) -> bytes:
    """The hashes of the leaves of *view* at *places*, one after the other."""
    size = sum(stop - start for start, stop in places)
    return hashing.leaf_hashes(
        hashing.HASHES[scheme],
        len(places),
        size,
        lambda first, last: (view[start:stop] for start, stop in places[first:last]),
    )


class Written:
    """The buffers of a file that is being written: arrays that lie in them are digested there, and the leaves kept.

    What is hashed is what the file holds, whatever another thread does to the array meanwhile.
    """

    def __init__(self, view: memoryview, buffers: Iterable[tuple[int, int, int]], scheme: str) -> None:
        """*view* is the file's bytes; *buffers* tells of each the address in memory, the size and the place in it."""
        self._view = view
        self._buffers = sorted(buffers)
        self.scheme = scheme
        self._runs: list[Run] = []  # in the order of the file, none over another
        self._found: dict[Run, bytes] = {}

    def leaves(self, array: Any) -> bytes | None:
        """The hashes of the leaves of *array*, which lies in one piece; None where that is in none of the buffers."""
        address, size = array.ctypes.data, array.nbytes
        at = bisect.bisect(self._buffers, (address, sys.maxsize, 0))
        start, length, place = self._buffers[at - 1] if at else (0, 0, 0)
        if not start <= address <= address + size <= start + length:
            return None
        run = Run(place + address - start, size, _step(array.dtype), _kind(array.dtype))
        if (found := self._found.get(run)) is not None:
            return found
        found = known(array, self.scheme)
        found, is_plain = (found, True) if found is not None else self._hash(array.dtype, run)
        at = bisect.bisect(self._runs, run.start, key=_start)
        below, above = self._runs[at - 1 : at], self._runs[at : at + 1]
        if is_plain and all(each.end <= run.start for each in below) and all(run.end <= each.start for each in above):
            self._runs.insert(at, run)
            self._found[run] = found
        return found

    def _hash(self, dtype: Any, run: Run) -> tuple[bytes, bool]:
        """The hashes, and whether they are of the file's bytes as they are."""
        numpy = sys.modules["numpy"]
        elements = numpy.frombuffer(self._view, dtype, run.size // dtype.itemsize, run.start)
        step = run.step // dtype.itemsize
        changed: list[bool] = []

        def leaves(first: int, last: int) -> Iterator[Any]:
            for start in range(first * step, min(last * step, len(elements)), step):
                leaf = canonical_bytes(part := elements[start : start + step], own=False)
                if leaf.ctypes.data != part.ctypes.data:
                    changed.append(True)
                yield leaf

        count = -(-run.size // run.step)
        return hashing.leaf_hashes(hashing.HASHES[self.scheme], count, run.size, leaves), not changed

    def all(self, first: int, last: int) -> tuple[tuple[Run, ...], bytes]:
        """What arrays were met between *first* and *last*, and the hashes of all leaves there."""
        ends = [first, *(run.end for run in self._runs)]
        starts = [*(run.start for run in self._runs), last]
        between = [list(_cut(end, start, hashing.LEAF)) for end, start in zip(ends, starts, strict=True)]
        rest = hashes(self.scheme, self._view, [place for places in between for place in places])
        joined, at = [], 0
        for places, run in itertools.zip_longest(between, self._runs):
            joined.append(rest[at : at + len(places) * WORD])
            at += len(places) * WORD
            joined.append(self._found[run] if run is not None else b"")
        return tuple(self._runs), b"".join(joined)


# ------------------------------------------------------------------------------------------------ what is mapped here


@dataclass(frozen=True)
class _Map:
    content: weakref.ref[mmap.mmap]
    address: int
    size: int
    scheme: str
    leaves: dict[Run, bytes]


_maps: list[_Map] = []


def remember(content: mmap.mmap, scheme: str, first: int, runs: Sequence[Run], joined: bytes) -> None:
    """From now on know what arrays in *content*, a private map of a file, are hashed to.

    *joined* are the hashes of the leaves from *first* on.
    """
    found, at, place = {}, first, 0
    for run in runs:
        place += len(range(at, run.start, hashing.LEAF)) * WORD
        size = len(range(0, run.size, run.step)) * WORD
        found[run] = joined[place : place + size]
        place, at = place + size, run.end
    address = ctypes.addressof(ctypes.c_char.from_buffer(content))
    _maps[:] = [each for each in _maps if each.content() is not None]
    _maps.append(_Map(weakref.ref(content), address, len(content), scheme, found))


def known(array: Any, scheme: str) -> bytes | None:
    """The hashes of the leaves of *array*, which lies in one piece, where it lies in a map that nobody has written to.

    None where that is not so.
    """
    if not _maps:
        return None
    address, size = array.ctypes.data, array.nbytes
    for each in _maps:
        if each.address <= address < each.address + each.size and each.scheme == scheme:
            found = each.leaves.get(Run(address - each.address, size, _step(array.dtype), _kind(array.dtype)))
            if found is not None and each.content() is not None and is_unwritten(address, size):
                return found
    return None


def elements(array: Any, scheme: str, written: Written | None) -> bytes | None:
    """The digest of the elements of *array* where its leaves are hashed already, or in a file; else None."""
    if not array.flags.c_contiguous or array.dtype != array.dtype.newbyteorder("=") or _kind(array.dtype) > _WIDEST:
        return None
    leaves = known(array, scheme) if written is None or written.scheme != scheme else written.leaves(array)
    return None if leaves is None else hashlib.sha256(leaves).digest()


_WIDEST = 8  # bytes of floating-point numbers that are hashed as they are


def _kind(dtype: Any) -> int:
    if dtype.kind not in "fc":
        return 0
    size = int(dtype.itemsize)
    return size // 2 if dtype.kind == "c" else size


def _step(dtype: Any) -> int:
    """Bytes of a leaf of an array of *dtype*."""
    size = int(dtype.itemsize)
    return max(1, hashing.LEAF // size) * size
