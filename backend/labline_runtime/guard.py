"""After a step: does what the compiler believed hold?

Every value that a later step takes from an artifact stored before this step must still be what the notebook would have.
A step makes such a value *outdated* when it

- alters an input that it was believed to leave as it is (LL210),
- alters an object that another artifact holds too, of which that artifact's copy knows nothing (LL220),
- changes hidden state that it was believed not to touch (LL221),
- binds a name that it was believed not to bind (LL222).

What is outdated and passes the step on its way to a later one fails it; the rest is told in the result, so that the
result is not used again where it would matter. A step that writes a file that a later one reads without waiting for it
fails too (LL223). A right notebook never fails: content is compared only of values that change only when a program
changes them (:mod:`labline_runtime.values.constancy`), and only changes that were really made count.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from labline_runtime import hidden_state, sharing
from labline_runtime.failure import StepFailure
from labline_runtime.specification import (
    HIDDEN_STATE_PREFIX,
    FileUse,
    Observation,
    Shared,
    StepError,
    StepSpecification,
)
from labline_runtime.transfer import Received
from labline_runtime.values import digest, load
from labline_runtime.values.constancy import is_constant
from labline_runtime.values.digest import DigestError
from labline_runtime.values.parts import ATOMS

_MISSING = object()
_OF_IPYTHON = re.compile(
    r"_+|_(i+|i?\d+|ih|oh|dh)|In|Out|exit|quit|get_ipython"
)  # bound by the shell, not by the cells


class Guard:
    """Made when the inputs are there and the step's own cells have not run; asked when they have."""

    def __init__(
        self,
        spec: StepSpecification,
        namespace: dict[str, Any],
        received: Sequence[Received],
        notes: Iterable[Shared],
        baseline: hidden_state.Baseline,
    ) -> None:
        self._spec = spec
        self._namespace = namespace
        self._received = received
        self._baseline = baseline
        self._began = time.time() - 0.01  # file systems have a coarser clock
        self._passing = {name for names in spec.passing.values() for name in names}
        self._given = {name for output in spec.outputs for name in output.names}
        self.watched = sharing.watch({value.name: value.value for value in received}, notes)
        self._bound = {name: namespace.get(name, _MISSING) for name in self._passing if not _OF_IPYTHON.fullmatch(name)}
        self._hidden = {
            name: _state(name, baseline)
            for name in hidden_state.STATES
            if name not in self._given
            and (name in self._passing or name in hidden_state.GENERATORS)
            and not (spec.derive_random and name in hidden_state.GENERATORS)  # then each step has its own
        }

    def check(self) -> tuple[str, ...]:
        """The names that the step made outdated. Raises :class:`StepFailure` where one passes it on its way."""
        outdated: dict[str, StepError] = {}
        for find in (self._hidden_changes, self._bindings, self._alterations, self._shared_alterations):
            for name, error, counts in find():
                if counts:
                    raise StepFailure(error)
                outdated.setdefault(name, error)
        return tuple(sorted(outdated))

    def shared_by(self, outputs: Sequence[dict[str, Any]]) -> tuple[list[list[Shared]], dict[str, tuple[Shared, ...]]]:
        """What each of *outputs*, the values of one artifact each, has in common with other artifacts.

        And what the values taken in, by the step they came from, have in common with *outputs*.
        """
        homes: dict[tuple[str, str], dict[str, Any]] = {}
        for value in self._received:
            homes.setdefault((value.source.source, value.source.digest), {})[value.name] = value.value
        found = sharing.find(
            [sharing.Home(self._spec.step, values) for values in outputs],
            [sharing.Home(source, values) for (source, _), values in homes.items()],
            self.watched,
        )
        kept: dict[str, tuple[Shared, ...]] = {}
        for (source, _), notes in zip(homes, found[len(outputs) :], strict=True):
            if notes:
                kept[source] = (*kept.get(source, ()), *notes)
        return found[: len(outputs)], kept

    def check_files(self, uses: Iterable[FileUse]) -> None:
        """Raise :class:`StepFailure` for a file written that a later step reads without waiting for this one."""
        folder = self._spec.working_directory
        read = {os.path.normpath(Path(folder) / path): (path, step) for path, step in self._spec.unawaited.items()}
        for use in uses:
            known = read.get(os.path.normpath(use.path))
            if use.mode == "write" and known is not None and _is_after(use.path, self._began):
                raise StepFailure(_file_error(self._spec, *known))

    # ----------------------------------------------------------------------------------------------- what may be found

    def _hidden_changes(self) -> Iterable[tuple[str, StepError, bool]]:
        for name, before in self._hidden.items():
            if name == "@random" and "mlflow" in sys.modules:
                continue  # MLflow draws the names of its runs from it, also of those that only the pipeline has
            if before is not None and _state(name, self._baseline) not in (before, None):
                yield name, _hidden_error(self._spec, name), name in self._passing

    def _bindings(self) -> Iterable[tuple[str, StepError, bool]]:
        for name, before in self._bound.items():
            now = self._namespace.get(name, _MISSING)
            if now is not before and now is not _MISSING and name not in self._given:
                yield name, _bound_error(self._spec, name), True

    def _alterations(self) -> Iterable[tuple[str, StepError, bool]]:
        for value in self._received:
            if value.name in value.source.unaltered and _altered(value):
                yield value.name, _altered_error(self._spec, value), True

    def _shared_alterations(self) -> Iterable[tuple[str, StepError, bool]]:
        live = {(source, name) for source, names in self._spec.passing.items() for name in names}
        live |= {(taken.source, name) for taken in self._spec.inputs for name in taken.names}
        for known in self.watched:
            note = known.shared
            if is_constant(known.part.value) and known.altered():
                yield note.other, _shared_error(self._spec, note), (note.source, note.other) in live


