"""Following imports: what comes between a program and Python's own machinery.

``importlib._bootstrap._find_and_load`` loads every module that is not there yet, and nothing else goes through it but
who imports by a text (``importlib.import_module``), for modules that are there, too.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

_machinery: Any = importlib._bootstrap
# Under the machinery's own file name the frame is left out of the traceback of a failed import, as its are.
_FOLLOWED = compile(
    """
def _find_and_load(name, import_):
    if name in modules or not begin(name):
        return load(name, import_)
    try:
        return load(name, import_)
    finally:
        end()
""",
    "<frozen importlib._bootstrap>",
    "exec",
)


class Imports:
    """Calls *begin* with the name of a module that begins to be imported, and *end* when it has been.

    What a module imports in turn comes between the two. *begin* says whether *end* is wanted.
    """

    def __init__(self, begin: Callable[[str], bool], end: Callable[[], None]) -> None:
        self._begin, self._end = begin, end
        self._followed: Any = None

    def start(self) -> None:
        """Begin to follow."""
        self._plain = _machinery._find_and_load
        names = {"load": self._plain, "begin": self._begin, "end": self._end, "modules": sys.modules}
        exec(_FOLLOWED, names)  # noqa: S102 - written above
        self._followed = _machinery._find_and_load = names["_find_and_load"]

    def stop(self) -> None:
        """Leave the machinery as it was, unless somebody else follows by now."""
        if self._followed is not None and _machinery._find_and_load is self._followed:
            _machinery._find_and_load = self._plain
