"""The items of a step's loop, each run in a process of its own, and put together again to what the loop comes to.

A process runs the step's cells with a loop over one item only. What all of them gather is joined in the items' order.
That is what the loop makes in one process as long as no item changes what another one sees, for which the compiler and
the guard vouch, and as long as what the items gather has nothing in common: each process has a copy of its own of what
was there before the loop.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from json import loads  # as they were before the notebook could replace them
from pathlib import Path
from typing import Any

from labline_runtime import sharing, transfer
from labline_runtime.failed import Failed
from labline_runtime.failure import StepFailure
from labline_runtime.guard import OF_IPYTHON
from labline_runtime.looping import Picked
from labline_runtime.outcome import StepError
from labline_runtime.specification import CellSource, Part, Shared, StepInput, StepSpecification
from labline_runtime.values import digest
from labline_runtime.values.digest import DigestError
from labline_runtime.values.parts import ATOMS

_CODE = "LL212"
_NOT_COPIED = (types.ModuleType, type, types.GetSetDescriptorType, types.MemberDescriptorType)


class Brought:
    """What was there before the loop: the step's inputs, and what the cells at the start of every step have made."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        values = dict(namespace)
        for name, kind in namespace.items():
            if isinstance(kind, type) and kind.__module__ == "__main__":
                values |= {f"{name}.{attribute}": held for attribute, held in vars(kind).items()}
        self._values = {
            name: value
            for name, value in values.items()
            if type(value) not in ATOMS and not isinstance(value, _NOT_COPIED) and not OF_IPYTHON.fullmatch(name)
        }

    def check(self, spec: StepSpecification, outputs: Sequence[Mapping[str, Any]], picked: Picked) -> None:
        """Raise :class:`StepFailure` where *outputs* hold a part of it, or of an item but the one *picked*."""
        if picked.wrong is not None:
            raise StepFailure(StepError(message=picked.wrong, code=_CODE, hint="Remove `foreach` from the step."))
        gathered = [sharing.Home(spec.step, values) for values in outputs]
        there = self._values | {name: value for name, value in picked.others.items() if type(value) not in ATOMS}
        found = sharing.find(gathered, [sharing.Home("", there)], [])
        for note in (note for notes in found[: len(gathered)] for note in notes if not note.source):
            raise _common(note)

    def check_batch(self, gathered: Mapping[int, Mapping[str, Any]], things: Mapping[int, Any]) -> None:
        """Raise :class:`StepFailure` where what an item has *gathered* holds a part of it, or of another item.

        *things* are what the items are. Both are by the items' places.
        """
        if all(map(_is_plain, (value for values in gathered.values() for value in values.values()))):
            return
        homes = [sharing.Home(str(number), values) for number, values in gathered.items()]
        others = [sharing.Home(str(number), {f"item {number + 1}": thing}) for number, thing in things.items()]
        found = sharing.find(homes, [sharing.Home("", self._values), *others], [])
        for home, notes in zip(homes, found[: len(homes)], strict=True):
            for note in notes:
                if note.source != home.source:
                    raise _common(note)


def _common(note: Shared) -> StepFailure:
    message = f"{note.path} shares {'memory' if note.memory else 'an object'} with {note.other_path}"
    return StepFailure(
        StepError(
            message=f"{message}, which is there besides the item: other items may hold it, too.",
            code=_CODE,
            variable=note.name,
            culprit=note.path,
            hint="Add a copy (copy.deepcopy).",
        )
    )


def _is_plain(gathered: Any) -> bool:
    """Whether a list or a dictionary holds nothing that could be held by another, too, and altered."""
    things = [*gathered, *gathered.values()] if isinstance(gathered, dict) else gathered
    return all(type(thing) in ATOMS for thing in things)


def digest_of(value: Any) -> str:
    """The digest of *value*'s content; "" where it has none."""
    try:
        return digest(value)
    except DigestError:
        return ""


def joined(spec: StepSpecification) -> dict[str, Any]:
    """What the parts have gathered, by name: lists one after the other, dictionaries put into one.

    A part that failed leaves a :class:`Failed` in each list. Raises :class:`StepFailure`.
    """
    parts = spec.parts or ()
    loaded = _loaded(parts)
    whole: dict[str, Any] = {}
    for values in loaded:
        for name, value in (values or {}).items():
            whole.setdefault(name, type(value)())
    for number, (part, values) in enumerate(zip(parts, loaded, strict=True)):
        for name, gathered in whole.items():
            if values is not None and name in values:
                gathered.extend(values[name]) if isinstance(gathered, list) else gathered.update(values[name])
            elif part.error is not None and isinstance(gathered, list):
                gathered.append(Failed(number, part.error))
    return whole


def _loaded(parts: Sequence[Part]) -> list[dict[str, Any] | None]:
    """What each part has gathered; items of one batch lie in one artifact."""
    artifacts: dict[StepInput, dict[str, Any]] = {}
    found: list[dict[str, Any] | None] = []
    for part in parts:
        if part.artifact is None:
            found.append(None)
            continue
        if part.artifact not in artifacts:
            artifacts[part.artifact] = transfer.load_artifact(part.artifact)[0]
        values, place = artifacts[part.artifact], part.place
        found.append(values if place is None else {name: value[place] for name, value in values.items()})
    return found


def outputs(parts: Sequence[Part], cell: CellSource) -> list[dict[str, Any]]:
    """What *cell* has shown in all parts, in their order."""
    shown: list[dict[str, Any]] = []
    batches: dict[str, Any] = {}
    for part in parts:
        if part.place is None:
            found = _outputs(Path(part.notebook), cell)
        else:
            if part.notebook not in batches:
                batches[part.notebook] = _batch(Path(part.notebook))
            found = batches[part.notebook][part.place]["shown"] if batches[part.notebook] else []
        for output in found:
            last = shown[-1] if shown else {}
            if output["output_type"] == "stream" == last.get("output_type") and output["name"] == last["name"]:
                shown[-1] = {**last, "text": last["text"] + output["text"]}
            else:
                shown.append(output)
    return shown


def _batch(path: Path) -> Any:
    try:
        return loads(path.read_text("utf-8"))["items"]
    except (OSError, ValueError):  # of an old run that was cleared away
        return None


def _outputs(path: Path, cell: CellSource) -> list[dict[str, Any]]:
    try:
        cells = loads(path.read_text("utf-8"))["cells"]
    except (OSError, ValueError):  # of an item that failed early, or of an old run that was cleared away
        return []
    return [
        output for each in cells if each["metadata"]["labline"]["index"] == cell.index for output in each["outputs"]
    ]
