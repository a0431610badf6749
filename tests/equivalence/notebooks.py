"""Cases as cells, and cells as notebooks."""

from __future__ import annotations

from typing import Any


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
