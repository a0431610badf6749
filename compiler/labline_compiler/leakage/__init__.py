"""Leakage: a model that is judged on what it has seen.

The cells are followed in the notebook's order with a value for each name that says which rows of which data set it
holds, where it was made, and what a model was fitted on. Precision comes first: what is not known for sure is a data
set of its own, about which nothing is said. So a finding may be missing, and one that is told is rarely wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

from labline_compiler.findings import Finding
from labline_compiler.ipython import ParsedCell
from labline_compiler.leakage.follow import Follower
from labline_compiler.notebook import Cell


def find_leaks(cells: Iterable[tuple[Cell, ParsedCell]]) -> list[Finding]:
    """The findings of the family LL7xx in the cells, which are in the notebook's order. Never raises for their code."""
    follower = Follower()
    try:
        for cell, parsed in cells:
            if not parsed.local:
                follower.cell(cell, parsed.tree)
        return follower.finish()
    except RecursionError:
        return []
