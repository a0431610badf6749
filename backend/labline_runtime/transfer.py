"""Values come in from artifacts and go out into artifacts."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labline_runtime import hidden_state, results, setups, together
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_plain
from labline_runtime.failure import StepFailure
from labline_runtime.import_draws import draws
from labline_runtime.outcome import ArtifactRecord, Preview, StepError, ValueRecord
from labline_runtime.specification import (
    HIDDEN_STATE_PREFIX,
    Pause,
    Setup,
    Shared,
    StepInput,
    StepOutput,
    StepSpecification,
)
from labline_runtime.states import patches
from labline_runtime.values import (
    DamagedArtifactError,
    UncheckableArtifactError,
    classes,
    identify,
    load,
    memory,
    store,
)
from labline_runtime.values import shown as look_at
from labline_runtime.values.culprit import find_culprit
from labline_runtime.values.hashed import Written
from labline_runtime.values.reach import Reach
from labline_runtime.values.writing import pickled_size


@dataclass(frozen=True)
class Received:
    """A value that came in, as it was stored."""

    name: str
    value: Any
    source: StepInput
    digest: str
    size: int


UNSHOWN = Preview("not shown")
SHARED = HIDDEN_STATE_PREFIX + "shared"  # among an artifact's facts, beside those of its names
DRAWN = HIDDEN_STATE_PREFIX + "drawn"  # likewise: the modules that have drawn from its generators on import


class Inbox:
    """The inputs of a step: most come in before its cells, others where the notebook makes them between its cells."""

    def __init__(
        self,
        spec: StepSpecification,
        namespace: dict[str, Any],
        baseline: hidden_state.Baseline,
        *,
        lenient: bool = False,
    ) -> None:
        self.missing: list[StepError] = []  # where *lenient*: what could not be set up again
        self._lenient = lenient
        self._spec = spec
        self._namespace = namespace
        self._baseline = baseline
        self._owned = memory.is_seen(cell.source for cell in spec.cells)
        self._together: dict[str, dict[str, Any]] = {}  # by step: variables that came with the data of modules
        self._loaded: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}  # artifacts of which there is more to come

    def open(self) -> tuple[list[Received], list[Shared]]:
        """Take all that is there before the step's first cell: bind the variables, set up the process as steps above
        have, restore the hidden state.

        Returns the variables' values, and what is noted of the objects they share with other artifacts.
        """
        late = {name for pause in self._spec.pauses for name in pause.takes}
        received, notes = self._take(
            {name for taken in self._spec.inputs for name in taken.names} - late, self._spec.setups
        )
        if self._spec.derive_random:
            hidden_state.derive(self._spec.step)
        return received, [*self._spec.kept, *notes]

    def resume(self, pause: Pause) -> tuple[list[Received], list[Shared]]:
        """Take what the cells in *pause* have made."""
        received, notes = self._take(set(pause.takes))
        if self._spec.derive_random and not hidden_state.GENERATORS.keys().isdisjoint(pause.takes):
            hidden_state.derive(self._spec.step)
        return received, notes

    def _take(self, wanted: set[str], again: Sequence[Setup] = ()) -> tuple[list[Received], list[Shared]]:
        with draws.undone():
            received, notes, states, sources = self._come(wanted)
            classes.settle()
            results.put_back({value.name: value.value for value in received})
            # Before the states: what these were set to since, and where generators stand by now, counts.
            self.missing += (failed := setups.repeat(again))
        if failed and not self._lenient:
            raise StepFailure(failed[0])
        variables = [value for values in self._together.values() for value in values.values()]
        hidden_state.restore_all(states, self._baseline, Reach(variables).ids if variables else ())
        for name, source in sources.items():
            received.append(Received(name, together.taken(states[name]), source, "", 0))
        return received, notes

    def _come(self, wanted: set[str]) -> tuple[list[Received], list[Shared], dict[str, Any], dict[str, StepInput]]:
        """The variables' values, which are bound, what is noted of them, and hidden state that is to be restored.

        Last, where the data of modules came from.
        """
        sources: dict[str, StepInput] = {}
        received: list[Received] = []
        notes: list[Shared] = []
        states: dict[str, Any] = {}
        for source, names, values, facts in self._in_turn(wanted):
            if len(names) < len(source.names):
                self._loaded[source.path] = values, facts
            draws.learn({state: names for state, names in facts.get(DRAWN, {}).items() if state in wanted})
            notes += (from_plain(Shared, note) for note in facts.get(SHARED, ()) if note["name"] in names)
            for name in names:
                if name not in values:
                    continue  # bound in one branch only, and not in the one that ran
                if name in hidden_state.PLACES:
                    hidden_state.restore(name, values[name], self._baseline)
                elif name.startswith(HIDDEN_STATE_PREFIX):
                    states[name] = values[name]
                    if together.is_module(name):
                        sources[name] = source
                        self._together.setdefault(source.source, {}).update(values.get(together.VARIABLES, {}))
                else:
                    value = self._together.get(source.source, values).get(name, values[name])
                    self._namespace[name] = value
                    fact = facts.get(name, {})
                    received.append(Received(name, value, source, fact.get("digest", ""), fact.get("size", 0)))
        return received, notes, states, sources

    def _in_turn(self, wanted: set[str]) -> Iterator[tuple[StepInput, list[str], dict[str, Any], dict[str, Any]]]:
        """Each input with those of its names that are *wanted*, its values and facts, to be bound before the next.

        What loads only with variables of the notebook comes after these: its own ``__hash__`` of what is in a set, or
        its ``__setstate__``, may read them.
        """
        named = [(source, [name for name in source.names if name in wanted]) for source in self._spec.inputs]
        waiting = [(source, names) for source, names in named if names]
        # What is unpickled may be looked for where an earlier step has pointed to.
        waiting.sort(key=lambda each: hidden_state.rank(each[0].names))
        while waiting:
            put_off: list[tuple[StepInput, list[str]]] = []
            for source, names in waiting:
                try:
                    here = source.path in self._loaded
                    values, facts = self._loaded.pop(source.path) if here else load_artifact(source, self._owned)
                except StepFailure as failure:
                    if failure.error.ename != "NameError" or len(put_off) + 1 == len(waiting):
                        raise
                    put_off.append((source, names))
                else:
                    yield source, names, values, facts
            waiting = put_off


def values_of(spec: StepSpecification, output: StepOutput, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of one output that are bound."""
    found = {name: namespace[name] for name in output.names if name in namespace}
    for name in output.names:
        patches.note_exchange(name)
        if name not in found and name not in output.optional and not name.startswith(HIDDEN_STATE_PREFIX):
            raise StepFailure(_unbound(spec, name))
    return found


