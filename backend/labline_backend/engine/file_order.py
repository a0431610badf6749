"""Files that one step wrote and another used, though neither waits for the other: were they used in the right order?

Of what the steps really did, whatever their code shows. Pure: knows results, starts and reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from labline_compiler.pipeline import Pipeline
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import FileUse, Observation, StepError, StepResult


@dataclass(frozen=True)
class Found:
    """What was seen: facts for the next compilation, and the error where the order was wrong."""

    facts: tuple[Observation, ...] = ()
    error: StepError | None = None


def look(pipeline: Pipeline, name: str, results: Mapping[str, StepResult], folder: Path) -> Found:
    """Hold the step called *name*, which has just ended, against the others that have ended in this run.

    Only of steps that stand wholly above or below each other in the notebook one knows which comes first.
    """
    facts: dict[Observation, None] = {}
    error = None
    used = {use.path for use in results[name].files}
    written = {use.path for use in results[name].files if use.mode == "write"}

    def meets(other: StepResult) -> bool:
        return any(use.path in (used if use.mode == "write" else written) for use in other.files)

    for other in results if used else ():
        # Who waits for whom takes longest to find out, and hardly any two of thousands of steps share a file.
        if other == name or not meets(results[other]) or pipeline.is_ordered(other, name):
            continue
        for above, below in ((other, name), (name, other)):
            if pipeline.is_above(above, below):
                for first, second in _clashes(results[above], results[below]):
                    path = shown(first.path, folder)
                    seen = (Observation(above, _does(first), (path,)), Observation(below, _does(second), (path,)))
                    facts |= dict.fromkeys(seen)
                    if first.last > second.first:
                        error = error or _error(path, (above, first), (below, second), seen)
    return Found(tuple(facts), error)


def _clashes(above: StepResult, below: StepResult) -> list[tuple[FileUse, FileUse]]:
    """The uses of one file, one of them a write; what a step wrote itself it may read again."""
    found = []
    for writer, reader, swapped in ((above, below, False), (below, above, True)):
        written = {use.path: use for use in writer.files if use.mode == "write"}
        own = {use.path for use in reader.files if use.mode == "write"}
        for use in reader.files:
            if use.mode == "read" and use.first and use.path in written and use.path not in own:
                pair = (written[use.path], use)
                found.append((pair[1], pair[0]) if swapped else pair)
    return found


def _does(use: FileUse) -> Literal["reads", "writes"]:
    return "writes" if use.mode == "write" else "reads"


def shown(path: str, folder: Path) -> str:
    """*path* as seen from the notebook's *folder*, if it lies there."""
    return Path(path).relative_to(folder).as_posix() if Path(path).is_relative_to(folder) else path


def _error(
    path: str, above: tuple[str, FileUse], below: tuple[str, FileUse], seen: tuple[Observation, ...]
) -> StepError:
    done = {"writes": "wrote", "reads": "read"}
    first, second = done[_does(above[1])], done[_does(below[1])]
    return StepError(
        message=f"Step {below[0]} {second} {path} before step {above[0]}, which stands above it, {first} it: "
        "neither waits for the other.",
        code="LL223",
        variable=path,
        hint=f"Tag a cell of step {below[0]} with prev:{above[0]}.",
        observed=seen,
    )
