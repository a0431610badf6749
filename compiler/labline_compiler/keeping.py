"""Which steps may keep something of what a later one alters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labline_compiler.analysis.flows import Flows
from labline_compiler.assignment import CodeCell


def find_keepers(flows: Flows, order: Sequence[str], given: Iterable[CodeCell]) -> dict[str, dict[str, None]]:
    """Step -> the steps that may keep something of an input that the step may alter.

    In what they hand on, or in what they read again in cells below the step's. What they really keep is seen when
    they run, so the step waits for them.
    """
    place = {name: i for i, name in enumerate(order)}
    cells: dict[str, list[int]] = {}
    for c in given:
        cells.setdefault(c.step or "", []).append(c.cell.index)
    taken = {name: {(v.step, each) for each, v in flow.inputs.items()} for name, flow in flows.steps.items()}
    last: dict[str, int] = {}  # where a step's values are taken for the last time
    for name, versions in taken.items():
        for source, _ in versions:
            last[source] = max(place[name], last.get(source, 0))
    takers: dict[tuple[str, str], list[int]] = {}  # who takes a version, in their order
    for number, name in enumerate(order):
        for version in taken[name]:
            takers.setdefault(version, []).append(number)
    ends = {name: (min(its), max(its)) for name, its in cells.items()}
    found: dict[str, dict[str, None]] = {}
    for name in order:
        flow = flows.steps[name]
        others = {n for each in flow.altered for n in takers.get((flow.inputs[each].step, each), ())}
        for other in (order[n] for n in sorted(others) if n < place[name]):
            first, end = ends[other]
            late = last.get(other, 0) > place[name] and end < ends[name][0]
            if late or any(first < cell < end for cell in cells[name]):
                found.setdefault(name, {})[other] = None
    return found
