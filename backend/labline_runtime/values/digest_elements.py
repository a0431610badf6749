"""The elements of NumPy arrays in one order, C order, and one form, however they lie in memory, a leaf at a time.

A leaf that lies in memory as it is hashed is a view. Any other is a copy: of an array in another order a few leaves
are gathered at a time, so no second copy of the array is ever made, and what is hashed is still in the cache.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from labline_runtime.values import hashing

TILE = 128  # elements by which an array is turned: two such tiles fit a first-level cache
TILE_ELEMENTS = TILE * TILE


def leaf_of(array: Any) -> Any:
    """The bytes of a small *array*, which has one leaf; its dtype as for :func:`leaves_of`."""
    numpy = sys.modules["numpy"]
    compact = numpy.ascontiguousarray(array, array.dtype.newbyteorder("="))
    return canonical_bytes(compact.reshape(-1), own=compact is not array and compact.base is None)


def leaves_of(array: Any, hidden: Any = None) -> tuple[int, int, Callable[[int, int], Iterable[Any]]]:
    """How many leaves and bytes *array* has, and what gives them; elements that the mask *hidden* covers count as zero.

    The array is of a dtype without fields, objects or texts of any length.
    """
    numpy = sys.modules["numpy"]
    array, hidden = numpy.asarray(array), None if hidden is None else numpy.asarray(hidden)
    step = max(1, hashing.LEAF // max(1, array.dtype.itemsize))

    def leaves(first: int, last: int) -> Iterator[Any]:
        for start, part, own in _parts(array, first * step, min(last * step, array.size), step):
            yield canonical_bytes(*_without(part, own, hidden, start))

    return -(-array.size // step), array.nbytes, leaves


def _parts(array: Any, start: int, stop: int, step: int) -> Iterator[tuple[int, Any, bool]]:
    """The elements from *start* to *stop*, *step* at a time, flat and contiguous; whether they are a copy."""
    numpy = sys.modules["numpy"]
    native = array.dtype.newbyteorder("=")
    if array.flags.c_contiguous and array.dtype == native:
        flat, own = array.reshape(-1)[start:stop], False
    else:
        flat, own = numpy.empty(stop - start, native), True
        done = 0
        for piece in _pieces(array, start, stop):
            turn(flat[done : done + piece.size].reshape(piece.shape), piece)
            done += piece.size
    for at in range(0, stop - start, step):
        yield start + at, flat[at : at + step], own


def _pieces(array: Any, start: int, stop: int) -> Iterator[Any]:
    """Views of *array* that hold, one after the other, its elements from *start* to *stop* in C order."""
    if array.ndim < 2:
        yield array.reshape(-1)[start:stop]
        return
    row = array.size // array.shape[0]
    first, last = -(-start // row), stop // row
    if first > last:  # within one row
        yield from _pieces(array[last], start - last * row, stop - last * row)
        return
    if start < first * row:
        yield from _pieces(array[first - 1], start - (first - 1) * row, row)
    if first < last:
        yield array[first:last]
    if last * row < stop:
        yield from _pieces(array[last], 0, stop - last * row)


def turn(target: Any, source: Any) -> None:
    """Copy *source* into *target*, which is in C order.

    Where *source* is in another order, by tiles through a compact one: lines of the cache that lie a power of two apart
    would push each other out before they are used up.
    """
    numpy = sys.modules["numpy"]
    sides = zip(source.strides, source.shape, strict=True)
    strides = [abs(stride) if length > 1 else sys.maxsize for stride, length in sides]
    last = source.ndim - 1
    quickest = min(range(source.ndim), key=strides.__getitem__, default=last)
    if quickest == last or source.size < TILE_ELEMENTS:
        numpy.copyto(target, source)
        return
    width = min(TILE, source.shape[last])
    height = TILE_ELEMENTS // width
    place = [slice(None)] * source.ndim
    for top in range(0, source.shape[quickest], height):
        place[quickest] = slice(top, top + height)
        for left in range(0, source.shape[last], width):
            place[last] = slice(left, left + width)
            tile = numpy.swapaxes(source[tuple(place)], quickest, last).copy()
            numpy.copyto(target[tuple(place)], numpy.swapaxes(tile, quickest, last))


def _without(part: Any, own: bool, hidden: Any, start: int) -> tuple[Any, bool]:
    """*part*, which begins at element *start*, with zeros where *hidden* covers it."""
    if hidden is None:
        return part, own
    covered = next(_parts(hidden, start, start + part.size, part.size))[1]
    if not covered.any():
        return part, own
    part = part if own else part.copy()
    part[covered] = sys.modules["numpy"].zeros((), part.dtype)
    return part, True


def canonical_bytes(part: Any, own: bool) -> Any:
    """The bytes of some elements: every NaN has the same bits, extended floats are pairs, for their padding is garbage.

    *own*: the elements may be written to.
    """
    numpy = sys.modules["numpy"]
    if part.dtype.kind not in "fc":
        return part.view(numpy.uint8)
    if part.dtype.kind == "c":
        part = part.view(part.real.dtype)
    with numpy.errstate(all="ignore"):
        if part.dtype.itemsize > 8:
            high = part.astype(numpy.float64)
            low = (part - high).astype(numpy.float64)
            part, own = numpy.stack([high, low], axis=-1).reshape(-1), True
        if part.size and (most := part.max()) != most:  # NaN prevails
            missing, plain = numpy.isnan(part), numpy.full((), numpy.nan, part.dtype)
            bits = f"u{part.itemsize}"
            if numpy.count_nonzero(missing) != numpy.count_nonzero(part.view(bits) == plain.view(bits)):
                part = part if own else part.copy()
                numpy.copyto(part, plain, where=missing)
    return part.view(numpy.uint8)
