"""The reference: a clean top-to-bottom run of the cells in one IPython process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

# Runs the cells read from standard input and prints what the last one printed, as JSON.
_RUNNER = """
import contextlib, io, json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.history_manager.enabled = False
cells = json.load(sys.stdin)
for source in cells:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        shell.run_cell(source, store_history=True).raise_error()
json.dump(text.getvalue(), sys.stdout)
"""


def cells_of(case: str) -> list[tuple[str, list[str]]]:
    """The parts of a case as (source, tags); a part without tags of its own is a step."""
    cells = []
    for number, part in enumerate(case.strip().split("\n---\n")):
        first, _, rest = part.partition("\n")
        if first.startswith("# tags: "):
            cells.append((rest, first.removeprefix("# tags: ").split()))
        else:
            cells.append((part, [f"step:step_{number}"]))
    return cells


def notebook_of(cells: list[tuple[str, list[str]]]) -> dict[str, Any]:
    """The cells as an nbformat 4.5 document."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
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


def printed_by_notebook(cells: list[tuple[str, list[str]]], folder: Path) -> str:
    """What the last cell prints when all run top to bottom in *folder*."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER],
        input=json.dumps([source for source, _ in cells]),
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout))