def _is_after(path: str, moment: float) -> bool:
    try:
        return Path(path).stat().st_mtime >= moment
    except OSError:
        return False


def _state(name: str, baseline: hidden_state.Baseline) -> str | None:
    try:
        value = hidden_state.capture(name, baseline)
        return None if value is None else digest(value)
    except DigestError:
        return None


def _altered(value: Received) -> bool:
    if not value.digest or type(value.value) in ATOMS or not is_constant(value.value):
        return False
    try:
        if digest(value.value) == value.digest:
            return False
        # What does not even survive being stored, or only filled a cache, has not been altered.
        values, _ = load(value.source.path, value.source.digest)
        fresh = values[value.name]
        return digest(fresh) == value.digest and digest(value.value, caches=False) != digest(fresh, caches=False)
    except (DigestError, OSError, KeyError):
        return False


def _altered_error(spec: StepSpecification, value: Received) -> StepError:
    return StepError(
        message=f"Step {spec.step} altered {value.name}, which it was believed only to read: "
        "later steps would miss the change.",
        code="LL210",
        variable=value.name,
        hint=f"Work on a copy in step {spec.step}, or assign {value.name} in it ({value.name} = {value.name}), "
        "so that the altered value is handed on.",
        observed=(Observation(spec.step, "alters", (value.name,)),),
    )


def _shared_error(spec: StepSpecification, note: Shared) -> StepError:
    what = "looks at the same memory as" if note.memory else "is the same object as"
    return StepError(
        message=f"Step {spec.step} altered {note.path}, which in the notebook {what} {note.other_path} "
        f"from step {note.source}; the two were believed apart, so {note.other} would miss the change.",
        code="LL220",
        variable=note.name,
        culprit=note.path,
        hint=f"Where the sharing is not meant, make a copy (copy.deepcopy) of {note.name} or {note.other} in the step "
        f"that makes it. Where it is, alter {note.path} in step {note.source}, or tag the cells from there to here as "
        "one step.",
        observed=(
            Observation(note.source, "shares", (note.name, note.other)),
            Observation(spec.step, "alters", (note.name,)),
        ),
    )


def _hidden_error(spec: StepSpecification, name: str) -> StepError:
    what = name.removeprefix(HIDDEN_STATE_PREFIX)
    return StepError(
        message=f"Step {spec.step} changed {what}, which it was believed not to touch: "
        "later steps would go on from its earlier state.",
        code="LL221",
        variable=name,
        hint=hidden_state.GENERATORS.get(name, f"Change {what} in plain code in a cell of step {spec.step}."),
        observed=(Observation(spec.step, "changes", (name,)),),
    )


def _bound_error(spec: StepSpecification, name: str) -> StepError:
    return StepError(
        message=f"Step {spec.step} bound {name} in a way that cannot be seen in its code: "
        "later steps would take its earlier value.",
        code="LL222",
        variable=name,
        hint=f"Assign {name} in plain code in a cell of step {spec.step}, if only as {name} = {name}.",
        observed=(Observation(spec.step, "binds", (name,)),),
    )


def _file_error(spec: StepSpecification, path: str, reader: str) -> StepError:
    return StepError(
        message=f"Step {spec.step} wrote {path}, which step {reader} reads without waiting for it: "
        "nobody knows which of the two comes first.",
        code="LL223",
        variable=path,
        hint=f"Tag a cell of step {reader} with prev:{spec.step}.",
        observed=(Observation(spec.step, "writes", (path,)),),
    )
