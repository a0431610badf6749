"""What lives no longer than the process that made it, though the notebook goes on with it.

The rules LL308 and LL408 to LL410: numbers that ``id()`` gave, the ends of objects, what the run time's pickling
leaves behind without failing, and what modules beside the notebook keep. They read code that spells such things out,
cell by cell, and need the flows only to know what is taken by another step. What is made in ways that are not spelled
out is not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from labline_compiler.analysis.flows import Flows
from labline_compiler.assignment import CodeCell
from labline_compiler.findings import Finding
from labline_compiler.kept.calls import KeepingModules
from labline_compiler.lifetimes import background, ends, identities, leavings, modules, reloading
from labline_compiler.lifetimes.parts import Part, Story
from labline_compiler.sought import Sought

Rule: TypeAlias = Callable[[Story], Iterator[Finding]]

# Cells without one of these words are not gone through for what they make.
_TELLING = Sought(
    "id weakref __del__ except memmap mmap_mode tempfile Thread Timer Process Popen create_task ensure_future "
    "run_in_executor fork getcontext reload & --bg is",
    r"\b(?:id|weakref|__del__|except|memmap|open_memmap|mmap_mode|tempfile|Thread|Timer|Process|Popen|create_task|"
    r"ensure_future|run_in_executor|fork|getcontext|reload)\b|&\s*$|--bg\b|[\w\])] is (?:not )?\w+[.\[]",
    re.MULTILINE,
)


def find_lifetimes(cells: Sequence[CodeCell], flows: Flows, beside: KeepingModules) -> list[Finding]:
    """The findings, in no order. Never raises for what is in the cells, which are in the notebook's order.

    *beside*: the modules beside the notebook.
    """
    parts = [Part(c.cell, c.step, c.parsed, _TELLING.search(c.cell.source)) for c in cells if c.parsed is not None]
    if len(flows.steps) < 2:
        return []
    rules: tuple[Rule, ...] = ()
    if (
        any(part.telling for part in parts)
        or identities.defined_twice(parts)
        or any(identities.compares_indexes(part) for part in parts)
    ):
        rules = (background.find, identities.find, ends.find, leavings.find, reloading.find)
    if beside:
        rules = (*rules, lambda story: modules.find(story, beside))
    if not rules:
        return []
    try:
        story = Story(parts, flows)
        return [found for rule in rules for found in rule(story)]
    except RecursionError:
        return []
