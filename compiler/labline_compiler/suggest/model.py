"""What a suggestion is."""

from __future__ import annotations

from typing import Literal

from labline_compiler.compile import Compilation
from labline_compiler.findings import Edit
from labline_runtime.dataclass import dataclass

Role = Literal["imports", "functions", "parameters", "step"]


@dataclass(frozen=True)
class SuggestedCell:
    """What a code cell would be. ``reason`` says why, as the end of a sentence."""

    index: int
    id: str
    role: Role
    step: str | None
    reason: str


@dataclass(frozen=True)
class SuggestedStep:
    """A step, how long its cells took when the notebook last ran, and the steps that run again when it changes."""

    name: str
    heading: str | None
    cells: tuple[int, ...]
    seconds: float | None
    reruns: tuple[str, ...]


@dataclass(frozen=True)
class Suggestion:
    """A tagging of an untagged notebook. ``compilation`` is of the notebook with ``edit`` applied; it has no errors.

    ``together`` are groups of steps that can run at the same time. ``seconds`` is how long the cells took one after
    the other and ``critical`` how long the longest chain of steps takes; both None where the notebook has not run.
    ``gains`` says in sentences what the steps buy.
    """

    edit: Edit
    cells: tuple[SuggestedCell, ...]
    steps: tuple[SuggestedStep, ...]
    together: tuple[tuple[str, ...], ...]
    seconds: float | None
    critical: float | None
    gains: tuple[str, ...]
    compilation: Compilation
