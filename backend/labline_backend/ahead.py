"""What a command starts before it imports what it needs itself: the process that steps are forked from.

It takes longer to be ready than a notebook takes to be compiled, so every millisecond that it starts earlier is one
that a run ends earlier. Only what starting it takes is imported here.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labline_backend.home import Home, HomeError

if TYPE_CHECKING:
    from labline_backend.engine.launcher import Launcher


def launcher(home: Home, notebook: Path) -> Launcher | None:
    """A launcher that is about to be ready for the steps of *notebook*; none where that cannot be told yet.

    Whatever is wrong is told by who runs the notebook.
    """
    from labline_backend.engine.launcher import Launcher
    from labline_backend.kernels import KernelError, find_kernel

    with contextlib.suppress(OSError, ValueError, RecursionError, KernelError, HomeError):
        name = kernel_of(json.loads(notebook.read_bytes()))
        if name is not None:
            started = Launcher(home)
            started.prepare(find_kernel(name), notebook.absolute().parent, ())
            return started
    return None


def kernel_of(document: Any) -> str | None:
    """The name of the kernel in a notebook's metadata; none in a script, or in what is no notebook."""
    try:
        return str(document["metadata"]["kernelspec"]["name"])
    except (LookupError, TypeError):
        return None
