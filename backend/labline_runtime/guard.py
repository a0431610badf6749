"""After a step: does what the compiler believed hold?

Every value that a later step takes from an artifact stored before this step must still be what the notebook would have.
A step makes such a value *outdated* when it

- alters an input that it was believed to leave as it is (LL210),
- alters an object that another artifact holds too, of which that artifact's copy knows nothing (LL220),
- changes hidden state that it was believed not to touch, or draws from a generator that was seeded above and that it
  was not given (LL221),
- binds a name that it was believed not to bind (LL222).

What is outdated and passes the step on its way to a later one fails it; the rest is told in the result, so that the
result is not used again where it would matter. A step that writes a file that a later one reads without waiting for it
fails too (LL223). A right notebook never fails: content is compared only of values that change only when a program
changes them (:mod:`labline_runtime.values.constancy`), and only changes that were really made count.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from labline_runtime import breaches, hidden_state, sharing, together
from labline_runtime.failure import StepFailure
from labline_runtime.import_draws import draws
from labline_runtime.outcome import FileUse, StepError, kind_of
from labline_runtime.passing import Passing
from labline_runtime.specification import HIDDEN_STATE_PREFIX, Pause, Shared, StepOutput, StepSpecification
from labline_runtime.states import patches, sources
from labline_runtime.transfer import Received
from labline_runtime.values import digest, load
from labline_runtime.values.constancy import is_constant
from labline_runtime.values.digest import DigestError
from labline_runtime.values.hashing import comparable, scheme_like
from labline_runtime.values.parts import ATOMS
from labline_runtime.values.preview import type_name
from labline_runtime.watched import UNCOUNTED, HiddenWatch

_MISSING = object()
OF_IPYTHON = re.compile(r"_+|_(i+|i?\d+|ih|oh|dh)|In|Out|exit|quit|get_ipython")  # bound by the shell, not by the cells


class Guard:
    """Made when the inputs are there and the step's own cells have not run; asked when they have, and at each pause."""

    def __init__(
        self,
        spec: StepSpecification,
        namespace: dict[str, Any],
        received: Sequence[Received],
        notes: Iterable[Shared],
        baseline: hidden_state.Baseline,
        spent: AbstractContextManager[Any] = UNCOUNTED,
    ) -> None:
        """*spent* is around what the guard does while cells run."""
        self._spec = spec
        self._namespace = namespace
        self._baseline = baseline
        unaltered = tuple(name for taken in spec.inputs for name in taken.unaltered)
        self._ends = (*spec.pauses, Pause(-1, spec.passing, unaltered, spec.unawaited, span=spec.span))
        self._passage = Path(spec.passage).read_bytes() if spec.passage else b""
        self._stretch = -1
        self._handed = {name for output in spec.outputs for name in output.names}
        self._received: list[Received] = []
        self.watched: list[sharing.Watched] = []
        self._outdated: set[str] = set()
        self._given: dict[str, set[str | None]] = {}  # what values held when cells in a pause took them
        self._noted: list[Shared] = []  # what values given to cells in a pause share with what is read again below it
        self._retained: dict[str, list[Shared]] = {}  # and what inputs do
        self._spoilt: dict[str, tuple[str, int]] = {}  # files that changed in a stretch that must not write them
        self._hidden: HiddenWatch | None = None
        self._spent = spent
        self.resume(received, notes)

    def resume(self, received: Sequence[Received], notes: Iterable[Shared]) -> None:
        """The next cells are about to run, and *received* has come in for them."""
        self._stretch += 1
        self._end = end = self._ends[self._stretch]
        for known in self.watched:
            known.renew()
        self.watched += together.apart(sharing.watch({value.name: value.value for value in received}, notes))
        self._received += received
        new = {value.name for value in received}
        self._before = {
            value.name: None if value.name in new else _content(value.value)
            for value in self._received
            if value.name in end.unaltered
        }
        self._passing = Passing(end.passing, self._passage, self._spec.step, end.span)
        self._there = frozenset(self._namespace)
        self._bound = {name: self._namespace[name] for name in self._variables() if self._passing.sources(name)}
        self.stop()
        patched = [name for name in self._handed if name.startswith(patches.PATCH) and self._makes(name)]
        self._hidden = HiddenWatch(self._watched_states(), self._namespace, patched, self._spent)
        self._files = {path: _stamp(self._place(path)) for path in end.unawaited}
        self._modules = {name: _data(name) for name in self._kept_elsewhere()}

    def stop(self) -> None:
        """The cells have run, or one has failed: watch no longer what goes on."""
        if self._hidden is not None:
            self._hidden.stop()

    def pause(self) -> None:
        """Cells of other steps stand here. Raises :class:`StepFailure` where they would miss a change."""
        self._check()
        for name in self._end.given:
            if (content := self._now(name)) is not None:
                self._given.setdefault(name, set()).add(content)
        self._note_sharing()

    def check(self) -> tuple[str, ...]:
        """The names that the step made outdated. Raises :class:`StepFailure` where one passes it on its way."""
        self._check()
        for name, contents in self._given.items():
            if contents != {self._now(name)}:
                raise StepFailure(breaches.given(self._spec, name))
        return tuple(sorted(self._outdated))

    def check_types(self, outputs: Iterable[Mapping[str, Any]]) -> None:
        """Raise :class:`StepFailure` for a value that is of another kind than the compiler took it for."""
        for values in outputs:
            for name, value in values.items():
                believed = self._spec.types.get(name)
                if believed is not None and kind_of(type_name(value)) != kind_of(believed):
                    raise StepFailure(breaches.kind(self._spec, name, believed, type_name(value)))

    def shared_by(self, outputs: Sequence[dict[str, Any]]) -> tuple[list[list[Shared]], dict[str, tuple[Shared, ...]]]:
        """What each of *outputs*, the values of one artifact each, has in common with other artifacts.

        And what the values taken in, by the step they came from, have in common with *outputs*.
        """
        found, kept = self._find([self._with_modules(*each) for each in zip(self._spec.outputs, outputs, strict=False)])
        for values, notes in zip(outputs, found, strict=True):
            notes += (note for note in self._noted if note.name in values and note not in notes)
        for source, notes in self._retained.items():
            kept[source] = list(dict.fromkeys((*kept.get(source, ()), *notes)))
        return found, {source: tuple(notes) for source, notes in kept.items()}

    def _with_modules(self, output: StepOutput, values: dict[str, Any]) -> dict[str, Any]:
        """*values* and the data of modules among an output."""
        return {**values, **{name: together.kept(name) for name in filter(together.is_module, output.names)}}

    def _find(self, outputs: Sequence[dict[str, Any]]) -> tuple[list[list[Shared]], dict[str, list[Shared]]]:
        homes: dict[tuple[str, str], dict[str, Any]] = {}
        for value in self._received:
            homes.setdefault((value.source.source, value.source.digest), {})[value.name] = value.value
        found = sharing.find(
            [sharing.Home(self._spec.step, values) for values in outputs],
            [sharing.Home(source, values) for (source, _), values in homes.items()],
            self.watched,
        )
        kept: dict[str, list[Shared]] = {}
        for (source, _), notes in zip(homes, found[len(outputs) :], strict=True):
            if notes:
                kept.setdefault(source, []).extend(notes)
        return found[: len(outputs)], kept

    def check_files(self, uses: Iterable[FileUse]) -> None:
        """Raise :class:`StepFailure` for a file written that another step reads as it was, or as it will be."""
        known = {self._place(path): (path, step, stretch) for path, (step, stretch) in self._spoilt.items()}
        real = {os.path.realpath(place): found for place, found in known.items()}  # who writes may go by a link
        for use in uses if known else ():
            found = known.get(os.path.normpath(use.path)) or real.get(os.path.realpath(use.path))
            if use.mode == "write" and found is not None:
                raise StepFailure(breaches.file(self._spec, *found))

    @property
    def _at(self) -> int:
        """The present stretch as facts tell it."""
        return -1 if self._end is self._ends[-1] else self._stretch

    def _makes(self, name: str) -> bool:
        """Whether the step hands *name* on, and not merely as it is after other cells than the present ones."""
        # What somebody takes from above these cells, they are not seen to make.
        return name in self._handed and not any(self._passing.sources(name))

    def _variables(self) -> list[str]:
        """The names of the notebook's variables there are now; no value is touched."""
        return [name for name in list(self._namespace) if isinstance(name, str) and not OF_IPYTHON.fullmatch(name)]

    def _watched_states(self) -> set[str]:
        """The states that the cells are not known to change. Without the generators where each step has its own."""
        names = {name for name in hidden_state.STATES if not self._makes(name)}
        if not self._passing.sources("@cwd"):  # nobody below uses files
            names.discard("@cwd")
        return names - set(hidden_state.GENERATORS) if self._spec.derive_random else names

    def _place(self, path: str) -> str:
        return os.path.normpath(Path(self._spec.working_directory) / path)

    def _now(self, name: str) -> str | None:
        if name.startswith(HIDDEN_STATE_PREFIX):
            return _state(name, self._baseline) if name in hidden_state.STATES else None
        return _content(self._namespace.get(name))

    def _check(self) -> None:
        for find in (
            self._hidden_changes,
            self._module_changes,
            self._bindings,
            self._alterations,
            self._shared_alterations,
        ):
            for name, error, counts in find():
                if counts:
                    raise StepFailure(error)
                self._outdated.add(name)
        written = {path for path, before in self._files.items() if _stamp(self._place(path)) != before}
        self._spoilt |= {path: (self._end.unawaited[path], self._at) for path in sorted(written)}

    def _note_sharing(self) -> None:
        """What the step will read again, below the pause it is in, may be altered by the cells there."""
        again = {name: self._namespace[name] for name in self._end.again if name in self._namespace}
        if not again:
            return
        given = [
            {
                name: self._namespace[name]
                for name in output.names
                if name in self._end.given and name in self._namespace
            }
            for output in self._spec.outputs
        ]
        found, kept = self._find([*given, again])
        here = self._spec.step
        self._noted += (note for notes in found[:-1] for note in notes if note.source == here and note.other in again)
        for source, notes in kept.items():
            self._retained.setdefault(source, []).extend(note for note in notes if note.other in again)

    # ----------------------------------------------------------------------------------------------- what may be found

    def _hidden_changes(self) -> Iterable[tuple[str, StepError, bool]]:
        for name, differ in self._hidden.changes().items() if self._hidden is not None else ():
            kind = patches.PATCH if name.startswith(patches.PATCH) else name
            passes = bool(self._passing.sources(kind))
            if not passes and name in self._spec.seeded and not draws.has_drawn(name):
                yield name, breaches.drawn(self._spec, name, self._at), True
            yield name, breaches.hidden(self._spec, name, differ, self._at), passes

    def _kept_elsewhere(self) -> list[str]:
        """The modules whose data a later step takes from above these cells, which are believed to leave it alone."""
        names = [f"{patches.MODULE}{name}" for name in sorted(sources.imported())]
        return [name for name in names if self._passing.sources(name) and not self._makes(name)]

    def _module_changes(self) -> Iterable[tuple[str, StepError, bool]]:
        for name, before in self._modules.items():
            now = _data(name)
            known = (
                path for path in before.keys() | now.keys() if None not in (before.get(path, ""), now.get(path, ""))
            )
            if differ := sorted(path for path in known if before.get(path) != now.get(path)):
                yield name, breaches.hidden(self._spec, name, differ, self._at), True

    def _bindings(self) -> Iterable[tuple[str, StepError, bool]]:
        for name in self._variables():
            passes = name in self._bound if name in self._there else bool(self._passing.sources(name))
            if passes and self._namespace.get(name) is not self._bound.get(name, _MISSING) and not self._makes(name):
                yield name, breaches.bound(self._spec, name, self._at), True

    def _alterations(self) -> Iterable[tuple[str, StepError, bool]]:
        for value in self._received:
            if value.name not in self._before:
                continue
            before = self._before[value.name]
            if _altered(value) if before is None else _content(value.value) not in (before, None):
                yield value.name, breaches.altered(self._spec, value.name, self._at), True

    def _shared_alterations(self) -> Iterable[tuple[str, StepError, bool]]:
        taken = {(each.source, name) for each in self._spec.inputs for name in each.names}
        for known in self.watched:
            note = known.shared
            if is_constant(known.part.value) and known.altered():
                live = (note.source, note.other) in taken or note.source in self._passing.sources(note.other)
                yield note.other, breaches.shared(self._spec, note, self._at), live


