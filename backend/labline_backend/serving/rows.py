"""The rows of a request, in the three forms that models take. Immutable; the arrays are never written to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from labline_runtime.dataclass import dataclass

Array = Any  # a NumPy array; the type checker does not follow NumPy in this project


@dataclass(frozen=True)
class Matrix:
    """Columns of one dtype: ``values`` has shape (rows, columns)."""

    names: tuple[str, ...]
    values: Array

    @property
    def count(self) -> int:
        """How many rows."""
        return int(self.values.shape[0])

    @property
    def kind(self) -> object:
        """Rows of the same kind can be joined."""
        return Matrix

    def model_input(self) -> Any:
        """What a pyfunc's ``predict`` takes."""
        import pandas as pd

        return pd.DataFrame(self.values, columns=list(self.names))

    def named(self) -> Iterator[tuple[str, Array]]:
        """Name and array of each column."""
        for index, name in enumerate(self.names):
            yield name, self.values[:, index]

    def part(self, start: int, stop: int) -> Matrix:
        """Some of the rows."""
        return Matrix(self.names, self.values[start:stop])


@dataclass(frozen=True)
class Table:
    """Columns of any dtypes, one-dimensional and of one length. ``labelled`` is false where the model names none."""

    names: tuple[str, ...]
    arrays: tuple[Array, ...]
    labelled: bool = True

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.arrays[0]) if self.arrays else 0

    @property
    def kind(self) -> object:
        """Rows of the same kind can be joined."""
        return Table, self.names, tuple(array.dtype for array in self.arrays)

    def model_input(self) -> Any:
        """What a pyfunc's ``predict`` takes."""
        import pandas as pd

        if not self.labelled:
            return pd.DataFrame(dict(enumerate(self.arrays)))
        return pd.DataFrame(dict(zip(self.names, self.arrays, strict=True)))

    def named(self) -> Iterator[tuple[str, Array]]:
        """Name and array of each column."""
        yield from zip(self.names, self.arrays, strict=True)

    def part(self, start: int, stop: int) -> Table:
        """Some of the rows."""
        return Table(self.names, tuple(array[start:stop] for array in self.arrays), self.labelled)


@dataclass(frozen=True)
class Tensors:
    """Arrays whose first axis is the rows, by name; None names the only one of a model that names none."""

    arrays: tuple[tuple[str | None, Array], ...]

    @property
    def count(self) -> int:
        """How many rows; a tensor without axes counts as one."""
        shape = self.arrays[0][1].shape
        return int(shape[0]) if shape else 1

    @property
    def kind(self) -> object:
        """Rows of the same kind can be joined."""
        return Tensors, tuple((name, array.dtype, array.shape[1:]) for name, array in self.arrays)

    def model_input(self) -> Any:
        """What a pyfunc's ``predict`` takes."""
        if self.arrays[0][0] is None:
            return self.arrays[0][1]
        return dict(self.arrays)

    def named(self) -> Iterator[tuple[str, Array]]:
        """Name and array of each tensor."""
        for name, array in self.arrays:
            yield name or "input-0", array

    def part(self, start: int, stop: int) -> Tensors:
        """Some of the rows."""
        return Tensors(tuple((name, array[start:stop]) for name, array in self.arrays))


Rows = Matrix | Table | Tensors


def join(parts: Sequence[Rows]) -> Rows:
    """All the rows of *parts*, which are of one kind, in order."""
    first = parts[0]
    if len(parts) == 1:
        return first
    same: Sequence[Any] = parts
    if isinstance(first, Matrix):
        return Matrix(first.names, np.concatenate([part.values for part in same]))
    if isinstance(first, Table):
        columns = zip(*(part.arrays for part in same), strict=True)
        return Table(first.names, tuple(np.concatenate(column) for column in columns), first.labelled)
    names = [name for name, _ in first.arrays]
    tensors = zip(*([array for _, array in part.arrays] for part in same), strict=True)
    return Tensors(tuple((name, np.concatenate(tensor)) for name, tensor in zip(names, tensors, strict=True)))


def first_missing(rows: Rows) -> tuple[int, str] | None:
    """Row and column of a missing value or a NaN, where there is one."""
    for name, array in rows.named():
        missing = is_missing(array)
        if missing.any():
            return int(np.argwhere(missing)[0][0]) if array.ndim else 0, name
    return None


def is_missing(array: Array) -> Array:
    """Which values are None, NaN or NaT."""
    if array.dtype == object:
        flat = [value is None or (isinstance(value, float) and value != value) for value in array.ravel()]
        return np.array(flat, dtype=bool).reshape(array.shape)
    if array.dtype.kind in "fcmM":
        return np.isnan(array) if array.dtype.kind in "fc" else np.isnat(array)
    return np.zeros(array.shape, dtype=bool)
