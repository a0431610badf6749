"""What cells of one step put in the place of what another step's have shown (``display(..., display_id=)``).

A step's executed notebook tells under which ids its cells have shown something, and what they have put in the place of
what has been shown under an id. Seen together, a run's notebooks show what the notebook shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Document = Mapping[str, Any]


def tells_of_displays(text: str) -> bool:
    """Whether an executed notebook, as text, may show something that has an id."""
    return '"displays": {' in text


def updated(documents: Iterable[Document], others: Iterable[Document] = ()) -> list[Document]:
    """The executed notebooks *documents*, with what cells below, theirs or *others*', have put in an output's place."""
    documents = list(documents)
    updates = sorted(_updates([*documents, *others]), key=lambda each: each[0])
    if not updates:
        return documents
    return [{**document, "cells": [_cell(cell, updates) for cell in document["cells"]]} for document in documents]


def _updates(documents: Iterable[Document]) -> Iterable[tuple[int, Document]]:
    for document in documents:
        for cell in document["cells"]:
            ours = cell["metadata"].get("labline", {})
            for update in ours.get("updates", ()):
                yield ours["index"], update


def _cell(cell: Document, updates: list[tuple[int, Document]]) -> Document:
    ours = cell["metadata"].get("labline", {})
    outputs = list(cell["outputs"])
    for display_id, places in ours.get("displays", {}).items():
        for index, update in updates:
            if update["display_id"] == display_id and index > ours["index"]:
                for place in places:
                    outputs[place] = {**outputs[place], "data": update["data"], "metadata": update["metadata"]}
    return {**cell, "outputs": outputs}
