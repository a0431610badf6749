"""The memory of arrays that come from an artifact: its map, or memory of their own for code that sees the difference.

``flags``, ``base`` and ``getsizeof`` show that an array does not own its memory, and ``resize`` refuses then. So where
a step's code names one of them, what comes to it is copied, as if it had been made there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from labline_runtime.values import nans

_SEEING = re.compile(r"\.\s*(?:resize|flags|base|__sizeof__)\b|\bgetsizeof\b")
_MAKER = "_frombuffer"  # of NumPy: what an array that was pickled out of band is made by


def is_seen(sources: Iterable[str]) -> bool:
    """Whether code, as text, may see whose memory an array has."""
    return any(_SEEING.search(source) for source in sources)


class Unpickler(nans.Unpickler):
    """Arrays are what their views refer to, as in the notebook; NumPy would put another array in between."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle names."""
        return _mapped if name == _MAKER and module.startswith("numpy.") else super().find_class(module, name)


class OwningUnpickler(nans.Unpickler):
    """Gives arrays memory of their own; those that are views of others stay views of these."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle names."""
        return _owned if name == _MAKER and module.startswith("numpy.") else super().find_class(module, name)


def _mapped(buffer: Any, dtype: Any, shape: Any, order: Any, axis_order: Any = None) -> Any:
    import numpy

    if axis_order is not None:  # since NumPy 2.4: neither rows nor columns come first
        return numpy.ndarray(shape, dtype, buffer=buffer).transpose(axis_order)
    return numpy.ndarray(shape, dtype, buffer=buffer, order=order)


def _owned(*given: Any) -> Any:
    mapped = _mapped(*given)
    array = mapped.copy("K")
    array.flags.writeable = mapped.flags.writeable
    return array
