"""Small notebooks for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def code(source: str, *tags: str) -> dict[str, Any]:
    """A code cell."""
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": [],
        "execution_count": None,
    }


def notebook(*cells: dict[str, Any], kernel: str = "python3", labline: dict[str, Any] | None = None) -> dict[str, Any]:
    """A notebook of these cells; *labline* is what its metadata asks of us."""
    kernelspec = {"name": kernel, "display_name": "Python 3", "language": "python"}
    return {
        "cells": [{"id": f"c{index}", **cell} for index, cell in enumerate(cells)],
        "metadata": {"kernelspec": kernelspec, **({} if labline is None else {"labline": labline})},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write(path: Path, *cells: dict[str, Any], kernel: str = "python3", labline: dict[str, Any] | None = None) -> Path:
    """Write a notebook of these cells."""
    path.write_text(json.dumps(notebook(*cells, kernel=kernel, labline=labline)))
    return path


#: A parameter, two steps, one value between them, a metric, and a line of output.
DOUBLE = (
    code("count = 3\nlabel = 'x'", "pipeline-parameters"),
    code("numbers = list(range(count))\nprint(label, 'loaded äöü')", "step:load"),
    code("total = sum(numbers) * 2", "step:double"),
    code("total", "pipeline-metrics"),
)
