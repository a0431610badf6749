"""Names that are there though no cell of the notebook binds them."""

from __future__ import annotations

import builtins
import re

# What IPython puts into the namespace of every notebook.
IPYTHON_NAMES = frozenset(
    [
        "display",
        "get_ipython",
        "In",
        "Out",
        "exit",
        "quit",
        "_",
        "__",
        "___",
        "_i",
        "_ii",
        "_iii",
        "_oh",
        "_ih",
        "_dh",
        "__name__",
        "__doc__",
        "__builtins__",
        "__builtin__",
        "__file__",
        "__spec__",
        "__package__",
        "__loader__",
    ]
)
BUILTINS = frozenset(dir(builtins)) | IPYTHON_NAMES
HISTORY = frozenset(("_", "__", "___", "Out", "_oh", "In", "_ih", "_i", "_ii", "_iii"))
"""IPython's history, beside the :data:`NUMBERED` of it."""
NUMBERED = re.compile(r"_i?\d+")
