"""Steps that have cells on both sides of another's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from labline_compiler.assignment import CodeCell
from labline_compiler.findings import Finding, finding


def interrupted(cells: Sequence[CodeCell]) -> set[str]:
    """The steps that have cells on both sides of another's."""
    steps = [c.step for c in cells if c.step is not None and c.parsed is not None]
    starts = Counter(step for step, above in zip(steps, [None, *steps], strict=False) if step != above)
    return {step for step, count in starts.items() if count > 1}


def interleaved(all_cells: Sequence[CodeCell]) -> Iterator[Finding]:
    """Say which steps stand on both sides of others, though nothing is seen to flow between."""
    cells = [c for c in all_cells if c.step is not None and c.parsed is not None]
    last: dict[str, int] = {}  # the place of each step's last cell so far
    told: set[str] = set()
    for place, c in enumerate(cells):
        step = c.step or ""
        if (before := last.get(step)) is not None and before < place - 1 and step not in told:
            told.add(step)
            between = [each.cell.number for each in cells[before + 1 : place]]
            others = " and ".join(dict.fromkeys(each.step or "" for each in cells[before + 1 : place]))
            message = (
                f"Step {step} goes on in cell {c.cell.number}, after step {others} (cell {between[0]}); "
                f"it runs as a whole, cell {c.cell.number} too."
            )
            yield finding("LL207", message, cell=c.cell.place, step=step)
        last[step] = place
