"""The reference: a clean top-to-bottom run of the cells in one IPython process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from labline_backend.engine.launcher import DEFAULTS

# For every line on standard input, a folder and cells, forks a process that runs the cells there, and answers with what
# the last cell printed, as JSON. IPython is imported once.
_RUNNER = """
import contextlib, io, json, os, sys, traceback
from IPython.core.interactiveshell import InteractiveShell
def run(folder, cells):
    os.chdir(folder)
    sys.path.insert(0, "")
    InteractiveShell.display_page = True  # obj? needs no pager
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    text = io.StringIO()  # one for all, as loggers keep it
    with contextlib.redirect_stdout(text):
        for source in cells:
            text.seek(0)
            text.truncate()
            shell.run_cell(source, store_history=True).raise_error()
    return text.getvalue()
for line in sys.stdin:
    reader, writer = os.pipe()
    if os.fork() == 0:
        answer = {}
        try:
            answer["printed"] = run(*json.loads(line))
        except BaseException:
            answer["error"] = traceback.format_exc()
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        print(told.read(), flush=True)
    os.wait()
"""


class Reference:
    """Runs notebooks one after the other, each in a process of its own with the hash seed that steps have."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUNNER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **DEFAULTS},
        )

    def printed(self, cells: list[tuple[str, list[str]]], folder: Path) -> str:
        """What the last cell prints when all run top to bottom in *folder*."""
        folder.mkdir(parents=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = json.dumps([str(folder), [source for source, _ in cells]])
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "printed" in answer, answer["error"]
        return str(answer["printed"])

    def close(self) -> None:
        """End it."""
        self._process.communicate()


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
