"""What happens while a library is being imported, told apart from what the notebook does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from labline_runtime import shelf
from labline_runtime.import_machinery import Imports
from labline_runtime.library import is_library

State = TypeVar("State")


class LibraryImports(Imports):
    """Calls *before* when a library begins to be imported, and *after* with what that gave when it has been.

    Only for the outermost import: what a library imports in turn is part of it.
    """

    def __init__(self, before: Callable[[], State], after: Callable[[State], None]) -> None:
        super().__init__(self._library_begins, self._library_ends)
        self._before, self._after = before, after
        self._here = threading.local()

    def _library_begins(self, name: str) -> bool:
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

    def _library_ends(self) -> None:
        self._after(self._here.state)
        self._here.inside = False
