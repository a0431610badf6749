"""Modules that are imported for one function which a worker may never call: they come when they are first asked for.

scikit-learn imports all of ``scipy.stats`` to rank values and to tell the most frequent one, and SciPy looks through
all of NumPy, its reader of Fortran included: 25 MB in every worker, and a quarter of what it takes to start.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import operator
import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

NAMES = frozenset({"scipy.stats", "scipy.integrate", "scipy.interpolate", "numpy.f2py"})
FOR = "sklearn."
"""Whose modules are content with names that stand for what is in a module. All others get the module."""


@functools.cache
def put_off() -> None:
    """Import the modules :data:`NAMES`, where they have not been yet, only when something is asked of them."""
    sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for each module, once: what is looked for again is to be had."""

    def __init__(self) -> None:
        self._left = set(NAMES - sys.modules.keys())

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Where it is to be put off, or came with its package when that was asked for its place: from here."""
        if name in self._left:
            self._left.discard(name)
        elif name.rpartition(".")[0] not in NAMES or name not in sys.modules:
            return None
        return importlib.machinery.ModuleSpec(name, self, loader_state=sys.modules.get(name))

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """An empty one will do."""

    def exec_module(self, module: ModuleType) -> None:
        """Have it be a stand-in, or the one that is there take its place."""
        there = module.__spec__.loader_state if module.__spec__ else None
        if there is None:
            module.__class__ = _StandIn
        else:
            sys.modules[module.__name__] = there


class _StandIn(ModuleType):
    """In the place of a module until something is asked of it, and then a way to it."""

    def __getattr__(self, name: str) -> Any:
        asks = sys._getframe(1)
        if asks.f_code.co_name == "<module>" and _is_for(asks.f_globals) and self._waits():
            if name == "__path__":  # asked before a name is, and not in vain where there is one
                raise AttributeError(name)
            return _Name(self.__name__, name)  # from ... import ...
        return getattr(self._real(), name)

    def __setattr__(self, name: str, value: Any) -> None:  # as libraries do that put back what a release left out
        setattr(self._real(), name, value)

    def __dir__(self) -> list[str]:
        return dir(self._real())

    def _waits(self) -> bool:
        return sys.modules.get(self.__name__) is self

    def _real(self) -> ModuleType:
        with _making_way:  # for else one thread would remove the module that another has begun to import
            if self._waits():
                del sys.modules[self.__name__]
        return importlib.import_module(self.__name__)


_making_way = threading.Lock()


def _is_for(names: dict[str, Any]) -> bool:
    return str(names.get("__name__")).startswith(FOR)  # what is executed may have no name


class _Name:
    """In the place of what a module has by that name."""

    def __init__(self, module: str, name: str) -> None:
        self._found = module, name

    def _real(self) -> Any:
        module, name = self._found
        return getattr(importlib.import_module(module), name)

    def __call__(self, *positional: Any, **named: Any) -> Any:
        return self._real()(*positional, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __instancecheck__(self, given: Any) -> bool:
        return isinstance(given, self._real())

    def __reduce__(self) -> tuple[Any, ...]:  # a copy is the real one
        return operator.itemgetter(0), ((self._real(),),)
