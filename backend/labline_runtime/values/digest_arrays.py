"""How NumPy arrays and pandas objects are digested. Nothing here imports them: who has an array has NumPy."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from labline_runtime.values import digest_figures
from labline_runtime.values.views import is_subclass

if TYPE_CHECKING:
    from labline_runtime.values.digest import Walk

    Special = Callable[[Walk, Any], bytes | None]

CHUNK = 1 << 20  # bytes hashed at a time
BLOCK = 8  # chunks copied together where an array is not contiguous
PARALLEL = 1 << 22  # bytes from which on several threads hash
MOST_WORKERS = 8


def find(kind: type) -> Special | None:
    """What digests values of *kind*, where that is not left to pickle."""
    if digest_figures.is_artist(kind):
        return digest_figures.artist
    if "numpy" in sys.modules and is_subclass(kind):
        return subclass
    root = kind.__module__.partition(".")[0]
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


def array(walk: Walk, value: Any) -> bytes:
    """An array by dtype, shape and elements in C order."""
    return walk.tagged("array", _dtype_text(value.dtype), repr(value.shape).encode(), elements(walk, value))


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
    shown = value.data.copy()
    shown[mask] = numpy.zeros((), value.dtype)
    fill = value.fill_value
    fill = fill.item() if value.dtype.hasobject and isinstance(fill, numpy.generic) else fill
    parts = [array(walk, shown), array(walk, mask), walk.node(fill), walk.node(value.hardmask)]
    return walk.tagged("masked_array", *parts)


def elements(walk: Walk, value: Any) -> bytes:
    """The elements of an array, padding left out and all NaN alike."""
    kind = value.dtype
    if kind.names is not None:
        return walk.tagged("fields", *(elements(walk, value[name]) for name in kind.names))
    if kind.subdtype is not None or kind.hasobject or kind.kind == "T":
        return walk.items(value.ravel().tolist())
    return tree(_chunks(value), value.nbytes, _canonical_bytes if kind.kind in "fc" else _bytes)


def _chunks(value: Any) -> Iterable[Any]:
    """The elements in C order, flat and contiguous, in chunks whose bounds do not depend on how the array lies.

    Chunks of an array that is contiguous already are views of it; of another one they are copies, made one at a time.
    """
    numpy = sys.modules["numpy"]
    native = value.dtype.newbyteorder("=")
    step = max(1, CHUNK // value.dtype.itemsize)
    if value.flags.c_contiguous or value.ndim == 1:
        flat = value.reshape(-1)
        for start in range(0, flat.size, step):
            yield numpy.ascontiguousarray(flat[start : start + step], dtype=native)
        return
    rows = max(1, BLOCK * step * value.shape[0] // value.size) if value.size else 1
    rest = numpy.empty(0, native)
    for start in range(0, value.shape[0], rows):
        taken = numpy.ascontiguousarray(value[start : start + rows], dtype=native).reshape(-1)
        rest = numpy.concatenate([rest, taken]) if rest.size else taken
        whole = rest.size // step * step
        yield from (rest[at : at + step] for at in range(0, whole, step))
        rest = rest[whole:]
    if rest.size:
        yield rest


def tree(chunks: Iterable[Any], size: int, content: Callable[[Any], Any]) -> bytes:
    """The digest of the digests of the *content* of all *chunks*; in several threads where *size* in bytes is worth it.

    hashlib and NumPy let other threads run meanwhile. The threads end here: who forks later forks a process of one.
    """

    def leaf(chunk: Any) -> bytes:
        return hashlib.sha256(content(chunk)).digest()

    workers = min(MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    if size < PARALLEL or workers < 2:
        return hashlib.sha256(b"".join(map(leaf, chunks))).digest()
    result = hashlib.sha256()
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Any] = deque()
        for chunk in chunks:
            if len(waiting) > 2 * workers:  # so that few chunks are held at a time
                result.update(waiting.popleft().result())
            waiting.append(pool.submit(leaf, chunk))
        while waiting:
            result.update(waiting.popleft().result())
    return result.digest()


def _bytes(part: Any) -> Any:
    return part.view(sys.modules["numpy"].uint8)


def _canonical_bytes(part: Any) -> Any:
    numpy = sys.modules["numpy"]
    return _canonical(numpy, part).view(numpy.uint8)


def _canonical(numpy: Any, part: Any) -> Any:
    """Floats whose NaN all have the same bits; extended ones as pairs, for their padding is garbage."""
    if part.dtype.kind == "c":
        part = part.view(part.real.dtype)
    if part.dtype.itemsize > 8:
        with numpy.errstate(all="ignore"):
            high = part.astype(numpy.float64)
            low = (part - high).astype(numpy.float64)
        part = numpy.stack([high, low], axis=-1).reshape(-1)
    missing = numpy.isnan(part)
    if missing.any():
        part = part.copy()
        part[missing] = numpy.nan
    return part


def frame(walk: Walk, value: Any) -> bytes:
    """A table by its labels and columns, whatever its blocks."""
    columns = [column(walk, value.iloc[:, place].array) for place in range(value.shape[1])]
    return walk.tagged("frame", walk.node(value.columns), walk.node(value.index), _facts(walk, value), *columns)


def series(walk: Walk, value: Any) -> bytes:
    """A series by name, index and elements."""
    parts = [walk.node(value.name), walk.node(value.index), _facts(walk, value), column(walk, value.array)]
    return walk.tagged("series", *parts)


def _facts(walk: Walk, value: Any) -> bytes:
    return walk.tagged("facts", walk.node(value.attrs), walk.node(value.flags.allows_duplicate_labels))


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
        if mask.any():
            data = data.copy()
            data[mask] = data.dtype.type(0)
        return walk.tagged("masked", tag, array(walk, data), array(walk, mask))
    if type(value).__name__ in ("DatetimeArray", "TimedeltaArray"):
        return walk.tagged("times", tag, array(walk, value.asi8), str(getattr(value, "freq", None)).encode())
    return None


def arrow_elements(walk: Walk, value: Any) -> bytes:
    """The elements of an Arrow array, whatever its chunks, offsets and the bytes under a null."""
    arrow, compute = sys.modules["pyarrow"], sys.modules.get("pyarrow.compute")
    kind = value.type
    text = arrow.types.is_string(kind) or arrow.types.is_large_string(kind)
    if compute is None or not text:
        return walk.items(value.to_pylist())
    nulls, lengths, content = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    for chunk in value.chunks if hasattr(value, "chunks") else [value]:
        if not len(chunk):
            continue
        if chunk.null_count:
            nulls.update(compute.is_null(chunk).cast(arrow.uint8()).to_numpy(zero_copy_only=False))
            chunk = compute.fill_null(chunk, "")
        else:
            nulls.update(bytes(len(chunk)))
        sizes = compute.binary_length(chunk).cast(arrow.int64()).to_numpy(zero_copy_only=False)
        lengths.update(sizes)
        _, offsets, data = chunk.buffers()
        width = 8 if arrow.types.is_large_string(kind) else 4
        bounds = memoryview(offsets).cast("B").cast("q" if width == 8 else "i")
        first, last = bounds[chunk.offset], bounds[chunk.offset + len(chunk)]
        if data is not None:
            content.update(memoryview(data)[first:last])
    return walk.tagged("strings", nulls.digest(), lengths.digest(), content.digest())
