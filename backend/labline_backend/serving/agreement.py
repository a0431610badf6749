"""Whether a model may be asked in a cheaper way: decided when it is loaded, by asking both ways and comparing bits.

The reference is ``pyfunc.predict`` on a DataFrame with the rows of one request. Four short cuts are tried against it:

- *arithmetic*: what the library computes, done here on an array (``arithmetic``).
- *native*: the library's own ``predict`` on an array, past MLflow's checks and pandas. Its errors need not be the same,
  because what it refuses is asked of the reference again; its answers must be, and it must refuse what the reference
  refuses.
- *merging*: the rows of several requests in one call. A linear model is often not the same then: one row goes through
  another BLAS routine than many do, and the last bit differs.
- *piling*: requests of one row each in one call, as a pile of arrays of one row. NumPy multiplies array by array then,
  each by the routine that it takes for one row.

Only models whose every part is scikit-learn's own are tried. Other code may look at what no sample of rows can show.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from labline_backend.serving.rows import Array, Matrix, Rows, Table, join
from labline_runtime.dataclass import dataclass

POOL = 64
SIZES = (1, 2, 3, 5, 8, 13, 32, 64)
MAX_COLUMNS_PROBED = 24
SLOW_SECONDS = 0.25
EXTREMES = (np.nan, np.inf, -np.inf, 1e300, -1e300, 1e39, 0.0)

OWN = ("sklearn", "numpy", "scipy")

Order = Literal["C", "F"]
IN_ORDER: dict[Order, Callable[[Array], Array]] = {"F": np.asfortranarray, "C": np.ascontiguousarray}
"""What brings an array into a memory order, in the order that they are tried in."""


@dataclass(frozen=True)
class Verdict:
    """How a model may be asked. ``order`` is the memory order that its native ``predict`` is given arrays in.

    ``reason`` says, for a person, why a short cut is not taken.
    """

    order: Order | None = None
    merges: bool = False
    piles: bool = False
    """Whether requests of one row each may be asked in one call, as a pile of arrays, where others may not."""

    reason: str = ""
    graph: str = ""
    """The graph that is asked in the model's place, for a person; see ``graph``."""

    arithmetic: bool = False
    """Whether what the native model computes is done in its place."""

    rows: str = ""
    """The rows that this was found out on and on rows like these, for a person."""

    @property
    def native(self) -> bool:
        """Whether the native model is asked."""
        return self.order is not None

    def __str__(self) -> str:
        lane = self.graph or ("native predict on arrays" if self.native else "pyfunc on DataFrames")
        if self.arithmetic and not self.graph:
            lane = "the model's arithmetic on arrays"
        merging = "requests merged" if self.merges else "single rows merged" if self.piles else "requests apart"
        remarks = [self.reason, f"checked on {self.rows}" if self.rows else ""]
        said = "; ".join(filter(None, remarks))
        return f"{lane}, {merging}" + (f" ({said})" if said else "")


def decide(
    reference: Callable[[Rows], Any],
    native: Callable[[Array], Any] | None,
    model: Any,
    example: Rows | None,
    arithmetic: Callable[[Array], Any] | None = None,
) -> Verdict:
    """Try the short cuts on rows like *example*. ``reference``, ``native`` and ``arithmetic`` answer or raise."""
    if example is None or not example.count:
        return Verdict(reason="the model was logged without an input example to check on")
    if model is None:
        return Verdict(reason="it is none of scikit-learn's")
    if foreign := foreign_part(model):
        return Verdict(reason=f"{foreign} is not scikit-learn's own")
    pool = pool_like(example)
    if min(_seconds(reference, pool) for _ in range(3)) > SLOW_SECONDS:
        return Verdict(reason="one call takes too long to compare many")
    order: Order | None = None
    reason = "its columns are of several types" if isinstance(pool, Table) else ""
    ask, taken = reference, native
    if native is not None and isinstance(pool, Matrix):
        reason = "the native model's answers are not the same"
        for taken, candidate in itertools.product(filter(None, (arithmetic, native)), IN_ORDER):
            lane = _native_lane(taken, candidate)
            if _agrees(reference, lane, pool) and _same_outcome(reference, lane, example):
                order, ask, reason = candidate, lane, ""
                break
    merges = _merges(ask, pool)
    if not merges:
        reason = "; ".join(filter(None, [reason, "the answer to a row depends on the rows beside it"]))
    computed = order is not None and taken is arithmetic
    piles = computed and not merges and taken is not None and _piles(taken, ask, pool)
    return Verdict(order, merges, piles, reason, arithmetic=computed)


def _seconds(reference: Callable[[Rows], Any], pool: Rows) -> float:
    start = time.perf_counter()
    with contextlib.suppress(Exception):
        reference(pool.part(0, 1))
    return time.perf_counter() - start


