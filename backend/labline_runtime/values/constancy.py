"""Which values change only when a program changes them, so that a change of their content is an alteration.

Arrays, frames and their like, generators of random numbers, containers of these and of plain atoms, instances of the
notebook's classes, and scikit-learn's estimators (:mod:`labline_runtime.values.bookkeeping` tells how that is known).
Other objects may fill caches when they are merely used.
"""

from __future__ import annotations

import enum
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any, cast

from labline_runtime.values import containers
from labline_runtime.values.packages import package_of
from labline_runtime.values.parts import ATOMS, attributes, is_estimator, is_generator, is_own

_CONTAINERS = (list, tuple, set, frozenset, dict, defaultdict, OrderedDict, Counter, deque, bytearray)
_ITEMS = 100_000  # bigger containers are taken for what their first items are
_DEPTH = 20


def is_constant(value: Any) -> bool:
    """Whether *value*'s content changes only when a program changes it."""
    return _Walk().constant(value, 0)


class _Walk:
    def __init__(self) -> None:
        self._seen: set[int] = set()

    def constant(self, value: Any, depth: int) -> bool:
        kind = type(value)
        if kind in ATOMS or id(value) in self._seen:
            return True
        if depth > _DEPTH:
            return False
        self._seen.add(id(value))
        if kind in _CONTAINERS or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
            return self._all(list(value)[:_ITEMS], depth) and (
                not isinstance(value, dict) or self._all(list(value.values())[:_ITEMS], depth)
            )
        if issubclass(kind, (type, types.ModuleType, types.BuiltinFunctionType, enum.Enum)):
            return True
        if kind is types.FunctionType:
            return self._all((*(value.__closure__ or ()), *vars(value).values(), value.__defaults__), depth)
        if kind is types.CellType:
            return value == types.CellType() or self.constant(value.cell_contents, depth + 1)
        if self._of_library(kind, value, depth):
            return True
        if package_of(kind) == "sklearn":
            return self._instance(kind, value, depth)
        reduced = "__reduce__" in vars(kind) or "__reduce_ex__" in vars(kind)
        return (is_own(cast(Any, kind)) or is_estimator(value)) and not reduced and self._instance(kind, value, depth)

    def _all(self, items: Any, depth: int) -> bool:
        return set(map(type, items)) <= ATOMS or all(self.constant(item, depth + 1) for item in items)

    def _instance(self, kind: type, value: Any, depth: int) -> bool:
        is_container = issubclass(kind, (list, set, frozenset, tuple, dict))
        if is_container and not self._all(list(containers.held(value))[:_ITEMS], depth):
            return False
        return self._all(list(attributes(value).values()), depth)

    def _of_library(self, kind: type, value: Any, depth: int) -> bool:
        if is_generator(value):
            return True
        numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
        if numpy is not None and isinstance(value, (numpy.generic, numpy.dtype, numpy.ufunc)):
            return True
        if numpy is not None and kind in (numpy.ndarray, numpy.ma.MaskedArray, numpy.memmap):
            return not value.dtype.hasobject or self._all(value.ravel().tolist()[:_ITEMS], depth)
        return pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index))
