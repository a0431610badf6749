"""NumPy arrays that share memory still share it on the other side of a step boundary.

NumPy pickles every array as a copy of its own. Where two arrays of one artifact look at the same memory, a write
through one must be seen through the other, as in the notebook: then the array that owns the memory is pickled once and
the others as views of it. So it is where several look at the memory of another library, a tensor's for one. Where
nothing overlaps, nothing changes; above all, a small view does not drag a big owner along. Masked arrays, matrices and
record arrays are pickled as what they make of a plain array (``kinds.py``), rows of records as windows on one
(``rows.py``).

What pandas keeps in such memory is the matter of ``blocks.py``.
"""

from __future__ import annotations

import array as standard
import importlib
import pickle
import sys
from collections.abc import Callable
from typing import Any

BUFFERS = (bytearray, standard.array)
"""What else memory may belong to that NumPy's arrays look at."""
_BIG = 1 << 16  # bytes of an array of times from which on it is worth to hand it on apart


class MemoryOwners:
    """Which arrays own the memory that the pickled ones look at. Ask :meth:`shared` after everything was seen."""

    def __init__(self) -> None:
        self._seen: dict[int, dict[int, Any]] = {}  # owner -> its arrays; holding them keeps ids from being used twice
        self._plain: dict[int, tuple[Any, Any]] = {}
        self._memory: dict[int, Any] = {}
        self._owners: dict[int, Any] = {}
        self._within: dict[int, Any] = {}  # owner -> another whose memory holds all of its
        self._rows: dict[int, dict[int, Any]] = {}  # owner -> rows that are windows on its memory
        self._rows_of_objects: dict[int, dict[int, Any]] = {}
        self._around: dict[int, Any] = {}  # row, array -> the row in which it lies, where the owner does not travel
        self.framed: set[int] = set()  # arrays in which pandas keeps values
        self.notes: dict[int, Any] = {}  # by such an array: pandas' notes of who shares it
        self.indexes: set[int] = set()  # those of them that are an index's
        self.separate: set[int] = set()  # those of them that get memory of their own; known once shared was asked

    def note(self, array: Any, *, framed: bool = False, notes: Any = None) -> None:
        """Remember *array*, an ndarray about to be pickled; *framed*: pandas copies it before it writes into it.

        That is if its *notes* tell of another who looks at it.
        """
        if framed:
            self.framed.add(id(array))
            if notes is not None:
                self.notes[id(array)] = notes
        owner = owner_of(array)
        self._owners[id(owner)] = owner
        self._seen.setdefault(id(owner), {})[id(array)] = array

    def note_row(self, row: Any) -> None:
        """Remember *row*, a window on the memory of an array of records, about to be pickled."""
        owner = owner_of(row.base)
        self._owners[id(owner)] = owner
        self._rows.setdefault(id(owner), {})[id(row)] = row

    def note_row_of_objects(self, row: Any, owner: Any) -> None:
        """Remember *row*, of an array of records that hold objects, about to be pickled."""
        self._owners[id(owner)] = owner
        self._rows_of_objects.setdefault(id(owner), {})[id(row)] = row

    def around(self, look: Any) -> Any:
        """The row in which all lies that looks at the memory of *look*, a row or an array; None where there is none.

        Known once :meth:`shared` was asked, and only where the owner of the memory is not shared.
        """
        return self._around.get(id(look))

    def shares_unnoticed(self, arrays: list[Any], notes: Any) -> bool:
        """Whether others have the very same *arrays*, and pandas knows nothing of it: each sees what the other does."""
        known = [found for array in arrays if (found := self.notes.get(id(array))) is not None]
        return notes is not None and bool(known) and all(each is not notes for each in known)

    def plain(self, array: Any) -> Any:
        """*array* as a plain ndarray of the same memory; always the same object for the same array."""
        numpy = sys.modules["numpy"]
        if type(array) is numpy.ndarray:
            return array
        return self._plain.setdefault(id(array), (numpy.ndarray.view(array, numpy.ndarray), array))[0]

    def memory(self, address: int, make: Callable[[], Any]) -> Any:
        """The array of bytes that stands for some library's memory at *address*, made once."""
        if address not in self._memory:
            self._memory[address] = make()
        return self._memory[address]

    def shared(self) -> frozenset[int]:
        """The ids of owners of whose memory some part is looked at by more than one array."""
        self._join()
        seen: dict[int, list[Any]] = {}
        for number, known in self._seen.items():
            seen.setdefault(id(self.whole(self._owners[number])), []).extend(known.values())
        for arrays in seen.values():
            framed = [array for array in arrays if id(array) in self.framed]
            apart = _overlapping(framed)
            plain = [array for array in arrays if id(array) not in self.framed]
            unknown = len({id(notes) for array in apart if (notes := self.notes.get(id(array))) is not None}) > 1
            if unknown or any(array is each for array in plain for each in _overlapping([array, *apart])):
                apart = [array for array in apart if id(array) in self.indexes]  # no notes cross of these
            self.separate.update(map(id, apart))
        joint = {number: [each for each in arrays if id(each) not in self.separate] for number, arrays in seen.items()}
        found = {
            number
            for number, arrays in joint.items()
            if number not in self.separate and (_overlapping(arrays) or any(map(_overlaps_itself, arrays)))
        }
        rows: dict[int, list[Any]] = {}
        for number, noted in self._rows.items():
            rows.setdefault(id(self.whole(self._owners[number])), []).extend(noted.values())
        for number, windows in rows.items():
            if number in found:
                continue
            if (around := _around(windows, joint.get(number, []), self._owners[number], self.framed)) is not None:
                self._around |= around
            elif number not in self.separate:
                found.add(number)
        for number, several in self._rows_of_objects.items():
            if len(several) > 1 or joint.get(number):
                found.add(number)
        return frozenset(found)

    @property
    def rows_share(self) -> bool:
        """Whether rows lie in others of which the owner does not travel. Known once :meth:`shared` was asked."""
        return bool(self._around)

    def whole(self, owner: Any) -> Any:
        """*owner*, or the one whose memory holds all of its. Known once :meth:`shared` was asked."""
        return self._within.get(id(owner), owner)

    def _join(self) -> None:
        """Find owners of the same memory: NumPy does not know of each other those that look at another library's."""
        owners = [(each, memory_of(each)) for each in self._owners.values()]
        reach = [(*extent(each), n) for n, (_, each) in enumerate(owners) if each.size]
        places = sorted((start, -end, n) for start, end, n in reach)
        last, until = None, 0
        for start, back, place in places:
            owner, memory = owners[place]
            if last is not None and -back <= until:
                self._within[id(owner)] = last
            elif start >= until and (memory.flags.c_contiguous or memory.flags.f_contiguous):
                last, until = owner, -back


