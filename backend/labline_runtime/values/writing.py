"""Values written as pickles: once to see what they are made of, and once more where that has to be known beforehand."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, BinaryIO

from labline_runtime.dataclass import dataclass
from labline_runtime.values import nans, pickling, sets
from labline_runtime.values.frames import Ties
from labline_runtime.values.views import MemoryOwners


def pickled_size(value: Any) -> int:
    """How many bytes *value* takes alone, buffers included. Raises whatever pickling it raises."""
    counter = pickling.Counter()
    pickler = pickling.Pickler(counter, protocol=pickling.PROTOCOL, buffer_callback=counter.count)
    super(pickling.Pickler, pickler).dump(value)  # what it refers to weakly may be a value beside it
    return counter.size


@dataclass(frozen=True)
class Seen:
    """What is known of a value when it has been pickled, and what it is therefore to be pickled with once more."""

    owners: MemoryOwners
    ties: Ties
    orders: sets.Orders
    nans: bool  # whether there may be one that has a name

    @property
    def asks_again(self) -> bool:
        """Whether pickled without that, the value would come back as another."""
        return bool(self.owners.shared() or self.owners.rows_share or self.ties or self.orders or self.nans)


def dump(
    value: Any,
    file: BinaryIO,
    buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None,
    seen: Seen | None = None,
) -> Seen:
    """Pickle *value* into *file*; large buffers go to *buffer_callback* instead.

    Returns who owns the arrays' memory, which frames belong together, and which sets are to be built in an order of
    their own. Where that asks for it, dump once more and hand it in as *seen*.
    """
    watch = _Watch(file)
    owners, ties = (seen.owners, seen.ties) if seen else (None, None)
    pickler = pickling.Pickler(
        watch, protocol=pickling.PROTOCOL, buffer_callback=buffer_callback, owners=owners, ties=ties
    )
    if seen is not None:
        if seen.nans:
            pickler.persistent_id = nans.identifier  # asked of every object, which costs too much to be done always
        pickler.dump(seen.orders.ahead_of(value) if seen.orders else value)
        return seen
    pickler.dump(value)
    memo = pickler.memo.copy().values() if watch.sets else ()
    return Seen(pickler.owners, pickler.ties, sets.Orders(held for _, held in memo), watch.nans)


class _Watch:
    """Writes through to a file, and notes whether there may be a set, or NaN, in what is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._write = file.write
        self.sets = False
        self.nans = False

    def write(self, data: Any) -> int:
        if isinstance(data, bytes):
            self.sets = self.sets or any(code in data for code in sets.OPCODES)
            self.nans = self.nans or nans.OPCODE in data
        return self._write(data)