def _stamp(path: str) -> tuple[int, int, int] | None:
    """What tells whether a file was written; None where there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


_OF_CACHES = re.compile("cache|memo", re.IGNORECASE)


def _data(name: str) -> dict[str, str | None]:
    """A digest of each of the data of the module that *name* stands for; None where that may change by itself."""
    held = patches.present_data(name.removeprefix(patches.MODULE))
    return {path: _content(value) for path, value in held.items() if not _OF_CACHES.search(path)}


def _state(name: str, baseline: hidden_state.Baseline) -> str | None:
    try:
        value = hidden_state.capture(name, baseline)
        return None if value is None else digest(value)
    except DigestError:
        return None


def _content(value: Any) -> str | None:
    """A digest of what *value* holds; None where that may change without a program's doing."""
    try:
        return digest(value, caches=False) if is_constant(value) else None
    except DigestError:
        return None


def _altered(value: Received) -> bool:
    if not value.digest or type(value.value) in ATOMS or not is_constant(value.value):
        return False
    try:
        scheme = scheme_like(value.digest)
        if (now := digest(value.value, scheme=scheme)) == value.digest:
            return False
        # What does not even survive being stored, or only filled a cache, has not been altered.
        values, _ = load(value.source.path, value.source.digest)
        fresh = values[value.name]
        if comparable(now, value.digest) and digest(fresh, scheme=scheme) != value.digest:
            return False
        return digest(value.value, caches=False) != digest(fresh, caches=False)
    except (DigestError, OSError, KeyError):
        return False
