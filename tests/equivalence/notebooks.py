"""Cases as cells, and cells as notebooks."""

from __future__ import annotations

from typing import Any

from .shapes import OPTIONS

CASE = "case"
"""The name of the notebook that the others are in."""


def cells_of(case: str) -> list[tuple[str, list[str]]]:
    """The parts of a case as (source, tags); a part without tags of its own is a step."""
    cells = []
    for number, part in enumerate(case.strip().split("\n---\n")):
        first, _, rest = part.partition("\n")
        if first.startswith("# tags: "):
            cells.append((rest, first.removeprefix("# tags: ").split()))
        elif first == "# same step":
            cells.append((rest, [tag for tag in cells[-1][1] if tag.startswith("step:")]))
        else:
            cells.append((part, [f"step:step_{number}"]))
    return cells


def notebook_of(cells: list[tuple[str, list[str]]], kernel: str = "python3") -> dict[str, Any]:
    """The cells as an nbformat 4.5 document, to run in *kernel*."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {"tags": tags},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, (source, tags) in enumerate(cells)
        ],
    }


def notebooks_of(cells: list[tuple[str, list[str]]], kernel: str = "python3") -> dict[str, dict[str, Any]]:
    """Notebooks by name: cells of a step ``OTHER.STEP`` are another one's, which stands in their place in the case's.

    Steps have the options that their names stand for.
    """
    parts: dict[str, list[tuple[str, list[str]]]] = {CASE: []}
    for source, tags in cells:
        other, dot, step = next(iter(tags), "").removeprefix("step:").partition(".")
        if not dot:
            parts[CASE].append((source, tags))
            continue
        if other not in parts:
            parts[CASE].append(("", [f"notebook:{other}"]))
        parts.setdefault(other, []).append((source, [f"step:{step}"]))
    options = {name: options for name, options in OPTIONS.items() if any(f"step:{name}" in tags for _, tags in cells)}
    found = {name: notebook_of(part, kernel) for name, part in parts.items()}
    if options:
        found[CASE]["metadata"]["labline"] = {"steps": options}
    return found
