"""What a variable and a module beside the notebook both hold (``account = bank.open()``).

A module's data travels as hidden state, in an artifact of its own. Where an object in it is held by variables, too,
these lie in that artifact a second time, so that a step which takes both gets one object, as in the notebook. That a
step alters the object without taking both is for the guard to see: the data counts as a value with parts, like others.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from labline_runtime.sharing import Watched
from labline_runtime.specification import HIDDEN_STATE_PREFIX, Shared, StepOutput
from labline_runtime.states import patches

VARIABLES = HIDDEN_STATE_PREFIX + "variables"
"""In the artifact of a module: the values of variables that hold something of it."""

_NOTHING = object()


def is_module(name: str) -> bool:
    """Whether *name* stands for the data of a module."""
    return name.startswith(patches.MODULE)


def kept(name: str) -> dict[str, Any]:
    """What would be handed on of the module that *name* stands for: by ``module.name``, the objects themselves."""
    return _flat(patches.capture_module(name.removeprefix(patches.MODULE)))


def taken(state: Any) -> dict[str, Any]:
    """What is in a module by now of all that was in *state*, which it has been filled with."""
    found = {}
    for path in _flat(state):
        value = _at(path)
        if value is not _NOTHING:
            found[path] = value
    return found


def _flat(state: Any) -> dict[str, Any]:
    content = patches.data_in(state)
    return {f"{module}.{name}": value for module, held in content.items() for name, value in held.items()}


def _at(path: str) -> Any:
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:end]))
        if found is not None:
            for part in parts[end:]:
                found = getattr(found, part, _NOTHING)
            return found
    return _NOTHING


def variables(
    step: str, name: str, notes: Sequence[Shared], outputs: Sequence[tuple[StepOutput, Mapping[str, Any]]]
) -> dict[str, Any]:
    """What lies in the artifact of the module *name* besides, by the *notes* on what that has in common with others.

    All that lies in one artifact, so that it stays together.
    """
    shared = {note.other for note in notes if note.name == name and note.source == step and not is_module(note.other)}
    found: dict[str, Any] = {}
    for output, values in outputs:
        if not shared.isdisjoint(output.names):
            found |= {each: value for each, value in values.items() if not each.startswith(HIDDEN_STATE_PREFIX)}
    return found


def apart(watched: Sequence[Watched]) -> list[Watched]:
    """*watched* without what is one object for a module and a variable here: who alters it alters it for both."""
    by_names: dict[tuple[str, str], list[Any]] = {}
    for each in watched:
        by_names.setdefault((each.shared.name, each.shared.other), []).append(each.part)
    return [
        each
        for each in watched
        if not any(_is_one(each.part, part) for part in by_names.get((each.shared.other, each.shared.name), ()))
        or not (is_module(each.shared.name) or is_module(each.shared.other))
    ]


def _is_one(first: Any, second: Any) -> bool:
    if first.value is second.value:
        return True
    if not (first.memory and second.memory):
        return False
    same: bool = sys.modules["numpy"].may_share_memory(first.value, second.value)
    return same
