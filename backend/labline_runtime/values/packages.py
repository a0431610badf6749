"""Where a class says that it is from."""

from __future__ import annotations


def package_of(kind: type) -> str:
    """The package of *kind*; empty where its ``__module__`` is no text, as that of classes which sympy makes."""
    module = kind.__module__
    return module.partition(".")[0] if isinstance(module, str) else ""