def memory_of(owner: Any) -> Any:
    """The memory of an owner, an array of NumPy's or of Python's, or a bytearray, as an array."""
    return sys.modules["numpy"].frombuffer(owner, "u1") if isinstance(owner, BUFFERS) else owner


def _overlapping(arrays: list[Any]) -> list[Any]:
    """Those of *arrays* that look at memory that another of them looks at."""
    found: dict[int, Any] = {}
    last: Any = None
    until = 0
    for (start, end), _, array in sorted((extent(array), n, array) for n, array in enumerate(arrays) if array.size):
        if last is not None and start < until:
            found |= {id(last): last, id(array): array}
        if last is None or end > until:
            last, until = array, end
    return list(found.values())


def _overlaps_itself(array: Any) -> bool:
    """Whether a write through one element of *array* shows in another: windows on a series, what was broadcast."""
    if array.flags.forc or not array.flags.writeable:
        return False
    start, end = extent(array)
    return bool(array.nbytes > end - start)


def _around(rows: list[Any], arrays: list[Any], owner: Any, apart: set[int]) -> dict[int, Any] | None:
    """By those of *rows* and *arrays* that share memory with a row: the row in which all lies that does so.

    None where that is not so, or one of the ids *apart* is among them. All look at the memory of *owner*.
    """
    size = memory_of(owner).nbytes
    if any(array.nbytes == size and array.flags.forc for array in arrays):  # at all of it
        return None
    if len(rows) == 1 and not arrays:
        return {}
    looks = [*rows, *(array for array in arrays if array.size)]
    spans = [(*extent(memory_of_row(each) if n < len(rows) else each), n) for n, each in enumerate(looks)]
    framed = {n for n, each in enumerate(looks) if id(each) in apart}
    found: dict[int, Any] = {}
    last, until = 0, 0
    for start, back, sealed, n in sorted((start, -end, not looks[n].flags.writeable, n) for start, end, n in spans):
        if start >= until:
            last, until = n, -back
        elif -back <= until and last < len(rows) and n not in framed and (sealed or looks[last].flags.writeable):
            found |= {id(looks[last]): looks[last], id(looks[n]): looks[last]}
        elif min(n, last) < len(rows):
            return None
        else:
            until = max(until, -back)
    return found


