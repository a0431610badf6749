"""How NumPy arrays and pandas objects are digested. Nothing here imports them: who has an array has NumPy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labline_runtime.values import digest_figures, hashing
from labline_runtime.values.digest_elements import canonical_bytes, leaf_of, leaves_of
from labline_runtime.values.frames import own_attributes
from labline_runtime.values.kinds import is_subclass
from labline_runtime.values.packages import package_of

if TYPE_CHECKING:
    from labline_runtime.values.digest import Walk

    Special = Callable[[Walk, Any], bytes | None]

SLICE = 1 << 16  # Arrow's texts looked at together


def find(kind: type) -> Special | None:
    """What digests values of *kind*, where that is not left to pickle."""
    if digest_figures.is_artist(kind):
        return digest_figures.artist
    if "numpy" in sys.modules and is_subclass(kind):
        return subclass
    root = package_of(kind)
    if root == "numpy":
        numpy = sys.modules["numpy"]
        if kind is numpy.ndarray:
            return array
        if kind is numpy.ma.MaskedArray:
            return masked_array
        if issubclass(kind, numpy.generic):
            return scalar
        if issubclass(kind, numpy.dtype):
            return dtype
    if root == "pandas":
        return _find_pandas(kind)
    return None


def _find_pandas(kind: type) -> Special | None:
    pandas = sys.modules["pandas"]
    if kind is pandas.DataFrame:
        return frame
    if kind is pandas.Series:
        return series
    if kind is pandas.MultiIndex:
        return multi_index
    if issubclass(kind, pandas.Index) and kind is not pandas.RangeIndex:
        return index
    if issubclass(kind, pandas.api.extensions.ExtensionArray):
        return extension_array
    return None


def dtype(walk: Walk, value: Any) -> bytes:
    """A dtype by its whole description."""
    return walk.tagged("dtype", _dtype_text(value))


def _dtype_text(value: Any) -> bytes:
    """Byte order is a matter of layout: NumPy itself does not keep it for all types when it pickles."""
    plain = hasattr(value, "newbyteorder") and value.kind != "T"
    return repr(value.newbyteorder("=") if plain else value).encode()


def scalar(walk: Walk, value: Any) -> bytes:
    """A NumPy scalar, as an array of no dimension."""
    numpy = sys.modules["numpy"]
    return walk.tagged("scalar", array(walk, numpy.asarray(value)))


def array(walk: Walk, value: Any, hidden: Any = None) -> bytes:
    """An array by dtype, shape and elements in C order; those that the mask *hidden* covers do not count."""
    return walk.tagged("array", _dtype_text(value.dtype), repr(value.shape).encode(), elements(walk, value, hidden))


def subclass(walk: Walk, value: Any) -> bytes:
    """An array of a subclass by class, elements and attributes; of a mapped file only the elements count."""
    mapped = isinstance(value, sys.modules["numpy"].memmap)
    attributes = {} if mapped else getattr(value, "__dict__", {})
    return walk.tagged("subclass", walk.node(type(value)), array(walk, value), walk.attributes(attributes))


def masked_array(walk: Walk, value: Any) -> bytes:
    """A masked array by mask, fill value and the elements that show."""
    numpy = sys.modules["numpy"]
    if value.dtype.names is not None:
        fields = [masked_array(walk, value[name]) for name in value.dtype.names]
        return walk.tagged("masked_fields", _dtype_text(value.dtype), walk.node(value.hardmask), *fields)
    mask = numpy.ma.getmaskarray(value)
    fill = value.fill_value
    fill = fill.item() if value.dtype.hasobject and isinstance(fill, numpy.generic) else fill
    parts = [array(walk, value.data, mask), array(walk, mask), walk.node(fill), walk.node(value.hardmask)]
    return walk.tagged("masked_array", *parts)


def elements(walk: Walk, value: Any, hidden: Any = None) -> bytes:
    """The elements of an array, padding left out and all NaN alike; those that the mask *hidden* covers are zero."""
    kind = value.dtype
    if kind.names is not None:
        if 0 < value.nbytes < hashing.LARGE and all(map(_is_flat, (kind[name] for name in kind.names))):
            leaves = [leaf_of(value[name]) for name in kind.names]  # a tree of a forest has thousands of these
            return hashing.of_one(walk.hash(0), b"".join(leaves))
        return walk.tagged("fields", *(elements(walk, value[name]) for name in kind.names))
    if not _is_flat(kind):
        return walk.items(_shown(value, hidden).ravel().tolist())
    make = walk.hash(value.nbytes)
    if hidden is None and value.nbytes >= hashing.LARGE and (known := walk.known(value)) is not None:
        return known
    if hidden is None and 0 < value.nbytes <= hashing.LEAF:
        return hashing.of_one(make, leaf_of(value))
    return hashing.tree(make, *leaves_of(value, hidden))


def _is_flat(kind: Any) -> bool:
    """Whether arrays of this dtype are nothing but their elements, one after the other."""
    return kind.names is None and kind.subdtype is None and not kind.hasobject and kind.kind != "T"


def _shown(value: Any, hidden: Any) -> Any:
    if hidden is None:
        return value
    shown = value.copy()
    shown[hidden] = sys.modules["numpy"].zeros((), value.dtype)
    return shown


def frame(walk: Walk, value: Any) -> bytes:
    """A table by its labels and columns, whatever its blocks."""
    columns = [column(walk, each.array) for _, each in value.items()]
    return walk.tagged("frame", walk.node(value.columns), walk.node(value.index), _facts(walk, value), *columns)


def series(walk: Walk, value: Any) -> bytes:
    """A series by name, index and elements."""
    parts = [walk.node(value.name), walk.node(value.index), _facts(walk, value), column(walk, value.array)]
    return walk.tagged("series", *parts)


def _facts(walk: Walk, value: Any) -> bytes:
    own = own_attributes(value)
    facts = [walk.node(value.attrs), walk.node(value.flags.allows_duplicate_labels)]
    return walk.tagged("facts", *facts, *([walk.attributes(own)] if own else ()))


def index(walk: Walk, value: Any) -> bytes:
    """An index by type, names and elements."""
    names = walk.items(list(value.names))
    frequency = str(getattr(value, "freqstr", None)).encode()
    return walk.tagged("index", type(value).__name__.encode(), names, frequency, column(walk, value.array))


def multi_index(walk: Walk, value: Any) -> bytes:
    """A hierarchical index by what each level shows, whatever its codes."""
    levels = [column(walk, value.get_level_values(place).array) for place in range(value.nlevels)]
    return walk.tagged("multi_index", walk.items(list(value.names)), *levels)


def column(walk: Walk, value: Any) -> bytes:
    """The elements of a series or an index."""
    if type(value).__name__ in ("NumpyExtensionArray", "PandasArray"):
        return array(walk, value.to_numpy())
    special = extension_array(walk, value)
    return walk.node(value) if special is None else special


def extension_array(walk: Walk, value: Any) -> bytes | None:
    """An extension array by dtype and elements, where its pickle holds more than these."""
    tag = f"{type(value).__name__} {value.dtype!r}".encode()
    arrow = getattr(value, "_pa_array", None)
    if arrow is not None and "pyarrow" in sys.modules:
        return walk.tagged("arrow", tag, arrow_elements(walk, arrow))
    if type(value).__name__ == "Categorical":
        parts = [array(walk, value.codes), walk.node(value.categories), walk.node(value.ordered)]
        return walk.tagged("categorical", tag, *parts)
    data, mask = getattr(value, "_data", None), getattr(value, "_mask", None)
    if data is not None and mask is not None and getattr(mask, "any", None) is not None:
        return walk.tagged("masked", tag, array(walk, data, mask), array(walk, mask))
    if type(value).__name__ in ("DatetimeArray", "TimedeltaArray"):
        return walk.tagged("times", tag, array(walk, value.asi8), str(getattr(value, "freq", None)).encode())
    return None


def arrow_elements(walk: Walk, value: Any) -> bytes:
    """The elements of an Arrow array, whatever its chunks, offsets and the bytes under a null.

    Texts and numbers are hashed a slice at a time, where they lie.
    """
    arrow, compute = sys.modules["pyarrow"], sys.modules.get("pyarrow.compute")
    types, kind = arrow.types, value.type
    text = types.is_string(kind) or types.is_large_string(kind)
    if compute is None or not (text or types.is_integer(kind) or types.is_float32(kind) or types.is_float64(kind)):
        return walk.items(value.to_pylist())
    numpy = sys.modules["numpy"]
    make = walk.hash(8 * len(value))
    nulls, lengths, content = make(), make(), make()

    def plain(array: Any) -> Any:
        return canonical_bytes(array.to_numpy(zero_copy_only=False), own=False)

    for chunk in value.chunks if hasattr(value, "chunks") else [value]:
        for start in range(0, len(chunk), SLICE):
            some = chunk.slice(start, SLICE)
            if some.null_count:
                nulls.update(plain(compute.is_null(some).cast(arrow.uint8())))
                some = compute.fill_null(some, "" if text else 0)
            else:
                nulls.update(numpy.zeros(len(some), numpy.uint8))
            if not text:
                content.update(plain(some))
                continue
            lengths.update(plain(compute.binary_length(some).cast(arrow.int64())))
            _, offsets, data = some.buffers()
            bounds = memoryview(offsets).cast("B").cast("q" if types.is_large_string(kind) else "i")
            first, last = bounds[some.offset], bounds[some.offset + len(some)]
            if data is not None:
                content.update(memoryview(data).cast("B")[first:last])
    return walk.tagged("elements", nulls.digest(), lengths.digest(), content.digest())
