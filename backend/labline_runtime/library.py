# ruff: noqa: PTH100, PTH120 - as in files.py, paths are texts here
"""What belongs to the interpreter and the libraries installed for it, and what to the notebook."""

from __future__ import annotations

import functools
import importlib.machinery
import os
import site
import sys
import sysconfig
from typing import Any


def folder(path: str) -> str:
    """*path* as a folder, so that what lies in it begins with it."""
    return os.path.abspath(path).rstrip(os.sep) + os.sep


@functools.cache
def folders() -> tuple[str, ...]:
    """Where the interpreter, its libraries and this runtime lie."""
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), *site.getsitepackages()}
    found.update((os.path.dirname(os.path.dirname(__file__)), site.getusersitepackages(), "/proc", "/sys", "/dev"))
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


def shadow(folder: str) -> str | None:
    """What lies in *folder* that would be imported in the place of an installed module; None where nothing does.

    A module that was imported already is there, and Python's own come before the folder. That is the process's own.
    """
    suffixes = importlib.machinery.all_suffixes()
    elsewhere = [entry for entry in sys.path if entry and os.path.abspath(entry) != os.path.abspath(folder)]
    for entry in sorted(beside(folder)):
        name = entry.partition(".")[0]
        if name in sys.modules or name in sys.stdlib_module_names or not name.isidentifier():
            continue
        path = os.path.join(folder, entry)  # noqa: PTH118
        is_package = entry == name and os.path.isdir(path)  # noqa: PTH112
        if not is_package and entry.removeprefix(name) not in suffixes:
            continue
        installed = importlib.machinery.PathFinder.find_spec(name, elsewhere)
        # A folder without __init__ comes after all else that has the name.
        if installed is not None and (not is_package or installed.origin is None or _is_regular(path)):
            return entry
    return None


def _is_regular(package: str) -> bool:
    return any(entry.partition(".")[0] == "__init__" for entry in beside(package))


def forget() -> None:
    """Look anew what is installed."""
    _is_installed.cache_clear()