def load_artifact(source: StepInput, owned: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values in an artifact, and the facts beside them. Raises :class:`StepFailure`, in words for people."""
    names = ", ".join(source.names)
    try:
        return load(source.path, source.digest, source.stamp, owned=owned)
    except (DamagedArtifactError, FileNotFoundError) as error:
        raise StepFailure(
            StepError(
                message=f"The stored value of {names} from step {source.source} is damaged or gone: {error}.",
                code="LL404",
                variable=source.names[0] if source.names else None,
                hint=f"Run again: step {source.source} makes it anew. If that happens more than once, check the disk.",
            )
        ) from error
    except UncheckableArtifactError as error:
        raise StepFailure(
            StepError(
                message=f"The stored value of {names} from step {source.source} cannot be checked: {error}.",
                code="LL404",
                variable=source.names[0] if source.names else None,
                hint="Install that package in this environment, or run again: the value is then stored for it.",
            )
        ) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise StepFailure(
            StepError(
                message=f"The value of {names} from step {source.source} could not be loaded: "
                f"{type(error).__name__}: {error}.",
                code="LL404",
                ename=type(error).__name__,
                evalue=str(error),
                variable=source.names[0] if source.names else None,
                hint="Make the value in the step that uses it, or merge the two steps.",
            )
        ) from error


def send(
    spec: StepSpecification,
    output: StepOutput,
    variables: Mapping[str, Any],
    notes: Sequence[Shared],
    baseline: hidden_state.Baseline,
    others: Sequence[tuple[StepOutput, Mapping[str, Any]]] = (),
) -> ArtifactRecord | None:
    """Store one output with *notes* of what it shares; None where all its names are optional and unbound.

    With the data of modules lie variables among *others* that hold some of it.
    """
    values = {
        name: hidden_state.capture(name, baseline) if name.startswith(HIDDEN_STATE_PREFIX) else variables[name]
        for name in output.names
        if name in variables or name.startswith(HIDDEN_STATE_PREFIX)
    }
    if not values:
        return None
    records: dict[str, ValueRecord] = {}

    def facts(written: Written | None) -> dict[str, Any]:
        records.update((name, identified(name, value, written)) for name, value in values.items())
        found: dict[str, Any] = {name: {"digest": each.digest, "size": each.size} for name, each in records.items()}
        drawn = draws.drawn(values.keys() & hidden_state.GENERATORS.keys())
        beside = {SHARED: [dataclasses.asdict(note) for note in notes], DRAWN: drawn}
        return found | {name: what for name, what in beside.items() if what}

    besides: dict[str, Any] = {}
    for name in filter(together.is_module, values):
        besides |= together.variables(spec.step, name, notes, others)
    stored_values = {**values, together.VARIABLES: besides} if besides else values
    try:
        stored = store(stored_values, spec.artifacts_directory, facts, spec.file_hash)
    except (KeyboardInterrupt, StepFailure):
        raise
    except BaseException as error:
        if isinstance(error, OSError) and (full := disk_full(error)) is not None:
            raise StepFailure(full) from error
        raise StepFailure(_unstorable(spec, values, error)) from error
    return ArtifactRecord(
        names=tuple(values),
        path=str(stored.path),
        digest=stored.digest,
        size=stored.size,
        values=tuple(
            record
            if record.size
            else dataclasses.replace(record, size=stored.size if len(values) == 1 else pickled_size(values[name]))
            for name, record in records.items()
        ),
        stamp=stored.stamp,
    )


def identified(name: str, value: Any, written: Written | None = None) -> ValueRecord:
    """What is to be known of a value, but for what it looks like; hidden state may hold secrets and is not shown."""
    record = identify(name, value, written=written)
    return dataclasses.replace(record, preview=UNSHOWN) if name.startswith(HIDDEN_STATE_PREFIX) else record


def shown(record: ValueRecord, value: Any) -> ValueRecord:
    """*record* of :func:`identified` with what *value* looks like, if that is shown.

    Looking may run code of the notebook that alters others of its values: first all of them are to be stored.
    """
    return record if record.preview == UNSHOWN else look_at(record, value)


def disk_full(error: OSError) -> StepError | None:
    """The error of a step that had no room to store into, or None where it failed for another reason."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return StepError(
        message=f"The disk is full: {error.filename or 'a value'} could not be written.",
        code="LL503",
        ename=type(error).__name__,
        evalue=str(error),
        hint="Free some space, or move the data folder by setting LABLINE_HOME, then run again.",
    )


