"""NaN that is told by what it is, not by what it equals, for it equals nothing.

``numpy.nan in rows``, ``x is numpy.nan`` and the place of NaN in a dictionary go by identity, and pickle makes every
number anew. So the two that have names come back as what stands behind these names.
"""

from __future__ import annotations

import importlib
import math
import pickle
import sys
from typing import Any

OPCODE = b"G\x7f\xf8" + bytes(6)  # that stands for it in a pickle


def identifier(value: Any) -> str | None:
    """The name of the module whose ``nan`` *value* is; None for all else."""
    if type(value) is not float or value == value:
        return None
    if value is math.nan:
        return "math"
    return "numpy" if value is getattr(sys.modules.get("numpy"), "nan", None) else None


class Unpickler(pickle.Unpickler):
    """Loads what was pickled with :func:`identifier` as ``persistent_id``."""

    def persistent_load(self, pid: Any) -> float:
        """The NaN of the module called *pid*."""
        nan: float = importlib.import_module(pid).nan
        return nan
