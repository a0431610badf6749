"""What runs inside a step, on every target, and what gives the values of past runs to any Python.

Standard library, IPython and cloudpickle only; any Python >= 3.10. Nothing here may import another package of the
project: this folder is copied as it is into foreign kernel environments and container images.

For people: ``from labline_runtime import run, runs``, and ``%load_ext labline_runtime`` for ``%labline_load``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labline_runtime.past import PastError, run, runs

__all__ = ["PastError", "load_ipython_extension", "run", "runs"]


def __getattr__(name: str) -> Any:
    # Imported when they are asked for: what a step's process imports is told apart from what its cells import.
    if name in ("PastError", "run", "runs"):
        from labline_runtime import past

        return getattr(past, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(ipython: Any) -> None:
    """What ``%load_ext labline_runtime`` does: give the shell ``%labline_load``."""
    from labline_runtime.magics import LablineMagics

    ipython.register_magics(LablineMagics)