def extent(array: Any) -> tuple[int, int]:
    """The first address *array* looks at, and the one after the last."""
    first = start_of(array)
    if array.flags.c_contiguous:
        return first, first + array.nbytes
    reach = [(length - 1) * stride for length, stride in zip(array.shape, array.strides, strict=True)]
    return first + sum(r for r in reach if r < 0), first + sum(r for r in reach if r > 0) + array.itemsize


def start_of(array: Any) -> int:
    """The address of *array*'s first element."""
    return int(array.ctypes.data)  # the array's interface would spell out all fields of its dtype


def is_plain_array(value: Any) -> bool:
    """Whether *value* is an ndarray (no subclass)."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def owner_of(array: Any) -> Any:
    """What *array*'s memory belongs to, as far as NumPy knows: an array, one of Python's own, or a bytearray."""
    numpy = sys.modules["numpy"]
    while True:
        base = array.base
        while base is not None and not isinstance(base, (numpy.ndarray, *BUFFERS)):
            # A memoryview, or what NumPy puts between an array and its windows.
            inner = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
            base = inner if inner is not base else None  # Cython's arrays are their own base
        if base is None:
            return array
        if not isinstance(base, numpy.ndarray):
            return base if type(base) in BUFFERS else array
        array = base


def reduce_view(array: Any, owners: MemoryOwners, shared: frozenset[int]) -> tuple[Any, ...] | None:
    """How to pickle *array* as a view of its owner; None where it need not, or is an owner of plain data."""
    owner = owners.whole(owner_of(array))
    if id(array) in owners.separate:
        return None
    if isinstance(owner, BUFFERS):
        if id(array) in owners.framed and id(owner) not in shared:
            return None
        offset = start_of(array) - start_of(memory_of(owner))
        return make_view, (owner, array.dtype, array.shape, array.strides, offset, bool(array.flags.writeable))
    if (row := owners.around(array)) is not None:
        offset = start_of(array) - start_of(memory_of_row(row))
        return make_view, (row, array.dtype, array.shape, array.strides, offset, bool(array.flags.writeable))
    if id(owner) not in shared or not (owner.flags.c_contiguous or owner.flags.f_contiguous):
        return None
    owner = owners.plain(owner)
    if owner is array:
        return reduce_objects(array) if array.dtype.hasobject else None
    offset = start_of(array) - start_of(owner)
    if owner.dtype.hasobject and owner.dtype != array.dtype:  # what is no reference must never be taken for one
        if (field := _field_at(owner.dtype, array, offset)) is None:
            return None
        name, place = field
        records = owner, owner.dtype, array.shape, array.strides, offset - place, bool(array.flags.writeable)
        return _view_of_field, (name, *records)
    return make_view, (owner, array.dtype, array.shape, array.strides, offset, bool(array.flags.writeable))


def make_view(
    owner: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, writeable: bool
) -> Any:
    """An array of the memory of *owner*, an array, a row of one or a buffer, from *offset* bytes on."""
    import numpy

    if isinstance(owner, numpy.void):
        owner = numpy.asarray(owner)
    memory = owner if isinstance(owner, BUFFERS) or owner.flags.c_contiguous else owner.T
    view = numpy.ndarray(shape, dtype, buffer=memory, offset=offset, strides=strides)
    view.flags.writeable = writeable and view.flags.writeable
    return view


def _field_at(records: Any, array: Any, offset: int) -> tuple[str, int] | None:
    """The field of *records*, by its name and its place in one, that *array* is of; None for what is none of them."""
    if any(stride % records.itemsize for stride in array.strides):
        return None
    for name, (dtype, place, *_) in (records.fields or {}).items():
        if (dtype, place) == (array.dtype, offset % records.itemsize):
            return name, place
    return None


def _view_of_field(name: str, *records: Any) -> Any:
    return make_view(*records)[name]


def reduce_objects(array: Any) -> tuple[Any, ...]:
    """Memory first, then what it refers to: that may be, or hold, a view of the same memory."""
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    put = _set_objects if array.flags.writeable else _set_sealed_objects
    kind = () if array.dtype.kind == "O" else (array.dtype,)
    return (
        _objects,
        (array.shape, order, *kind),
        (array.copy() if kind else array).ravel(order).tolist(),
        None,
        None,
        put,
    )


def _objects(shape: tuple[int, ...], order: Any, dtype: Any = object) -> Any:
    import numpy

    return numpy.empty(shape, dtype, order)


def _set_objects(array: Any, items: list[Any]) -> None:
    memory = (array if array.flags.c_contiguous else array.T).reshape(-1)
    for place, item in enumerate(items):  # at once, NumPy would take lists among them for more dimensions
        memory[place] = item


def _set_sealed_objects(array: Any, items: list[Any]) -> None:
    _set_objects(array, items)
    read_only(array)


def reduce_times(array: Any) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """How to pickle a big plain *array* of times out of band; None for others.

    NumPy lends nobody the memory of dates and durations as such, and would copy them into the stream and out of it.
    """
    order = "C" if array.flags.c_contiguous else "F"
    if array.dtype.kind not in "mM" or array.nbytes < _BIG or not array.flags.forc:
        return None
    return _times, (pickle.PickleBuffer(array.view("i8")), array.dtype, array.shape, order)


def _times(buffer: Any, dtype: Any, shape: tuple[int, ...], order: Any) -> Any:
    import numpy

    return numpy.frombuffer(buffer, dtype).reshape(shape, order=order)


def read_only(array: Any) -> Any:
    """*array*, which nobody may write into from here on."""
    array.flags.writeable = False
    return array


def is_row(value: Any) -> bool:
    """Whether *value* is a row of an array of records that looks at memory of the array's, and refers to nothing."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not issubclass(type(value), numpy.void) or value.base is None:
        return False
    dtype = value.dtype
    return not dtype.hasobject and dtype.itemsize > 0


