# ruff: noqa: PTH100, PTH120 - as in files.py, paths are texts here
"""What belongs to the interpreter and the libraries installed for it, and what to the notebook."""

from __future__ import annotations

import functools
import importlib.machinery
import os
import site
import string
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

# Named in a way that leaves out /dev/shm: programs keep files there, and a notebook may lie there.
SYSTEM = (
    "/proc/",
    "/sys/",
    *(f"/dev/{letter}" for letter in string.ascii_letters + string.digits if letter != "s"),
    *(f"/dev/s{letter}" for letter in string.ascii_letters if letter != "h"),
)
"""What the paths of devices, and of what the system tells of itself, begin with."""


def folder(path: str) -> str:
    """*path* as a folder, so that what lies in it begins with it."""
    return os.path.abspath(path).rstrip(os.sep) + os.sep


@functools.cache
def folders() -> tuple[str, ...]:
    """Where the interpreter, its libraries and this runtime lie."""
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), *site.getsitepackages()}
    found.update((os.path.dirname(os.path.dirname(__file__)), site.getusersitepackages()))
    return tuple(folder(path) for path in found if path and path not in ("/", "/usr"))


def is_library(module: str) -> bool:
    """Whether the module called *module* (dotted, or a package's name) is installed and not the notebook's own."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or _is_installed(top)


@functools.cache
def _is_installed(top: str) -> bool:
    if top in ("", "__main__"):
        return False
    known: Any = sys.modules.get(top)
    spec = getattr(known, "__spec__", None)
    if spec is None:
        try:
            spec = importlib.machinery.PathFinder.find_spec(top)
        except (ImportError, ValueError, AttributeError):
            return False
    if spec is None:
        return False
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    return any(place is not None and os.path.abspath(place).startswith(folders()) for place in places)


def beside(folder: str) -> list[str]:
    """What lies in a notebook's *folder*; nothing where that cannot be read."""
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


class Fence:
    """Keeps what lies in a notebook's folder from being imported by a library, while it is entered.

    ``asked`` are the packages that somebody looked for, ``found`` the first that would have come from the folder.
    Python's own come before it.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.asked: set[str] = set()
        self.found: str | None = None

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        """Nothing of its own: raises ``ModuleNotFoundError`` where the folder has a module of that name."""
        if path is not None or name in sys.stdlib_module_names:
            return
        self.asked.add(name)
        spec = importlib.machinery.PathFinder.find_spec(name, [self._folder])
        if spec is None or (spec.origin is None and self._is_elsewhere(name)):  # a folder without __init__ comes last
            return
        self.found = self.found or name
        raise ModuleNotFoundError(f"{name} lies beside the notebook", name=name)

    def _is_elsewhere(self, name: str) -> bool:
        others = [entry for entry in sys.path if entry and os.path.abspath(entry) != os.path.abspath(self._folder)]
        return importlib.machinery.PathFinder.find_spec(name, others) is not None


def forget() -> None:
    """Look anew what is installed."""
    _is_installed.cache_clear()
