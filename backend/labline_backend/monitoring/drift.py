"""Whether the columns that a model is asked with are still like those of a reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal

from labline_backend.monitoring import statistics
from labline_backend.monitoring.samples import Sample, SampleError
from labline_runtime.dataclass import dataclass

MOST_UNSEEN_NAMED = 5

Kind = Literal["number", "category"]


@dataclass(frozen=True)
class Thresholds:
    """A column has drifted when a distance is above its threshold **and** not explained by chance.

    ``psi``: the customary limit of a significant shift. ``ks``: largest distance of the distribution functions.
    ``missing``: by how much the share of missing values may change. ``unseen``: the share of rows whose category the
    reference does not have. ``p_value``: for the whole report; it is divided by the number of tests (Bonferroni), so
    that a report on many columns does not cry wolf more often.
    """

    psi: float = 0.2
    ks: float = 0.1
    missing: float = 0.05
    unseen: float = 0.01
    p_value: float = 0.01


@dataclass(frozen=True)
class ColumnReport:
    """One column. A statistic is None where it has no meaning, such as for a column without values."""

    name: str
    kind: Kind
    psi: statistics.Distance | None
    ks: statistics.Distance | None
    missing: statistics.Distance
    unseen: float | None
    unseen_values: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def drifted(self) -> bool:
        """Whether there is a reason to say so."""
        return bool(self.reasons)


@dataclass(frozen=True)
class Report:
    """The comparison. ``uncompared`` are the columns that only one of the two has."""

    reference: str
    current: str
    reference_rows: int
    current_rows: int
    thresholds: Thresholds
    columns: tuple[ColumnReport, ...]
    uncompared: tuple[str, ...]

    @property
    def drifted(self) -> bool:
        """Whether any column has."""
        return any(column.drifted for column in self.columns)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "drifted": self.drifted, "columns": [_document(column) for column in self.columns]}


def _document(column: ColumnReport) -> dict[str, Any]:
    return {**asdict(column), "drifted": column.drifted}


def compare(reference: Sample, current: Sample, thresholds: Thresholds | None = None) -> Report:
    """Compare the columns that both samples have. Raises ``SampleError`` where there is none, or one is empty."""
    limits = thresholds or Thresholds()
    if not current.count:
        raise SampleError(f"There is nothing to compare: {current.described}.")
    if not reference.count:
        raise SampleError(f"There is nothing to compare with: {reference.described}.")
    names = [name for name in current.columns if name in reference.columns]
    if not names:
        raise SampleError(
            f"The reference has none of the columns {', '.join(list(current.columns)[:20])}; "
            f"it has {', '.join(list(reference.columns)[:20])}."
        )
    measured = [_measure(name, reference.columns[name], current.columns[name]) for name in names]
    tests = sum(len(list(_distances(column))) for column in measured)
    return Report(
        reference.described,
        current.described,
        reference.count,
        current.count,
        limits,
        tuple(_judged(column, limits, limits.p_value / tests) for column in measured),
        tuple(sorted(set(current.columns) ^ set(reference.columns))),
    )


def _measure(name: str, reference: Any, current: Any) -> ColumnReport:
    before, now = reference.dropna(), current.dropna()
    missing = statistics.share_difference(
        (len(reference) - len(before), len(reference)), (len(current) - len(now), len(current))
    )
    kind: Kind = "number" if _is_number(before) and _is_number(now) else "category"
    if not len(before) or not len(now):
        return ColumnReport(name, kind, None, None, missing, None)
    if kind == "number":
        one, other = before.to_numpy("float64"), now.to_numpy("float64")
        return ColumnReport(
            name, kind, statistics.psi(one, other), statistics.kolmogorov_smirnov(one, other), missing, None
        )
    known, asked = [_category(value) for value in before], [_category(value) for value in now]
    share, values = statistics.unseen_share(known, asked)
    named = tuple(str(value)[:60] for value in values[:MOST_UNSEEN_NAMED])
    return ColumnReport(name, kind, statistics.psi_of_categories(known, asked), None, missing, share, named)


def _is_number(column: Any) -> bool:
    return column.dtype.kind in "fiu"


def _category(value: Any) -> str:
    return str(value)


def _distances(column: ColumnReport) -> Iterator[tuple[str, statistics.Distance]]:
    if column.psi is not None:
        yield "psi", column.psi
    if column.ks is not None:
        yield "ks", column.ks
    yield "missing", column.missing


def _judged(column: ColumnReport, limits: Thresholds, p_value: float) -> ColumnReport:
    reasons = [
        name
        for name, distance in _distances(column)
        if abs(distance.value) > getattr(limits, name) and distance.p_value < p_value
    ]
    if column.unseen is not None and column.unseen > limits.unseen:
        reasons.append("unseen")
    return ColumnReport(**{**column.__dict__, "reasons": tuple(reasons)})
