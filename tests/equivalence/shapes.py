"""Shapes of pipelines: how the parts of a case are laid out over steps.

A part is one or more cells. The first part of a case makes something, those in the middle use and alter it, the last
one looks at what has become of it; every shape has all of them in that order, so that it tells at least what a chain
tells.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

Part = Sequence[str]  # the sources of its cells
Step = tuple[str, Part]  # a step's name, and cells of it; one name may come more than once

IDLE = "idle_{0} = [{0}]"
"""A step that has to do with nothing else: values pass it by."""


def chain(parts: Sequence[Part]) -> list[Step]:
    """Every part is a step."""
    return [(f"step_{number}", part) for number, part in enumerate(parts)]


def diamond(parts: Sequence[Part]) -> list[Step]:
    """One branch alters, the other one only looks."""
    *_, last = parts
    return [*chain(parts[:-1]), ("other", last), ("join", last)]


def fan_out(parts: Sequence[Part]) -> list[Step]:
    """Several steps look at the same things."""
    *_, last = parts
    return [*chain(parts[:-1]), *((f"look_{number}", last) for number in range(3))]


def join(parts: Sequence[Part]) -> list[Step]:
    """Two branches alter the same things."""
    first, *middle, last = parts
    altering = [cell for part in middle or [last] for cell in part]
    return [("make", first), ("left", altering), ("right", altering), ("join", last)]


def shortcuts(parts: Sequence[Part]) -> list[Step]:
    """Values pass by steps that do not use them, on the way to some that do."""
    steps: list[Step] = []
    for number, step in enumerate(chain(parts)):
        steps += [step, (f"idle_{number}", [IDLE.format(number)])]
    seen = "; ".join(f"print(idle_{number})" for number in range(len(parts)))
    return [*steps, ("end", [*parts[-1], seen])]


def interleaved(parts: Sequence[Part]) -> list[Step]:
    """A step stands on both sides of one that has to do with nothing else."""
    first, *middle, last = parts
    altering = [cell for part in middle for cell in part]
    return [("work", first), ("idle", [IDLE.format(0)]), ("work", altering), ("idle", [IDLE.format(1)]), ("end", last)]


def statements(parts: Sequence[Part]) -> list[Step]:
    """Every statement is a step."""
    pieces = [[piece] for part in parts for cell in part for piece in _statements(cell)]
    return [(f"step_{number}", piece) for number, piece in enumerate(pieces)]


def _statements(cell: str) -> list[str]:
    try:
        return [ast.unparse(node) for node in ast.parse(cell).body]
    except SyntaxError:  # IPython's
        return [cell]


SHAPES: dict[str, Callable[[Sequence[Part]], list[Step]]] = {
    shape.__name__: shape for shape in (chain, diamond, fan_out, join, shortcuts, interleaved, statements)
}
REPEATING = frozenset(("diamond", "fan_out", "join", "shortcuts"))
"""Shapes that have a part more than once."""