def _native_lane(native: Callable[[Array], Any], order: Order) -> Callable[[Rows], Any]:
    return lambda rows: native(IN_ORDER[order](rows.values))  # type: ignore[union-attr]


def foreign_part(model: Any) -> str | None:
    """The name of a part of *model* that is not scikit-learn's own code, or of a function that somebody handed in."""
    if not hasattr(model, "get_params"):
        return type(model).__name__
    for value in (model, *model.get_params(deep=True).values()):
        kind = type(value)
        if hasattr(value, "get_params") and not isinstance(value, type):
            if kind.__module__.partition(".")[0] != "sklearn" or kind.__name__ == "FunctionTransformer":
                return kind.__name__
        elif callable(value) and getattr(value, "__module__", "").partition(".")[0] not in OWN:
            return getattr(value, "__name__", kind.__name__)
    return None


def pool_like(example: Rows) -> Rows:
    """:data:`POOL` rows like those of *example*: each column shuffled, floats moved a little. Always the same."""
    random = np.random.default_rng(0)
    picked: Array = np.arange(POOL) * max(1, example.count // POOL) % example.count
    if isinstance(example, Matrix):
        values = example.values[picked].copy()
        for column in range(values.shape[1]):
            values[:, column] = _moved(random.permutation(values[:, column]), random)
        return Matrix(example.names, values)
    if isinstance(example, Table):
        moved = tuple(_moved(random.permutation(array[picked]), random) for array in example.arrays)
        return replace(example, arrays=moved)
    return join([example.part(int(index), int(index) + 1) for index in picked])


def _moved(values: Array, random: np.random.Generator) -> Array:
    if values.dtype.kind != "f":
        return values
    noise = random.normal(size=values.shape)
    spread = np.nanstd(values) if not np.isnan(values).all() else 0.0
    return (values + noise * (spread or 1.0)).astype(values.dtype)


def _agrees(reference: Callable[[Rows], Any], lane: Callable[[Rows], Any], pool: Matrix) -> bool:
    requests = [pool.part(start, start + size) for size in SIZES for start in range(0, POOL, max(size, POOL // 8))]
    return all(_same_outcome(reference, lane, rows) for rows in (*requests, *_oddities(pool)))


def _oddities(pool: Matrix) -> Iterator[Matrix]:
    """Rows with a missing, infinite or huge value in one column, and in all."""
    if pool.values.dtype.kind != "f":
        return
    for column in [*range(min(pool.values.shape[1], MAX_COLUMNS_PROBED)), slice(None)]:
        for extreme in EXTREMES:
            values = pool.values[:3].copy()
            with np.errstate(over="ignore"):
                values[1, column] = extreme
            yield Matrix(pool.names, values)


def _same_outcome(reference: Callable[[Rows], Any], lane: Callable[[Rows], Any], rows: Rows) -> bool:
    """Whether both give the same bits, or both refuse. A model may raise anything; in doubt there is no short cut."""
    try:
        expected = reference(rows)
    except Exception:
        try:
            lane(rows)
        except Exception:
            return True
        return False
    try:
        return same_bits(expected, lane(rows))
    except Exception:
        return False


def _merges(ask: Callable[[Rows], Any], pool: Rows) -> bool:
    """Whether every row gets the same answer, however many rows it comes with."""
    try:
        alone = np.concatenate([ask(pool.part(i, i + 1)) for i in range(POOL)])
        if not isinstance(ask(pool), np.ndarray) or len(alone) != POOL:
            return False
        return all(
            same_bits(alone[start : min(start + size, POOL)], ask(pool.part(start, min(start + size, POOL))))
            for size in SIZES
            for start in range(0, POOL, max(size, POOL // 8))
        )
    except Exception:  # a model may raise anything; one that does on several rows is asked row by row
        return False


def _piles(taken: Callable[[Array], Any], ask: Callable[[Rows], Any], pool: Rows) -> bool:
    """Whether every row gets the answer that it gets alone from a pile of arrays of one row each."""
    try:
        alone = [ask(pool.part(i, i + 1)) for i in range(POOL)]
        rows = np.concatenate([pool.part(i, i + 1).values for i in range(POOL)])  # type: ignore[union-attr]
        return all(
            same_bits(alone[start + place], answer)
            for size in SIZES[1:]
            for start in range(0, POOL, max(size, POOL // 8))
            for place, answer in enumerate(taken(rows[start : start + size, None]))
        )
    except Exception:  # a model may raise anything; one that does on a pile is asked row by row
        return False


def same_bits(one: Any, other: Any) -> bool:
    """Whether two arrays are equal to the last bit, type and shape included."""
    if type(one) is not np.ndarray or type(other) is not np.ndarray:
        return False
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype == object:
        return bool(one.tolist() == other.tolist())
    return one.tobytes() == other.tobytes()
