"""Which row of the input each row of a value made of it is: followed from one statement to the next.

Rows of pandas keep their labels, and others their places; where either could be, what is in them tells.
"""

from __future__ import annotations

from typing import Any

from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Seen:
    """A value before a statement changed anything: its rows' labels (None for an array) and places in the input."""

    value: Any
    index: Any
    count: int
    places: Any


def count_of(value: Any) -> int | None:
    """How many rows *value* has; None for what has none."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return int(shape[0]) if shape else None
    return len(value) if isinstance(value, list) else None


def is_learned(value: Any) -> bool:
    """Whether *value*, though made of rows, is something that was learned of them: one value, a table, an estimator."""
    if isinstance(value, (bool, int, float, complex, str, bytes, dict, set, frozenset)):
        return True
    return getattr(value, "shape", None) == () or (hasattr(value, "get_params") and not hasattr(value, "iloc"))


def see(value: Any, places: Any) -> Seen | None:
    """*value* as it is now; None where it has no rows, or nobody knows which they are."""
    count = count_of(value)
    if count is None or places is None or len(places) != count:
        return None
    columns = getattr(value, "columns", None)
    copied = value.copy(deep=False) if columns is not None or hasattr(value, "name") else value
    return Seen(copied, getattr(value, "index", None) if hasattr(value, "iloc") else None, count, places)


def places_of(value: Any, sources: list[Seen]) -> Any:
    """For each row of *value* its place in the input, as an array; None where that cannot be told."""
    count = count_of(value)
    if count is None:
        return None
    index = getattr(value, "index", None) if hasattr(value, "iloc") else None
    for source in sources:
        candidates = []
        if index is not None and source.index is not None and source.index.is_unique:
            found = source.index.get_indexer(index)
            if (found >= 0).all():
                candidates.append(found)
        if count == source.count:
            import numpy

            candidates.append(numpy.arange(count))
        candidates += [found for found in [_by_content(value, source.value)] if found is not None]
        for found in candidates:
            if len(candidates) == 1 or _agree(value, source.value, found):
                return source.places[found]
        if candidates:
            return source.places[candidates[0]]
    return None


def _agree(value: Any, source: Any, found: Any) -> bool:
    """Whether some column that both have is the same in those rows, so far as there is any."""
    ours, theirs = getattr(value, "columns", None), getattr(source, "columns", None)
    if ours is not None and theirs is not None:
        common = [name for name in ours if name in theirs]
        pairs = [(value[name].to_numpy(), source[name].to_numpy()[found]) for name in common]
        return not pairs or sum(_same(*pair) for pair in pairs) * 2 >= len(pairs)
    return True


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(((one == other) | ((one != one) & (other != other))).all())
    except (TypeError, ValueError, AttributeError):
        return False


def _by_content(value: Any, source: Any) -> Any:
    """Rows of *source* that hold what the rows of *value* do."""
    import numpy

    keys, known = _contents(value, source), _contents(source, value)
    if keys is None or known is None:
        return None
    place: dict[Any, int] = {}
    for position, key in enumerate(known):
        place.setdefault(key, position)
    found = [place.get(key, -1) for key in keys]
    return numpy.array(found, dtype=int) if found and min(found) >= 0 else None


def _contents(value: Any, other: Any) -> list[Any] | None:
    columns, others = getattr(value, "columns", None), getattr(other, "columns", None)
    if columns is not None and others is not None:
        from pandas.util import hash_pandas_object

        common = sorted({name for name in columns if isinstance(name, str)} & set(others))
        try:
            return list(hash_pandas_object(value[common], index=False)) if common else None
        except TypeError:
            return None
    shape, other_shape = getattr(value, "shape", ()), getattr(other, "shape", ())
    if columns is None and others is None and len(shape) == len(other_shape) == 2 and shape[1:] == other_shape[1:]:
        return [row.tobytes() for row in value] if hasattr(value, "tobytes") else None
    return None
