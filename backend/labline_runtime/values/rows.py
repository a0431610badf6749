"""Rows of NumPy's arrays of records look at their memory still on the other side of a step boundary.

NumPy's own way makes each a value of its own.
"""

from __future__ import annotations

import sys
from typing import Any

from labline_runtime.values.views import BUFFERS, MemoryOwners, make_view, memory_of, memory_of_row, owner_of, start_of


def reduce_row(row: Any, owners: MemoryOwners, shared: frozenset[int]) -> tuple[Any, ...]:
    """How to pickle *row*, a window on the memory of an array of records.

    NumPy's own way makes it a value, of which the parts are copies: then ``row["s"]["n"] = 1`` does nothing. Where
    nobody else looks at the memory, the row gets as much as it looks at. In band: there may be many.
    """
    owners.note_row(row)
    owner = owners.whole(owner_of(row.base))
    if isinstance(owner, BUFFERS):
        return _reduce_within(row, owner, memory_of(owner))
    if id(owner) in shared and owner.flags.forc and not owner.dtype.hasobject:
        return _reduce_within(row, owners.plain(owner), owner)
    around = owners.around(row)
    if around is not None and around is not row:
        return _reduce_within(row, around, memory_of_row(around))
    return _row, (row.tobytes(), row.dtype, bool(row.flags.writeable))


def reduce_row_of_objects(row: Any, owners: MemoryOwners, shared: frozenset[int]) -> tuple[Any, ...] | None:
    """How to pickle a row of an array of records that hold objects, with the array where that comes along.

    None for all else.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None or type(row) is not numpy.void or not row.dtype.hasobject or row.base is None:
        return None
    owner = owner_of(row.base)
    if type(owner) is not numpy.ndarray or owner.dtype != row.dtype or not owner.flags.forc:
        return None
    owners.note_row_of_objects(row, owner)
    looks = numpy.asarray(row)
    if id(owner) not in shared:
        return _lone_row, (row.dtype, looks.copy().tolist())  # an array in the row is a view of it
    return _row_of, (owner, (start_of(looks) - start_of(owner)) // row.dtype.itemsize)


def _lone_row(dtype: Any, items: tuple[Any, ...]) -> Any:
    import numpy

    memory = numpy.empty((), dtype)
    memory[()] = items
    return memory[()]


def _row_of(owner: Any, place: int) -> Any:
    return (owner if owner.flags.c_contiguous else owner.T).reshape(-1)[place]


def _reduce_within(row: Any, around: Any, memory: Any) -> tuple[Any, ...]:
    looks = sys.modules["numpy"].asarray(row)
    return _row_at, (around, start_of(looks) - start_of(memory), looks.dtype, bool(looks.flags.writeable))


def _row(content: bytes, dtype: Any, writeable: bool) -> Any:
    import numpy

    memory = numpy.frombuffer(content, "u1")
    return (memory.copy() if writeable else memory).view(dtype)[0]


def _row_at(memory: Any, offset: int, dtype: Any, writeable: bool) -> Any:
    return make_view(memory, dtype, (), (), offset, writeable)[()]
