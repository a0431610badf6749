"""Modules that draw random numbers while they are imported, and where the notebook has done so already.

Some libraries draw from the generators that everybody uses when they are imported for the first time: ``rich`` does,
and so does all that imports it. In the notebook's process that happens once, where the module is first imported. A step
may import it again, to load a value or because its code says so: then the generators are put back to where they were.
Which modules have drawn by then travels beside a generator's state.

Of what cells in other steps import, which a step need not have taken anything from, an interpreter of its own tells
whether the module is among it. It is asked only when one has drawn that nobody knows of.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from labline_runtime.import_machinery import Imports
from labline_runtime.library import is_library
from labline_runtime.states import generators

GENERATORS = {
    "@random": (generators.python_now, generators.python_back),
    "@numpy.random": (generators.numpy_now, generators.numpy_back),
}
"""By the name of the hidden state: what says where a generator stands, and what puts it there again."""

PATIENCE = 120.0  # seconds for the imports of all cells above

_ASKED = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException:
        pass
sys.__stdout__.write(chr(10).join(sys.modules))
"""


class _Thread(threading.local):
    """What one thread imports, from the outside in, and where the generators stood when that was looked at last."""

    def __init__(self) -> None:
        self.importing: list[str] = []
        self.stood: dict[str, Any] = {}
        self.mark: Any = None


class ImportDraws(Imports):
    """Follows the imports of this process."""

    def __init__(self) -> None:
        super().__init__(self._module_begins, self._module_ends)
        self._begin_anew({})

    def _begin_anew(self, imported: Mapping[str, int]) -> None:
        self._thread = _Thread()
        self._above: dict[str, set[str]] = {}  # by generator: the modules that have drawn above this step
        self._here: dict[str, set[str]] = {}  # and those that have, or would have, in this process
        self._quiet = 0
        self._imported = dict(imported)
        self._done: list[str] = []  # of these, what the notebook has imported by now
        self._unasked: list[str] = []  # and what of it no other interpreter was asked about

    def follow(self, imported: Mapping[str, int]) -> None:
        """Begin to follow. *imported* is what cells of other steps import, by the first of these cells."""
        self._begin_anew(imported)
        self.start()

    def go_to(self, cell: int) -> None:
        """What stands above the *cell*, by its place in the notebook, has been imported."""
        done = [name for name, place in self._imported.items() if place < cell]
        for name in done:
            del self._imported[name]
        self._done += done
        self._unasked += done

    def drawn(self, states: Iterable[str]) -> dict[str, list[str]]:
        """By generator, among *states*: the modules that have drawn from it in the notebook by now.

        Without those whose import has failed, or that somebody has taken away: they draw whenever they are imported.
        """
        found = {}
        for state in states:
            here = self._here.get(state, set())
            gone = here.difference(sys.modules)
            if modules := (self._above.get(state, set()) | here) - gone:
                found[state] = sorted(modules)
        return found

    def has_drawn(self, state: str) -> bool:
        """Whether a module has drawn from the generator when it was imported in this process."""
        return bool(self._here.get(state))

    def learn(self, drawn: Mapping[str, Iterable[str]]) -> None:
        """Take over what :meth:`drawn` told in a step above."""
        for state, modules in drawn.items():
            self._above.setdefault(state, set()).update(modules)

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """While inside, modules are imported that the notebook has imported above, or has not at all."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    def _module_begins(self, name: str) -> bool:
        here = self._thread
        if here.importing:
            self._look(here)
        else:
            here.stood, here.mark = stand(), generators.mark()
        here.importing.append(name)
        return True

    def _module_ends(self) -> None:
        self._look(self._thread)
        self._thread.importing.pop()

    def _look(self, here: _Thread) -> None:
        """Has the innermost module that is being imported drawn since the last look?"""
        if here.mark is not None and here.mark == generators.mark():
            return
        stood, now = here.stood, stand()
        here.stood = now
        for state, before in stood.items():
            if now.get(state) == before:
                continue
            name = here.importing[-1]
            if self._is_done(state, name):
                GENERATORS[state][1](before)
                now[state] = before
            self._here.setdefault(state, set()).add(name)
        here.mark = generators.mark()

    def _is_done(self, state: str, name: str) -> bool:
        """Whether the notebook has imported *name* above, so that it has drawn there."""
        if self._quiet:
            return True
        if name in self._here.get(state, ()):  # somebody has taken it out of sys.modules
            return False
        if name in self._above.get(state, ()):
            return True
        if any(f"{done}.".startswith(f"{each}.") for each in self._thread.importing for done in self._done):
            return True
        if self._unasked:
            names, self._unasked = self._unasked, []
            brought = _brought_by(names)
            self.learn(dict.fromkeys(GENERATORS, brought))
        return name in self._above.get(state, ())


def stand() -> dict[str, Any]:
    """Where the generators stand."""
    found = {}
    for state, (now, _) in GENERATORS.items():
        with contextlib.suppress(Exception):  # a library that is not there, or half imported
            found[state] = now()
    return found


def _brought_by(names: Iterable[str]) -> list[str]:
    """All modules that there are in an interpreter of its own when the libraries among *names* were imported."""
    try:
        told = subprocess.run(
            [sys.executable, "-c", f"import sys\nsys.path[:] = {sys.path!r}\n{_ASKED}", *filter(is_library, names)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return os.fsdecode(told.stdout).splitlines()


draws = ImportDraws()
"""Of this process: a step has one of its own."""
