"""After a step: did it leave alone what the compiler believed it only reads?

A value that came in as unaltered (``StepInput.unaltered``) must have the content it was stored with. If it has not, a
later step would work with the old value where the notebook works with the altered one; the step fails and says so.

Guarded are NumPy arrays, pandas frames, series and indexes, and lists, tuples, dicts and sets of these and of plain
atoms: things whose content changes only when a program changes it. Other objects are not: estimators, caches and lazy
attributes change when they are merely used. A value whose content does not even survive being loaded afresh is exempt.
The digest a value came with was taken when it was stored, so a good step costs one digest an input.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from typing import Any

from labline_runtime.failure import StepFailure
from labline_runtime.specification import StepError, StepSpecification
from labline_runtime.transfer import Received
from labline_runtime.values import digest, load
from labline_runtime.values.digest import DigestError

_ATOMS = frozenset((type(None), bool, int, float, complex, str, bytes))
_CONTAINERS = (list, tuple, set, frozenset, dict, defaultdict, OrderedDict, Counter, deque)
_ITEMS = 100_000  # bigger containers are taken for what their first items are


def check(spec: StepSpecification, received: Iterable[Received]) -> None:
    """Raise :class:`StepFailure` (LL210) for the first value that was altered though the compiler said it would not."""
    for value in received:
        if value.name in value.source.unaltered and _altered(value):
            raise StepFailure(_broken(spec, value))


def _altered(value: Received) -> bool:
    if not value.digest or type(value.value) in _ATOMS or not _is_guarded(value.value):
        return False
    try:
        if digest(value.value) == value.digest:
            return False
        fresh, _ = load(value.source.path, value.source.digest)
        return digest(fresh[value.name]) == value.digest
    except (DigestError, OSError, KeyError):
        return False


def _is_guarded(value: Any, depth: int = 0) -> bool:
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind in _CONTAINERS:
        if depth > 20:
            return False
        parts = list(value)[:_ITEMS] + (list(value.values())[:_ITEMS] if isinstance(value, dict) else [])
        return all(_is_guarded(part, depth + 1) for part in parts)
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.generic):
        return True
    if numpy is not None and kind in (numpy.ndarray, numpy.ma.MaskedArray):
        return not value.dtype.hasobject or all(_is_guarded(item, depth + 1) for item in value.flat)
    return pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index))


def _broken(spec: StepSpecification, value: Received) -> StepError:
    return StepError(
        message=f"Step {spec.step} altered {value.name}, which it was believed only to read: "
        "later steps would miss the change.",
        code="LL210",
        variable=value.name,
        hint=f"Work on a copy in step {spec.step}, or assign {value.name} in it ({value.name} = {value.name}), "
        "so that the altered value is handed on.",
    )
