"""Which steps of a pipeline a run is to go through, where it is not all of them. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from labline_compiler.pipeline import Pipeline
from labline_runtime.dataclass import dataclass


class SelectionError(Exception):
    """There is no such part of the pipeline, or nothing to run it on; the message says what to do."""


@dataclass(frozen=True)
class Selection:
    """From the step ``start`` to the step ``stop``, or ``only`` one; None where there is no such bound."""

    start: str | None = None
    stop: str | None = None
    only: str | None = None

    def __bool__(self) -> bool:
        return self != Selection()


@dataclass(frozen=True)
class Part:
    """Steps of a pipeline, all in its order. ``runs`` take something of those ``taken``, which do not run; the rest is
    ``left_out``."""

    runs: tuple[str, ...]
    taken: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def part(pipeline: Pipeline, selection: Selection) -> Part:
    """The part of *pipeline* that is meant. Raises ``SelectionError``."""
    names = [step.name for step in pipeline.steps]
    if selection.only and (selection.start or selection.stop):
        raise SelectionError("A run of only one step goes neither from nor to another: leave one of them out.")
    for name in (selection.start, selection.stop, selection.only):
        if name is not None and name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"its steps are {', '.join(names)}."
            raise SelectionError(f"The pipeline has no step {name}; {hint}")
    above = {step.name: step.predecessors for step in pipeline.steps}
    chosen = set(names)
    if selection.start is not None:
        below: dict[str, list[str]] = {name: [] for name in names}
        for name, sources in above.items():
            for source in sources:
                below[source].append(name)
        chosen &= _reached(selection.start, below)
    if selection.stop is not None:
        chosen &= _reached(selection.stop, above)
    if selection.only is not None:
        chosen = {selection.only}
    if not chosen:
        raise SelectionError(
            f"Step {selection.stop} takes nothing of what step {selection.start} makes, so no run goes from the one to "
            "the other: leave one of them out."
        )
    # A step that ends every run comes after all others and needs of them only the values that it takes.
    needs = {s.name: [i.source for i in s.inputs] if s.options.exit else s.predecessors for s in pipeline.steps}
    taken = {source for name in chosen for source in needs[name]} - chosen
    return Part(
        tuple(name for name in names if name in chosen),
        tuple(name for name in names if name in taken),
        tuple(name for name in names if name not in chosen | taken),
    )


def _reached(name: str, links: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [name]
    while ahead:
        if (each := ahead.pop()) not in found:
            found.add(each)
            ahead += links[each]
    return found
