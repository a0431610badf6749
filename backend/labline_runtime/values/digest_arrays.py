"""How NumPy arrays and pandas objects are digested. Nothing here imports them: who has an array has NumPy."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labline_runtime.values import digest_figures

if TYPE_CHECKING:
    from labline_runtime.values.digest import Walk

    Special = Callable[[Walk, Any], bytes | None]

CHUNK = 1 << 22  # bytes taken at a time where a copy is needed


def find(kind: type) -> Special | None:
    """What digests values of *kind*, where that is not left to pickle."""
    if digest_figures.is_artist(kind):
        return digest_figures.artist
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
    return repr(value.newbyteorder("=") if hasattr(value, "newbyteorder") else value).encode()


def scalar(walk: Walk, value: Any) -> bytes:
    """A NumPy scalar, as an array of no dimension."""
    numpy = sys.modules["numpy"]
    return walk.tagged("scalar", array(walk, numpy.asarray(value)))


def array(walk: Walk, value: Any) -> bytes:
    """An array by dtype, shape and elements in C order."""
    return walk.tagged("array", _dtype_text(value.dtype), repr(value.shape).encode(), elements(walk, value))


def masked_array(walk: Walk, value: Any) -> bytes:
    """A masked array by mask, fill value and the elements that show."""
    numpy = sys.modules["numpy"]
    mask = numpy.ma.getmaskarray(value)
    shown = value.data.copy()
    shown[mask] = numpy.zeros((), value.dtype)
    return walk.tagged("masked_array", array(walk, shown), array(walk, mask), walk.node(value.fill_value))


def elements(walk: Walk, value: Any) -> bytes:
    """The elements of an array, padding left out and all NaN alike."""
    numpy = sys.modules["numpy"]
    kind = value.dtype
    if kind.names is not None:
        return walk.tagged("fields", *(elements(walk, value[name]) for name in kind.names))
    if kind.subdtype is not None or kind.hasobject or kind.kind == "T":
        return walk.items(value.ravel().tolist())
    result = hashlib.sha256()
    if not value.nbytes:
        return result.digest()
    if kind.kind in "fc":
        for part in _parts(value):
            result.update(_canonical(numpy, part).view(numpy.uint8))
    elif value.flags.c_contiguous and kind.isnative:
        result.update(value.reshape(-1).view(numpy.uint8))
    else:
        for part in _parts(value):
            result.update(part.view(numpy.uint8))
    return result.digest()


def _parts(value: Any) -> Any:
    """The elements in C order and native byte order, flat and contiguous, a bounded part at a time."""
    numpy = sys.modules["numpy"]
    native = value.dtype.newbyteorder("=")
    step = max(1, CHUNK // value.dtype.itemsize)
    if value.flags.c_contiguous:
        flat = value.reshape(-1)
        for start in range(0, flat.size, step):
            yield flat[start : start + step].astype(native, copy=False)
    elif value.nbytes > CHUNK and value.shape[0] > 1:
        rows = max(1, CHUNK // (value.nbytes // value.shape[0]))
        for start in range(0, value.shape[0], rows):
            yield numpy.ascontiguousarray(value[start : start + rows], dtype=native).reshape(-1)
    else:
        yield numpy.ascontiguousarray(value, dtype=native).reshape(-1)


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
    return walk.tagged("frame", walk.node(value.columns), walk.node(value.index), walk.node(value.attrs), *columns)


def series(walk: Walk, value: Any) -> bytes:
    """A series by name, index and elements."""
    parts = [walk.node(value.name), walk.node(value.index), walk.node(value.attrs), column(walk, value.array)]
    return walk.tagged("series", *parts)


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