def _unbound(spec: StepSpecification, name: str) -> StepError:
    return StepError(
        message=f"Step {spec.step} ended without a value for {name}, which a later step needs.",
        code="LL405",
        variable=name,
        hint=f"Assign {name} on every path through the step's cells, or before them.",
    )


def _unstorable(spec: StepSpecification, values: Mapping[str, Any], error: BaseException) -> StepError:
    found = find_culprit(values)
    if found is None:
        variable, path, kind = next(iter(values)), None, None
        what = f"{', '.join(values)} could not be stored"
    else:
        variable, path, kind = found.variable, found.path, found.type
        what = f"{variable} cannot be handed to another step"
        what += f": {path} is a {kind}" if path != variable else f": it is a {kind}"
    of_state = variable.startswith(HIDDEN_STATE_PREFIX)
    return StepError(
        message=f"{what} ({type(error).__name__}: {' '.join(str(error).split())[:300]}).",
        code="LL401",
        ename=type(error).__name__,
        evalue=str(error),
        variable=variable,
        culprit=path,
        hint=f"Set {variable.removeprefix(HIDDEN_STATE_PREFIX)} up in a cell tagged `imports`, which runs at the start "
        "of every step."
        if of_state
        else f"Create {variable} in the step that uses it, move the cut so that it stays in step {spec.step}, "
        "or merge the steps.",
    )
