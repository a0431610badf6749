"""What is known of the values of a notebook that prepares data and trains models: which rows they hold.

What is made by the thousand is a named tuple, at a fifth of the cost of a frozen dataclass.
"""

from __future__ import annotations

import ast
from dataclasses import field
from typing import Literal, NamedTuple

from labline_compiler.notebook import Cell
from labline_runtime.dataclass import dataclass

# A part of a split: the split's number, and whether it is the part to learn from or the one held out.
Part = tuple[int, Literal["train", "test"]]


@dataclass(frozen=True, eq=False)
class Place:
    """Where something happens."""

    cell: Cell
    node: ast.AST

    def __str__(self) -> str:
        return f"cell {self.cell.number}, line {getattr(self.node, 'lineno', 1)}"


class Rows(NamedTuple):
    """Rows of a data set: all of them, or a part, or a part of a part."""

    root: int
    path: tuple[Part, ...] = ()

    def within(self, other: Rows) -> bool:
        """Whether all of them are surely among *other*."""
        return self.root == other.root and self.path[: len(other.path)] == other.path

    @property
    def held_out(self) -> bool:
        """Whether they are the test part, and not a part to learn from inside it."""
        return bool(self.path) and all(side == "test" for _, side in self.path)


@dataclass(frozen=True)
class Trace:
    """Something that data carries from where it was made: ``prepared`` by a fit, ``multiplied`` or ``lagged``."""

    kind: Literal["prepared", "multiplied", "lagged"]
    what: str
    place: Place
    rows: Rows  # that it looked at


class Columns(NamedTuple):
    """Which columns of a frame: these names, or all but these."""

    frame: int
    names: frozenset[str] = frozenset()
    all_but: bool = True

    def holds(self, name: str) -> bool:
        """Whether *name* is surely among them, if the frame has it."""
        return (name in self.names) != self.all_but


class Data(NamedTuple):
    """Rows and columns. Of what is not known the rows are a data set of its own, and the columns None."""

    rows: Rows
    columns: Columns | None = None
    column: tuple[int, str] | None = None  # of a frame, where it is one column or made of one
    traces: frozenset[Trace] = frozenset()
    predicted_by: frozenset[int] = frozenset()  # numbers of fits
    mask: bool = False  # made by a comparison


@dataclass(frozen=True)
class Statistic:
    """A number, or one a column, that was computed from rows."""

    rows: Rows


@dataclass(frozen=True)
class Grouped:
    """Data in groups or windows."""

    data: Data
    window: bool


@dataclass(frozen=True)
class Origin:
    """A module, or what it holds, by its full name."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A text, or a list of texts; ``names`` is None for a list of names that is not known."""

    names: tuple[str, ...] | None
    is_list: bool = False


@dataclass(frozen=True)
class Many:
    """A tuple."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Function:
    """A function of the notebook."""


@dataclass(frozen=True, eq=False)
class Fit:
    """One training: of what, on which rows."""

    number: int
    rows: Rows
    place: Place
    supervised: bool
    data: str  # as it is written


@dataclass(frozen=True, eq=False)
class Use:
    """A model's prediction for rows, or a metric of it (``metric``)."""

    rows: Rows
    place: Place
    metric: bool


@dataclass(eq=False)
class Estimator:
    """A model, a transformer or a pipeline of the notebook, with all that happens to it."""

    name: str
    kind: Literal["model", "transformer", "reducer", "sampler", "stateless"]
    module: str
    selects: bool = False  # may take some of the columns only
    fit: Fit | None = None
    fits: list[Fit] = field(default_factory=list)
    uses: list[tuple[Fit, Use]] = field(default_factory=list)
    escaped: bool = False  # things may happen to it that are not seen


Value = Data | Statistic | Grouped | Origin | Constant | Many | Function | Estimator
