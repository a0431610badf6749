"""What PyTorch leaves out when it pickles optimizers, and numbers of hooks.

An optimizer hands pickle its parameters and their states only: hooks, and that a scheduler counts its steps, would be
gone. Hooks of optimizers and modules are kept under numbers that each process counts from nought: a hook that a later
step adds would take the place of one that came with the module.
"""

from __future__ import annotations

import functools
import sys
import weakref
from typing import Any

_COUNTED = ("_wrapped_by_lr_sched", "_with_counter")  # how schedulers of several releases mark a step they count


def reduce_part(value: Any) -> tuple[Any, ...] | None:
    """How to pickle an optimizer, or a module that has hooks; None for anything else."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "optim"):
        return None
    kind: Any = type(value)
    if issubclass(kind, torch.nn.Module):
        highest = _highest(vars(value))
        reduced = value.__reduce_ex__(5) if highest >= 0 else None
        if not isinstance(reduced, tuple) or len(reduced) < 3 or any(part is not None for part in reduced[3:]):
            return None
        return *reduced[:2], (highest, reduced[2]), None, None, _set_module
    if not is_optimizer(kind) or kind.__getstate__ is not torch.optim.Optimizer.__getstate__:
        return None
    state = dict(vars(value))
    marks = [name for name in _COUNTED if hasattr(state.get("step"), name)]
    if marks:
        del state["step"]
    return object.__new__, (kind,), (_highest(state), state, marks), None, None, _set_optimizer


def is_optimizer(kind: type) -> bool:
    """Whether values of *kind* are optimizers."""
    torch = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "optim") and issubclass(kind, torch.optim.Optimizer)


def ranked_hooks(attributes: dict[str, Any]) -> dict[str, Any]:
    """The hooks among the *attributes* of a module or an optimizer: by kind, then by their order."""
    hooks = _hooks(attributes)
    ranks = {key: rank for rank, key in enumerate(sorted({key for item in hooks.values() for key in item}))}
    return {name: {ranks[key]: hook for key, hook in item.items()} for name, item in hooks.items()}


def _hooks(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in attributes.items() if "_hooks" in name and isinstance(item, dict) and item}


def _highest(attributes: dict[str, Any]) -> int:
    """The highest number of a hook; -1 where there are none."""
    numbers = (number for hooks in _hooks(attributes).values() for number in hooks if isinstance(number, int))
    return max(numbers, default=-1)


def _set_module(module: Any, state: tuple[int, Any]) -> None:
    highest, attributes = state
    module.__setstate__(attributes)
    _count_on(highest)


def _set_optimizer(optimizer: Any, state: tuple[int, dict[str, Any], list[str]]) -> None:
    highest, attributes, marks = state
    optimizer.__setstate__(attributes)
    _count_on(highest)
    if marks:
        optimizer.step = _counted(optimizer, marks)


def _count_on(highest: int) -> None:
    handle = sys.modules["torch"].utils.hooks.RemovableHandle
    handle.next_id = max(handle.next_id, highest + 1)


def _counted(optimizer: Any, marks: list[str]) -> Any:
    """The step of *optimizer* as a scheduler wants it, to tell whether it was ever called."""
    plain = type(optimizer).step
    reference = weakref.ref(optimizer)  # or the two would keep each other alive

    @functools.wraps(plain)
    def step(*arguments: Any, **options: Any) -> Any:
        owner: Any = reference()
        owner._opt_called = True
        if "_step_count" in vars(owner):
            owner._step_count += 1
        return plain(owner, *arguments, **options)

    vars(step).update(dict.fromkeys(marks, True))
    return step
