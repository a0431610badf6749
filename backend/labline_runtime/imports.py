"""What happens while a library is being imported, told apart from what the notebook does.

Python's own machinery is asked: ``importlib._bootstrap._find_and_load`` loads every module that is not there yet, and
nothing else goes through it.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from labline_runtime import shelf
from labline_runtime.library import is_library

State = TypeVar("State")

_machinery: Any = importlib._bootstrap
# Under the machinery's own file name the frame is left out of the traceback of a failed import, as its are.
_WATCHED = compile(
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


class LibraryImports:
    """Calls *before* when a library begins to be imported, and *after* with what that gave when it has been.

    Only for the outermost import: what a library imports in turn is part of it.
    """

    def __init__(self, before: Callable[[], State], after: Callable[[State], None]) -> None:
        self._before, self._after = before, after
        self._here = threading.local()

    def start(self) -> None:
        """Begin to watch."""
        self._plain = _machinery._find_and_load
        # Whoever imports by a text (importlib.import_module) comes here for modules that are there, too.
        names = {"load": self._plain, "begin": self._begin, "end": self._end, "modules": sys.modules}
        exec(_WATCHED, names)  # noqa: S102 - written above
        self._watched = _machinery._find_and_load = names["_find_and_load"]

    def stop(self) -> None:
        """Leave the machinery as it was."""
        if _machinery._find_and_load is self._watched:
            _machinery._find_and_load = self._plain

    def _begin(self, name: str) -> bool:
        here = self._here
        if getattr(here, "inside", False) or shelf.brings_modules_alone(name):
            return False
        if name.partition(".")[0] in sys.stdlib_module_names:
            return False  # Python's own modules set nothing when they are imported
        here.inside = True  # also for what finding out imports
        if not is_library(name):
            here.inside = False
            return False
        here.state = self._before()
        return True

    def _end(self) -> None:
        self._after(self._here.state)
        self._here.inside = False
