"""NumPy's own subclasses of ndarray, masked arrays, matrices and record arrays, as what they make of a plain array."""

from __future__ import annotations

import sys
from typing import Any

from labline_runtime.values import reduce_patsy
from labline_runtime.values.views import MemoryOwners, is_row


def reduce_kind(array: Any, owners: MemoryOwners) -> tuple[Any, ...] | None:
    """How to pickle NumPy's own subclasses of ndarray, so that they share memory as plain arrays do; None for others.

    NumPy's own way copies the elements, and forgets that a mask is hard, and the attributes of an array.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(array, numpy.ndarray):
        return None
    kind, masked = type(array), sys.modules.get("numpy.ma")
    if kind is numpy.memmap:
        known = {name: value for name, value in vars(array).items() if name != "_mmap"}
        return _as_mapped, (owners.plain(array), known)
    if is_subclass(kind):
        return _as_kind, (owners.plain(array), kind, dict(getattr(array, "__dict__", ())))
    if array.dtype.hasobject:
        return None
    if masked is not None and kind is masked.mvoid and is_row(array._mask):
        return _masked_row, (owners.plain(array), array._mask, array._fill_value, array._hardmask)
    if masked is not None and kind is masked.MaskedArray and array._baseclass is numpy.ndarray:
        return _masked, (owners.plain(array), array._mask, array._fill_value, array.hardmask)
    return None


def is_subclass(kind: type) -> bool:
    """Whether *kind* is a subclass of ndarray that leaves to ndarray how it is pickled."""
    ndarray = sys.modules["numpy"].ndarray
    if kind is ndarray or not issubclass(kind, ndarray):
        return False
    ways = ("__reduce__", "__reduce_ex__", "__setstate__")
    refuses = reduce_patsy.refusal()  # a design matrix would leave it to ndarray, were it not for that
    return all(getattr(kind, name) in (getattr(ndarray, name), refuses) for name in ways)


def _as_kind(plain: Any, kind: type, attributes: dict[str, Any]) -> Any:
    array = plain.view(kind)
    vars(array).update(attributes)
    return array


def _as_mapped(plain: Any, attributes: dict[str, Any]) -> Any:
    """An array as one that is mapped, of which parts are such arrays, too. The file stays behind."""
    import mmap

    import numpy

    return _as_kind(plain, numpy.memmap, {**attributes, "_mmap": mmap.mmap(-1, 1)})


def _masked(plain: Any, mask: Any, fill_value: Any, hard: bool) -> Any:
    import numpy

    keep = plain.dtype.names is None  # else the mask of records would be a copy
    array: Any = numpy.ma.MaskedArray(plain, mask=mask, copy=False, hard_mask=hard, keep_mask=keep)
    array._fill_value = fill_value
    return array


def _masked_row(plain: Any, mask: Any, fill_value: Any, hard: bool) -> Any:
    """A row of a masked array of records: both its values and its mask are windows on the array's."""
    import numpy

    row: Any = plain.view(numpy.ma.mvoid)
    row._mask, row._fill_value, row._hardmask = mask, fill_value, hard
    return row