def memory_of_row(row: Any) -> Any:
    """The memory of a row of an array of records, as an array of no dimension; None for all else."""
    return sys.modules["numpy"].asarray(row) if is_row(row) else None


def can_be_written(array: Any) -> bool:
    """Whether NumPy lets somebody write into *array*, if need be after making it writeable."""
    numpy = sys.modules["numpy"]
    while not array.flags.writeable:
        if array.flags.owndata:
            return True
        base = array.base
        if not isinstance(base, numpy.ndarray):
            try:
                return not memoryview(base).readonly
            except TypeError:
                return False
        if base.flags.owndata:
            return bool(base.flags.writeable)
        array = base
    return True


def reduce_sealed(array: Any) -> tuple[Any, ...] | None:
    """How to pickle a plain *array* into which nobody can write, whatever flags are set; None for others.

    It is a view of what is read-only, and stays one, where the memory that it looks at does not travel.
    """
    if array.flags.writeable or can_be_written(array):
        return None
    if array.flags.forc and array.size and not array.dtype.hasobject:
        order = "C" if array.flags.c_contiguous else "F"
        try:
            return _sealed, (pickle.PickleBuffer(array), array.dtype, array.shape, order)
        except ValueError:  # of dates and durations NumPy lends nobody the memory
            pass
    return _sealed_copy, (array.copy(order="K"),)


def _sealed(buffer: Any, dtype: Any, shape: tuple[int, ...], order: Any) -> Any:
    import numpy

    return numpy.frombuffer(memoryview(buffer).toreadonly(), dtype).reshape(shape, order=order)


def _sealed_copy(array: Any) -> Any:
    return read_only(array)[...]


_BEFORE = {
    "_view": ("views", "make_view"),
    "_make_block": ("blocks", "_make_block"),
    "_row": ("rows", "_row"),
    "_row_at": ("rows", "_row_at"),
    "_as_kind": ("kinds", "_as_kind"),
    "_masked": ("kinds", "_masked"),
}


def __getattr__(name: str) -> Any:
    """What values that were stored before name here."""
    if name not in _BEFORE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, its = _BEFORE[name]
    return getattr(importlib.import_module(f"labline_runtime.values.{module}"), its)
