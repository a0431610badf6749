"""The executed notebook: a step's cells with what they showed, written whole after each cell."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from json import dumps  # as they were before the notebook could replace them
from pathlib import Path
from typing import Any

from labline_runtime.outputs import CellOutputs, plain_json
from labline_runtime.specification import CellSource

_VALID_ID = re.compile(r"^[a-zA-Z0-9-_]{1,64}$")


class ExecutedNotebook:
    """Grows by a cell at a time; always a valid notebook of format 4.5."""

    def __init__(self, path: Path, cells: tuple[CellSource, ...], metadata: dict[str, Any]) -> None:
        self._path = path
        used: set[str] = set()
        self._cells = [_cell(source, used) for source in cells]
        self._outputs: list[CellOutputs | None] = [None] * len(cells)
        self._metadata = plain_json(metadata)

    def begin(self, place: int, outputs: CellOutputs) -> None:
        """The cell at *place* runs and shows *outputs*."""
        self._outputs[place] = outputs

    def finish(self, place: int, execution_count: int) -> None:
        """The cell at *place* has run."""
        self._cells[place]["execution_count"] = execution_count

    def show(self, place: int, execution_count: int, outputs: list[dict[str, Any]]) -> None:
        """The cell at *place* has run elsewhere, and has shown *outputs*."""
        self._cells[place].update(execution_count=execution_count, outputs=outputs)

    def write(self) -> None:
        """Write the notebook as it stands. Without indentation: Python has no quick way to write any."""
        for cell, outputs in zip(self._cells, self._outputs, strict=True):
            if outputs is not None:
                cell["outputs"] = outputs.to_notebook()
                cell["metadata"]["labline"].update(outputs.displays())
        document = {"cells": self._cells, "metadata": self._metadata, "nbformat": 4, "nbformat_minor": 5}
        write_atomically(self._path, dumps(document, ensure_ascii=False, allow_nan=False) + "\n")


def _cell(source: CellSource, used: set[str]) -> dict[str, Any]:
    identifier = source.id if _VALID_ID.match(source.id) and source.id not in used else f"cell-{source.index}"
    while identifier in used:
        identifier += "-"
    used.add(identifier)
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": identifier,
        "metadata": {"labline": {"index": source.index, "role": source.role}},
        "outputs": [],
        "source": source.source.encode("utf-8", "backslashreplace").decode(),
    }


def write_atomically(path: Path, text: str) -> None:
    """Put *text* at *path*; a reader sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
