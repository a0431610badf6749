"""Where classes and functions say that they are from."""

from __future__ import annotations

import functools
import importlib
import sys
import types
from typing import Any

from labline_runtime.library import is_library


def package_of(kind: type) -> str:
    """The package of *kind*; empty where its ``__module__`` is no text, as that of classes which sympy makes."""
    module = kind.__module__
    return module.partition(".")[0] if isinstance(module, str) else ""


def is_importable(value: Any) -> bool:
    """Whether a class or function is found under its name in its module, so that its name says all."""
    name = value.__module__
    if not isinstance(name, str) or name == "__main__":
        return False
    module = sys.modules.get(name) or _imported_later(name)
    if module is None:
        return False
    found: Any = module
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


@functools.cache
def _imported_later(name: str) -> types.ModuleType | None:
    """A module of a library in use that only pickle would import: the class of record arrays is of ``numpy.rec``."""
    if "." not in name or name.partition(".")[0] not in sys.modules or not is_library(name):
        return None
    try:
        return importlib.import_module(name)
    except Exception:  # there is none, or it cannot be imported, as pickle would find as well
        return None
