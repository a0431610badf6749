"""Hidden state that a step is believed not to change: did it?

What a library sets while it is being imported is no change: whoever needs the library imports it, and finds it set.
What it draws is one: the numbers that follow are others.
Environment variables and filters of warnings count only where the notebook's own code set them: libraries set theirs
when they are used, and threads that each ignore some warnings for a while may leave that behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from labline_runtime import files, import_draws
from labline_runtime.imports import LibraryImports
from labline_runtime.states import filters, parts, patches
from labline_runtime.states.looks import look
from labline_runtime.tracking import RUN_ID

UNCOUNTED: AbstractContextManager[Any] = nullcontext()


class HiddenWatch:
    """Made when a step's own cells have not run; :meth:`changes` asked when they have."""

    def __init__(
        self,
        names: Iterable[str],
        namespace: Mapping[str, Any],
        known: Iterable[str] = (),
        spent: AbstractContextManager[Any] = UNCOUNTED,
    ) -> None:
        """Watch the states called *names*, and what is put into libraries other than at the paths *known*.

        What is done while cells run is done inside *spent*, which may be entered again inside itself.
        """
        names = set(names)
        self._known = frozenset(known)
        self._patches = patches.Patches(namespace)
        self._expected = {name: look(name) for name in parts.TABLE if name in names}
        self._spent = spent
        self._imports = LibraryImports(self._importing, self._imported)
        self._imports.start()
        files.forget_variables()
        filters.watch()
        filters.forget()

    def stop(self) -> None:
        """The cells have run: watch no longer what goes on."""
        self._imports.stop()

    def changes(self) -> dict[str, list[str]]:
        """The states that were changed, with the names of the parts in which they were; "" where there is only one."""
        now = self._look()
        found = {}
        for name, expected in self._expected.items():
            state = now[name]
            if expected is None or state is None:
                continue
            differ = parts.changed(expected, state)
            if name == "@environ":
                mine = files.variables_set()
                differ = [each for each in map(parts.variable, differ) if mine is None or each in mine]
                differ = [each for each in differ if each != RUN_ID]  # each step is given its own, and MLflow takes it
            if name == "@warnings":
                differ = [
                    each for each in (filters.in_words(*filter_) for filter_ in differ) if each in filters.added()
                ]
            if differ:
                found[name] = differ
        found |= {path: [""] for path in self._patches.new(self._known)}
        return found

    def _look(self) -> dict[str, parts.Parts | None]:
        return {name: look(name) for name in self._expected}

    def _importing(self) -> dict[str, parts.Parts | None]:
        with self._spent:
            return self._look()

    def _imported(self, before: dict[str, parts.Parts | None]) -> None:
        """A library was imported: what it set is as expected."""
        with self._spent:
            for name, state in self._look().items():
                expected, earlier = self._expected[name], before[name]
                if name in import_draws.GENERATORS and expected is not None:
                    continue  # what was drawn here, and not in a cell above, is drawn by the notebook
                if expected is None or earlier is None:
                    self._expected[name] = state
                elif state is not None and (set_by_it := parts.changed(earlier, state)):
                    kept = {part: value for part, value in expected.items() if part not in set_by_it}
                    self._expected[name] = kept | {part: state[part] for part in set_by_it if part in state}
