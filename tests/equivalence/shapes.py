"""Shapes of pipelines: how the parts of a case are laid out over steps.

A part is one or more cells. The first part of a case makes something, those in the middle use and alter it, the last
one looks at what has become of it; every shape has all of them in that order, so that it tells at least what a chain
tells.
"""

from __future__ import annotations

import ast
import textwrap
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


def items(parts: Sequence[Part]) -> list[Step]:
    """Items of a loop look, each in a process of its own where the compiler lets it."""
    *_, last = parts
    return [*chain(parts[:-1]), ("each", [*_empty("looked"), _loop(last, "looked")]), ("end", ["print(looked)", *last])]


def altering_items(parts: Sequence[Part]) -> list[Step]:
    """Items of a loop alter."""
    first, *middle, last = parts
    altering = [cell for part in middle or [last] for cell in part]
    each = [*_empty("altered"), _loop(altering, "altered")]
    return [("make", first), ("each", each), ("end", ["print(altered)", *last])]


def conditional(parts: Sequence[Part]) -> list[Step]:
    """Steps that are one `if` alter and look."""
    first, *others = parts
    return [("make", ["chosen = True", *first]), *chain([[_if("chosen", part)] for part in others])]


def skipped(parts: Sequence[Part]) -> list[Step]:
    """What an `if` would do that is false is done in no step but those below."""
    first, *middle, last = parts
    other = [cell for part in middle or [last] for cell in part]
    return [("make", ["chosen = True", *first]), ("other", [_if("not chosen", other)]), *chain([*middle, last])]


def ending(parts: Sequence[Part]) -> list[Step]:
    """The step that ends every run looks."""
    *_, last = parts
    return [("parameters", ["outcome = 'succeeded'"]), *chain(parts[:-1]), ("ending", ["print(outcome)", *last])]


def composed(parts: Sequence[Part]) -> list[Step]:
    """Another notebook makes, a third one looks."""
    first, *middle, last = parts
    return [("making.make", first), *chain(middle), ("looking.look", last), ("end", last)]


OPTIONS = {"each": {"foreach": True}, "ending": {"exit": "outcome"}}
"""Those of the steps called so."""


def _empty(name: str) -> list[str]:
    return [f"{name} = []"]


def _loop(part: Part, name: str) -> str:
    return f"for number in range(3):\n{_indented(part)}\n    {name}.append(number)"


def _if(test: str, part: Part) -> str:
    return f"if {test}:\n{_indented(part)}"


def _indented(part: Part) -> str:
    """In the lines of a block. Raises SyntaxError where it is not plain Python, which alone can stand there."""
    return textwrap.indent(ast.unparse(ast.parse("\n".join(part))), "    ")


def _statements(cell: str) -> list[str]:
    try:
        return [ast.unparse(node) for node in ast.parse(cell).body]
    except SyntaxError:  # IPython's
        return [cell]


SHAPES: dict[str, Callable[[Sequence[Part]], list[Step]]] = {
    shape.__name__: shape
    for shape in (
        *(chain, diamond, fan_out, join, shortcuts, interleaved, statements),
        *(items, altering_items, conditional, skipped, ending, composed),
    )
}
REPEATING = frozenset(("diamond", "fan_out", "join", "shortcuts", "altering_items"))
"""Shapes that have a part more than once."""
