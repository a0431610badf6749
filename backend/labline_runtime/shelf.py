"""Libraries that were imported ahead, kept out of sight until the step imports them itself.

A step forked from a parent that has pandas must see what it would see without: no pandas in ``sys.modules``, none of
the variables, filters of warnings and finders that importing it adds. All that one import statement has brought is put
back when the step first asks for one of its modules, together with what the statements before it have brought.

Modules of the standard library stay in sight: whether one was imported already changes nothing.

What libraries import only when they are used for the first time lies here, too, each module by itself: it can be had
once all that the statements bring is in force.

What the runtime itself takes to track a step lies aside, and is put back by :func:`take_aside`. A step that imports
some of it itself finds it here, too, with what lies before it: not every module can be made twice in a process.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from labline_runtime.dataclass import dataclass

_machinery: Any = importlib._bootstrap
# Under the machinery's own file name the frame is left out of the traceback of a failed import, as its are.
_SERVED = compile(
    """
def _find_and_load(name, import_):
    if take(name):
        return modules[name]
    return load(name, import_)
""",
    "<frozen importlib._bootstrap>",
    "exec",
)


MISSING = object()
"""Stands for no value."""


@dataclass(frozen=True)
class Change:
    """Another value, or none, under a name in a module or class."""

    holder: Any
    name: str
    before: Any
    now: Any

    def do(self) -> None:
        """Have what is there now."""
        self._put(self.now)

    def undo(self) -> None:
        """Have what was there before."""
        self._put(self.before)

    def _put(self, value: Any) -> None:
        if value is not MISSING:
            setattr(self.holder, self.name, value)
        elif self.name in vars(self.holder):
            delattr(self.holder, self.name)


@dataclass(frozen=True)
class Brought:
    """What one import statement has brought.

    ``variables`` are those of the environment (None: taken away); ``front`` and ``back`` are filters of warnings that
    come before and after those that were there; ``finders`` are added to the end of ``sys.meta_path``; ``changes`` are
    what it has put into modules and classes that were there before.
    """

    modules: Mapping[str, types.ModuleType]
    variables: Mapping[str, str | None] = field(default_factory=dict)
    front: Sequence[Any] = ()
    back: Sequence[Any] = ()
    finders: Sequence[Any] = ()
    changes: Sequence[Change] = ()

    def put_back(self) -> None:
        """Have it all in force."""
        sys.modules.update(self.modules)
        for name, value in self.variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        set_filters(added(warnings.filters, self.front, self.back))
        sys.meta_path.extend(self.finders)
        for change in self.changes:
            change.do()

    def hide(self) -> None:
        """Have none of it there that anybody could find; filters and variables are for the caller to put back."""
        for name in self.modules:
            sys.modules.pop(name, None)
        for finder in self.finders:
            sys.meta_path.remove(finder)
        for change in reversed(self.changes):
            change.undo()

    def bind(self) -> None:
        """Have the modules be attributes of their packages, as importing them does."""
        for package, name, module in self._bindings():
            setattr(package, name, module)

    def unbind(self) -> None:
        """Have the modules be no attributes of their packages."""
        for package, name, module in self._bindings():
            if getattr(package, name, None) is module:
                delattr(package, name)

    def take_away(self) -> None:
        """Have the modules be neither there nor attributes of their packages."""
        self.unbind()
        for full in self.modules:
            sys.modules.pop(full, None)

    def _bindings(self) -> Iterator[tuple[types.ModuleType, str, types.ModuleType]]:
        for full, module in self.modules.items():
            package, _, name = full.rpartition(".")
            if package and package not in self.modules and package in sys.modules:
                yield sys.modules[package], name, module


class Shelf:
    """What was imported ahead, statement by statement."""

    def __init__(self, kept: Sequence[Brought], later: Sequence[Brought] = (), aside: Sequence[Brought] = ()) -> None:
        """Take *kept*, which is in force, out of sight; filters and variables are for the caller to put back.

        So is *later*, which are modules alone: what the libraries import when they are used; and so is what lies
        *aside*, which rests on both.
        """
        self.kept = tuple(kept)
        self.later = tuple(later)
        self.aside = tuple(aside)
        self._aside = list(aside)
        for brought in reversed(self.aside):
            brought.unbind()
            brought.hide()
        self._places: dict[str, int] = {}
        self._next = 0
        self._later: dict[str, list[Brought]] = {}  # by the library
        for brought in later:
            brought.take_away()
            self._later.setdefault(next(iter(brought.modules)).partition(".")[0], []).append(brought)
        for place, brought in enumerate(self.kept):
            self._places.update(dict.fromkeys(brought.modules, place))
        for brought in reversed(self.kept):
            brought.hide()

    def names(self) -> set[str]:
        """The packages that have modules here."""
        return {name.partition(".")[0] for name in (*self._places, *(n for each in self.aside for n in each.modules))}

    def module(self, name: str) -> types.ModuleType | None:
        """One of the modules that a statement has brought, which stays out of sight."""
        place = self._places.get(name)
        return None if place is None else self.kept[place].modules[name]

    def serve(self) -> None:
        """From now on whoever imports one of the modules finds it here."""
        global _serving
        if not self._places:
            return
        _serving = self
        self._plain = _machinery._find_and_load
        names = {"take": self._has, "load": self._plain, "modules": sys.modules}
        exec(_SERVED, names)  # noqa: S102 - written above
        self._serving = _machinery._find_and_load = names["_find_and_load"]

    def _has(self, name: str) -> bool:
        place = self._places.get(name)
        if place is None or place < self._next:
            return self._has_later(name) or self._has_aside(name)
        self._take(place)
        return True

    def has_later(self, name: str) -> bool:
        """Whether *name* is here and brings modules alone."""
        library = name.partition(".")[0]
        waiting = self._later.get(library, ())
        if not self._is_taken() or not any(name in brought.modules for brought in waiting):
            return False
        if all(sys.modules.keys().isdisjoint(brought.modules) for brought in waiting):
            return True
        del self._later[library]  # somebody has made some of it anew meanwhile
        return False

    def _is_taken(self) -> bool:
        """Whether all that the statements have brought is in force."""
        return self._next > max(self._places.values())

    def _has_later(self, name: str) -> bool:
        """Put *name* back, with what lay here before it of the same library: it may rest on that."""
        if not self.has_later(name):
            return False
        waiting = self._later[name.partition(".")[0]]
        while name not in sys.modules:
            brought = waiting.pop(0)
            sys.modules.update(brought.modules)
            brought.bind()
        return True

    def take_aside(self) -> None:
        """Put back all that lies aside."""
        if names := [name for brought in self._aside for name in brought.modules]:
            self._has_aside(names[-1])

    def _has_aside(self, name: str) -> bool:
        """Put *name* back, with what lies aside before it, and all that this may rest on."""
        if not any(name in brought.modules for brought in self._aside):
            return False
        self._take(max(self._places.values()))
        for last in self._last_names():
            self._has_later(last)
        while name not in sys.modules:
            brought = self._aside.pop(0)
            brought.put_back()
            brought.bind()
        return True

    def _last_names(self) -> list[str]:
        """Of each library that has modules waiting, one that comes with the last of them."""
        return [next(iter(waiting[-1].modules)) for waiting in self._later.values() if waiting]

    def _take(self, last: int) -> None:
        while self._next <= last:
            self._next += 1
            self.kept[self._next - 1].put_back()
        if (
            self._next == len(self.kept)
            and not self._later
            and not self._aside
            and _machinery._find_and_load is getattr(self, "_serving", None)
        ):
            _machinery._find_and_load = self._plain


_serving: Shelf | None = None


def brings_modules_alone(name: str) -> bool:
    """Whether importing *name* now changes nothing but which modules there are."""
    return _serving is not None and _serving.has_later(name)


def module(name: str) -> types.ModuleType | None:
    """What the notebook's own statements find here as *name*; None where there is none, or it was taken."""
    return _serving.module(name) if _serving is not None and name not in sys.modules else None


def take_aside() -> None:
    """Have the modules that lie aside in force. Nothing where none do."""
    if _serving is not None:
        _serving.take_aside()


def added(filters: Sequence[Any], front: Sequence[Any], back: Sequence[Any]) -> list[Any]:
    """*filters* with others before and after them, none twice, as ``warnings`` adds them."""
    rest = [each for each in filters if each not in front]
    return [*front, *rest, *(each for each in back if each not in rest and each not in front)]


def set_filters(filters: Sequence[Any]) -> None:
    """Make *filters* those of warnings."""
    if list(warnings.filters) != list(filters):
        warnings.resetwarnings()
        warnings.filters.extend(filters)  # type: ignore[attr-defined]
