"""The first difference of two NumPy arrays, pandas objects, polars frames or tensors.

Nothing here imports these libraries: who has an array has NumPy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labline_runtime.verification import Difference

if TYPE_CHECKING:
    from labline_runtime.values.difference import Walk

    Special = Callable[[Walk, str, Any, Any], Difference | None]


def find(value: Any) -> Special | None:
    """What compares values of *value*'s type; the two are of one type."""
    numpy, pandas, polars, torch = (sys.modules.get(name) for name in ("numpy", "pandas", "polars", "torch"))
    if numpy is not None:
        if isinstance(value, numpy.ma.MaskedArray):
            return masked_array
        if type(value) is numpy.ndarray:
            return array
    if pandas is not None:
        if type(value) is pandas.DataFrame:
            return frame
        if type(value) is pandas.Series:
            return series
        if isinstance(value, pandas.MultiIndex):
            return multi_index
        if isinstance(value, pandas.Index):
            return index
        if isinstance(value, pandas.api.extensions.ExtensionArray):
            return elements
    if polars is not None:
        if isinstance(value, polars.DataFrame):
            return polars_frame
        if isinstance(value, polars.Series):
            return polars_series
    if torch is not None and isinstance(value, torch.Tensor):
        return tensor
    return None


def array(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """Dtype, shape, then the first element in C order."""
    if (found := _facts(path, first, second, "dtype", "shape")) is not None:
        return found
    if first.ndim == 0:
        return walk.compare(f"{path}[()]", first[()], second[()]) if not first.dtype.hasobject else None
    place = _first_element(first.reshape(-1), second.reshape(-1))
    if place is None:
        return None
    where = sys.modules["numpy"].unravel_index(place, first.shape)
    subscript = ", ".join(str(int(step)) for step in where)
    return walk.compare(f"{path}[{subscript}]", first[where], second[where])


def masked_array(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """Dtype, shape, mask, the elements that show, the fill value."""
    if (found := _facts(path, first, second, "dtype", "shape")) is not None:
        return found
    masks = [sys.modules["numpy"].ma.getmaskarray(side) for side in (first, second)]
    if (found := array(walk, f"{path}.mask", *masks)) is not None:
        return found
    shown = [side.filled(sys.modules["numpy"].zeros((), side.dtype)[()]) for side in (first, second)]
    return array(walk, path, *shown) or walk.compare(f"{path}.fill_value", first.fill_value, second.fill_value)


def frame(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """Column labels, row labels, then column by column, then ``attrs``."""
    found = walk.compare(f"{path}.columns", first.columns, second.columns)
    found = found or walk.compare(f"{path}.index", first.index, second.index)
    if found is not None:
        return found
    for place, name in enumerate(first.columns):
        where = f"{path}[{name!r}]" if first.columns.is_unique else f"{path}.iloc[:, {place}]"
        if (found := column(walk, where, first.iloc[:, place], second.iloc[:, place])) is not None:
            return found
    return walk.compare(f"{path}.attrs", first.attrs, second.attrs)


def series(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """Name, row labels, elements, ``attrs``."""
    found = walk.compare(f"{path}.name", first.name, second.name)
    found = found or walk.compare(f"{path}.index", first.index, second.index)
    found = found or column(walk, path, first, second)
    return found or walk.compare(f"{path}.attrs", first.attrs, second.attrs)


def column(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """The elements of a series: its dtype, then the first element by place."""
    found = _facts(path, first, second, "dtype", "shape")
    return found or elements(walk, f"{path}.iloc", first.array, second.array)


def index(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """Dtype, names, length, then the first label."""
    found = _facts(path, first, second, "dtype", "names", "shape")
    return found or elements(walk, path, first.array, second.array) or _facts(path, first, second, "freqstr")


def multi_index(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """Names, length, then level by level."""
    if (found := _facts(path, first, second, "names", "shape")) is not None:
        return found
    for level in range(first.nlevels):
        sides = (side.get_level_values(level) for side in (first, second))
        if (found := walk.compare(f"{path}.get_level_values({level})", *sides)) is not None:
            return found
    return None


def elements(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """The first element of two arrays of one dimension."""
    if (found := _facts(path, first, second, "dtype", "shape")) is not None:
        return found
    place = _first_element(first, second)
    return None if place is None else walk.compare(f"{path}[{place}]", first[place], second[place])


def polars_frame(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """Schema, then column by column."""
    if (found := walk.compare(f"{path}.columns", first.columns, second.columns)) is not None:
        return found
    for name in first.columns:
        if (found := polars_series(walk, f"{path}[{name!r}]", first[name], second[name])) is not None:
            return found
    return None


def polars_series(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """Name, dtype, then the first element."""
    found = _facts(path, first, second, "name", "dtype", "shape")
    return found or walk.sequence(path, first.to_list(), second.to_list())


def tensor(walk: Walk, path: str, first: Any, second: Any) -> Difference | None:
    """Dtype and shape, then as an array; where NumPy has no such type, by its numbers."""
    if (found := _facts(path, first, second, "dtype", "shape", "requires_grad", "device")) is not None:
        return found
    try:
        sides = [side.detach().cpu().numpy() for side in (first, second)]
    except (TypeError, RuntimeError):
        return walk.sequence(f"{path}.tolist()", first.flatten().tolist(), second.flatten().tolist())
    return array(walk, path, *sides)


def _facts(path: str, first: Any, second: Any, *names: str) -> Difference | None:
    for name in names:
        ours, theirs = (str(getattr(side, name, None)) for side in (first, second))
        if ours != theirs:
            return Difference(f"{path}.{name}", ours, theirs)
    return None


def _first_element(first: Any, second: Any) -> int | None:
    from labline_runtime.values.difference import first_place, same

    return first_place(len(first), lambda start, stop: same(first[start:stop], second[start:stop]))
