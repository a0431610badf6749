"""What a model takes and gives, from the MLflow signature that it was logged with; rows brought to that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from labline_backend.serving import cells
from labline_backend.serving.refusal import Refusal, listed, repeated
from labline_backend.serving.rows import Array, Matrix, Rows, Table
from labline_runtime.dataclass import dataclass

_LIST = {list}


@dataclass(frozen=True)
class Column:
    """A column: ``kind`` is one of :data:`labline_backend.serving.cells.DTYPES`."""

    name: str
    kind: str
    required: bool = True


@dataclass(frozen=True)
class Tensor:
    """A tensor; -1 in ``shape`` stands for any number. ``name`` is None for the only one of a model that names none."""

    name: str | None
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """Either columns or tensors, or neither for a model that was logged without a signature."""

    columns: tuple[Column, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    labelled: bool = True
    """Whether the columns' names are the model's; else they are ours, by position."""

    takes_parameters: bool = False

    @cached_property
    def output(self) -> str:
        """The name of an answer that is one array."""
        return self.outputs[0].name or "output-0" if len(self.outputs) == 1 else "output-0"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in the model's order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns."""
        return {column.name: column for column in self.columns}

    @cached_property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of :attr:`uniform`."""
        return None if self.uniform is None else cells.DTYPES[self.uniform]

    @cached_property
    def uniform(self) -> str | None:
        """The one numeric kind of all columns, where all are required and of one kind."""
        kinds = {column.kind for column in self.columns if column.required}
        if len(kinds) != 1 or not all(column.required for column in self.columns) or not self.labelled:
            return None
        kind = kinds.pop()
        return kind if cells.DTYPES[kind].kind in "fiub" else None

    @cached_property
    def heads(self) -> dict[bytes, Any]:
        """What ``v2_requests`` knows of the heads of requests with raw tensors."""
        return {}

    # -------------------------------------------------------------- rows

    def check_names(self, given: Sequence[str]) -> None:
        """Refuse names that are missing, unknown or given twice."""
        if given == self.names:
            return
        present = set(given)
        missing = [column.name for column in self.columns if column.required and column.name not in present]
        extra = [name for name in given if name not in self.by_name]
        complaints = []
        if missing:
            complaints.append(f"missing {_columns(missing)} {listed(missing)}")
        if extra:
            complaints.append(f"unknown {_columns(extra)} {listed(extra)}")
        if len(present) < len(given):
            twice = repeated(given)
            complaints.append(f"{_columns(twice)} {listed(twice)} given twice")
        if complaints:
            raise Refusal(
                f"The columns are not the model's: {'; '.join(complaints)}. It takes {listed(self.names, 50)}."
            )

    def from_rows(self, names: tuple[str, ...], data: Sequence[Sequence[Any]]) -> Rows:
        """JSON rows, each with a value for each of *names*."""
        self.check_names(names)
        width = len(names)
        if not set(map(type, data)) <= _LIST or not set(map(len, data)) <= {width}:
            raise _misshapen(data, width)
        if self.uniform:
            flat = list(chain.from_iterable(data))
            values = cells.from_json(flat, self.uniform, place_among(names)).reshape(len(data), width)
            if names != self.names:
                values = values[:, [list(names).index(name) for name in self.names]]
            return Matrix(self.names, values)
        return self.from_columns(
            dict(zip(names, zip(*data, strict=True), strict=True)) if data else dict.fromkeys(names, ())
        )

    def from_columns(
        self,
        given: Mapping[str, Any],
        convert: Callable[[Any, str, cells.Place], Array] = cells.from_json,
    ) -> Rows:
        """Columns by name, made to arrays by *convert*."""
        self.check_names(tuple(given))
        lengths = {name: len(values) for name, values in given.items()}
        if len(set(lengths.values())) > 1:
            raise Refusal(f"The columns differ in length: {listed(f'{n}: {k}' for n, k in lengths.items())}.")
        columns = [column for column in self.columns if column.name in given]
        arrays = tuple(convert(given[column.name], column.kind, place_in(column.name)) for column in columns)
        if self.uniform and arrays:
            return Matrix(self.names, np.column_stack(arrays))
        return Table(tuple(column.name for column in columns), arrays, self.labelled)

    def from_matrix(self, values: Array) -> Rows:
        """A two-dimensional array with one column for each of the model's, in its order."""
        if values.shape[1] != len(self.columns):
            raise Refusal(
                f"The shape {list(values.shape)} has {values.shape[1]} columns; the model takes {len(self.columns)}: "
                f"{listed(self.names, 50)}."
            )
        if self.dtype is not None and values.dtype == self.dtype:
            return Matrix(self.names, values)
        if self.uniform:
            names = self.names
            return Matrix(
                names,
                cells.converted(
                    values,
                    self.uniform,
                    lambda index: f"Row {index // len(names)}, column {names[index % len(names)]!r}",
                ),
            )
        return self.from_columns({name: values[:, i] for i, name in enumerate(self.names)}, cells.converted)


def _misshapen(data: Sequence[Any], width: int) -> Refusal:
    index, row = next((i, row) for i, row in enumerate(data) if type(row) is not list or len(row) != width)
    found = f"{len(row)} values" if isinstance(row, list) else cells.said(row)
    return Refusal(f"Row {index} is {found}, not a list of {width} values.")


def place_in(name: str) -> cells.Place:
    """Words for the values of a column."""
    return lambda index: f"Row {index}, column {name!r}"


def place_among(names: Sequence[str]) -> cells.Place:
    """Words for the values of rows that follow each other."""
    return lambda index: f"Row {index // len(names)}, column {names[index % len(names)]!r}"


def _columns(names: Sequence[str]) -> str:
    return "column" if len(names) == 1 else "columns"
