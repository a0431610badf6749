"""The memory of pandas' frames, series and indexes, where arrays of the notebook's look at it too.

Frames, series and indexes share memory, but no changes: who writes makes a copy first. That they share is forgotten on
the way, so each gets memory of its own. Where an array looks at that memory (``views.py``), too, it tells who writes
where: then they go on sharing it, and pandas' own notes of who shares with whom cross with them (:func:`reduce_block`).
Who does so and stays behind is stood in for: else who arrives alone would write where the array looks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from labline_runtime.values.views import is_plain_array

_EXTENSION_PARTS = ("_ndarray", "_data", "_mask", "_left", "_right")  # of pandas' own kinds of arrays


def framed_arrays(value: Any) -> list[Any]:
    """The ndarrays in which *value*, a part of a frame, a series or an index of pandas, keeps its values.

    None where pandas does not copy on write.
    """
    held = _held(value)
    inner = [part for each in held for name in _EXTENSION_PARTS if (part := getattr(each, name, None)) is not None]
    parts = [*held, *inner, *(getattr(each, "_ndarray", None) for each in inner)]  # the ends of intervals are times
    return [part for part in parts if is_plain_array(part)]


def framed_arrow(value: Any) -> list[Any]:
    """The arrays of Arrow's in which such a part keeps its values: they are no memory that anybody else writes into."""
    return [each for each in _held(value) if hasattr(each, "_pa_array")]


def _held(value: Any) -> list[Any]:
    internals = sys.modules.get("pandas._libs.internals")
    managers = sys.modules.get("pandas.core.internals.managers")
    if internals is None or managers is None:
        return []
    if isinstance(value, internals.Block):
        held = [value.values]
    elif isinstance(value, managers.SingleBlockManager):
        held = [block.values for block in value.blocks]
    elif is_index(value):
        held = [value._data]
    else:
        return []
    return held if copies_on_write() else []


def is_index(value: Any) -> bool:
    """Whether *value* is an index that keeps its values in one array."""
    pandas = sys.modules["pandas"]
    return isinstance(value, pandas.Index) and not isinstance(value, (pandas.RangeIndex, pandas.MultiIndex))


def detached(value: Any) -> Any:
    """The same part of a frame, a series or an index, in arrays of its own."""
    if is_index(value):
        index = value._view()  # with its name and frequency
        index._data = value._data.copy()
        return index
    apart, before = value.copy(deep=False), framed_arrays(value)
    if any(
        array is other for array in framed_arrays(apart) for other in before
    ):  # categories: a view has the very same
        for block in getattr(apart, "blocks", (apart,)):
            block.values = block.values.copy()
    return apart


def notes_of(value: Any) -> Any:
    """Pandas' notes of who shares the memory of a block, or of what keeps a series; None for all else."""
    block = value.blocks[0] if hasattr(value, "blocks") else value
    return getattr(block, "refs", None)


def copies_on_write() -> bool:
    """Whether pandas, which is loaded, copies a frame's memory before it alters it where another frame has it too."""
    pandas = sys.modules["pandas"]
    return int(pandas.__version__.split(".")[0]) >= 3 or pandas.options.mode.copy_on_write is True


def reduce_block(value: Any) -> tuple[Any, ...] | None:
    """A part of a frame, or what keeps a series, with pandas' notes of whose memory it looks at; None for others."""
    internals = sys.modules["pandas._libs.internals"]
    if isinstance(value, internals.Block):  # its values lie in memory that an array looks at
        make, arguments = value.__reduce__()
        return _make_block, (make, arguments, value.refs)
    if isinstance(value, sys.modules["pandas.core.internals.managers"].SingleBlockManager):
        return type(value), (value.blocks[0], value.axes[0])
    return None


def reduce_notes(value: Any) -> tuple[Any, ...] | None:
    """Pandas' notes of how many look at some memory: they are filled by those who come. None for all else."""
    internals = sys.modules.get("pandas._libs.internals")
    if internals is None or not isinstance(value, internals.BlockValuesRefs):
        return None
    return _make_notes, (type(value), sum(each() is not None for each in value.referenced_blocks))


class _StandIn:
    """In the place of a part of a frame that stays behind."""


_stand_ins: dict[int, tuple[Any, list[_StandIn]]] = {}  # by the notes that know them; as long as the process lives


def _make_notes(kind: type, looking: int) -> Any:
    notes = kind()
    _stand_ins[id(notes)] = notes, [_StandIn() for _ in range(looking)]
    for each in _stand_ins[id(notes)][1]:
        notes.add_index_reference(each)
    return notes


def _make_block(make: Callable[..., Any], arguments: tuple[Any, ...], notes: Any) -> Any:
    block = make(*arguments)
    notes.add_reference(block)
    if known := _stand_ins.get(id(notes)):
        del known[1][:1]  # it has come itself
    block.refs = notes
    return block
