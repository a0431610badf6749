"""A step's loop as the processes that run it apart: one lists the items, each item has one, one puts all together.

Pure: a step's specification to those of its parts, and the parts' results to that of the step. Who starts the processes
is another matter: the engine on this machine, tasks of a pipeline elsewhere (:mod:`labline_runtime.apart`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from labline_runtime.looping import GOES_THROUGH, chains
from labline_runtime.outcome import CellRun, FileUse, ItemRun, StepResult
from labline_runtime.specification import PREAMBLE_ROLES, CellSource, Item, Looped, Part, Pool, StepSpecification

AS_A_WHOLE = frozenset({"LL210", "LL212", "LL220", "LL221", "LL222", "LL223", "LL404"})
"""What guards see in one item alone; the loop as a whole may do it, or fail of it as any step does."""


class Parts:
    """The parts of the step that *step* specifies, which is one *loop*."""

    def __init__(self, step: StepSpecification, loop: Looped) -> None:
        # What is changed of anything that was there before the loop, the next item would miss.
        inputs = tuple(replace(taken, unaltered=taken.names) for taken in step.inputs)
        passing = {source: set(names) for source, names in step.passing.items()}
        for taken in inputs:
            passing.setdefault(taken.source, set()).update(taken.names)
        passing.setdefault("", set()).update(set(loop.heeds) - {n for names in passing.values() for n in names})
        self._step = replace(
            step,
            inputs=inputs,
            passing={source: tuple(sorted(names)) for source, names in passing.items()},
            loop=None,
        )
        self.own = tuple(cell for cell in step.cells if cell.role not in PREAMBLE_ROLES)
        self.cell = next(cell for cell in self.own if cell.index == loop.cell)
        source, start, end = self.cell.source, loop.start, loop.end
        over = f"{GOES_THROUGH}(({source[start:end]}))"
        self._over = replace(self.cell, source=over)
        self._one = replace(self.cell, source=source[:start] + over + source[end:])

    def listing(self) -> StepSpecification:
        """The part that goes through the items and tells them."""
        preamble = tuple(cell for cell in self._step.cells if cell not in self.own)
        return replace(self._step, cells=(*preamble, self._over), outputs=(), lists=True)

    def one(self, item: Item) -> StepSpecification:
        """The part that runs *item*."""
        cells = tuple(self._one if cell is self.cell else cell for cell in self._step.cells)
        return replace(self._step, cells=cells, item=item)

    def several(self, numbers: tuple[int, ...], items: Sequence[Item], gathers: tuple[str, ...]) -> StepSpecification:
        """The part that runs those of *items* at the places *numbers*, one after the other; they add to *gathers*."""
        cells = tuple(self._one if cell is self.cell else cell for cell in self._step.cells)
        return replace(self._step, cells=cells, pool=Pool(numbers, tuple(item.digest for item in items), gathers))

    def joining(self, parts: Sequence[Part]) -> StepSpecification:
        """The part that puts together what all items have left."""
        return replace(self._step, inputs=(), parts=tuple(parts), kept=())


def items(listed: Sequence[str]) -> list[Item]:
    """The items of a loop, by their digests in its order."""
    return [
        Item(number, len(listed), digest, following)
        for number, (digest, following) in enumerate(zip(listed, chains(listed), strict=True))
    ]


def clash(results: Sequence[StepResult], folder: Path, owners: Sequence[Path] = ()) -> str | None:
    """A file in *folder* that one of *results* has written and another has used.

    Those with the same of *owners* are of one process, which used each file in the notebook's order.
    """
    users: dict[str, set[Path | int]] = {}
    whose: Sequence[Path | int] = owners or range(len(results))
    for owner, result in zip(whose, results, strict=True):
        for use in result.files:
            if use.mode in ("read", "write"):  # not who only looks whether it is there
                users.setdefault(use.path, set()).add(owner)
    return next(
        (
            use.path
            for result in results
            for use in result.files
            if use.mode == "write" and len(users[use.path]) > 1 and (folder / use.path).is_relative_to(folder)
        ),
        None,
    )


def put_together(
    joined: StepResult,
    listed: StepResult,
    results: Sequence[StepResult],
    runs: Sequence[ItemRun],
    cells: Sequence[CellSource],
    started: float,
    seconds: float,
) -> StepResult:
    """The result of the whole: *joined*, which has the values, with what all parts have done besides.

    *results* are those of the items that succeeded, *runs* tells how each fared; the step's *cells* end with the loop.
    """
    parts = [listed, *results, joined]
    ends = {cell.index: seconds if cell is cells[-1] else 0.0 for cell in cells}
    return replace(
        joined,
        started=started,
        seconds=seconds,
        cells=(*joined.cells, *(CellRun(c.index, c.id, "succeeded", started, ends[c.index]) for c in cells)),
        files=_merged([use for part in parts for use in part.files]),
        pages=tuple(dict.fromkeys(use for part in parts for use in part.pages)),
        variables={name: was for part in parts for name, was in part.variables.items()},
        outdated=tuple(sorted({name for part in parts for name in part.outdated})),
        unrepeatable=next((part.unrepeatable for part in parts if part.unrepeatable), None)
        or ("an item failed" if len(results) < len(runs) else None),
        remains=tuple(sorted({path for part in parts for path in part.remains})),
        listed=listed.listed,
        items=tuple(runs),
    )


def _merged(uses: Sequence[FileUse]) -> tuple[FileUse, ...]:
    """One use of each file for reading, one for writing, as of one process."""
    found: dict[tuple[str, str], FileUse] = {}
    for use in uses:
        known = found.get((use.path, use.mode), use)
        found[use.path, use.mode] = replace(use, first=min(known.first, use.first), last=max(known.last, use.last))
    return tuple(found.values())
