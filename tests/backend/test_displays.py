"""What steps below have put in the place of a display is seen there."""

from __future__ import annotations

from typing import Any

from labline_backend.displays import tells_of_displays, updated


def executed(index: int, text: str | None = None, **ours: Any) -> dict[str, Any]:
    outputs = [] if text is None else [{"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}]
    return {"cells": [{"metadata": {"labline": {"index": index, **ours}}, "outputs": outputs}]}


def update(index: int, text: str, display_id: str = "x") -> dict[str, Any]:
    return executed(index, updates=[{"display_id": display_id, "data": {"text/plain": text}, "metadata": {}}])


def seen(*others: dict[str, Any]) -> str:
    (document,) = updated([executed(3, "first", displays={"x": [0]})], others)
    text: str = document["cells"][0]["outputs"][0]["data"]["text/plain"]
    return text


def test_the_last_cell_below_counts_whichever_step_is_asked_first() -> None:
    assert seen(update(7, "last"), update(5, "between")) == "last"


def test_cells_above_and_other_displays_change_nothing() -> None:
    assert seen(update(1, "above"), update(5, "other", "y")) == "first"


def test_a_notebook_without_such_displays_needs_no_others() -> None:
    assert not tells_of_displays('{"cells": [], "metadata": {}}')
