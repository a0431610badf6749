"""Steps that are one `if`."""

from __future__ import annotations

import pytest

from labline_compiler.conditions import find_condition
from labline_compiler.ipython import parse_cell
from labline_compiler.pipeline import Condition
from labline_runtime.specification import CellSource


@pytest.mark.parametrize(
    ("sources", "text"),
    [
        (["if score > 0.9:\n    print(1)"], "score > 0.9"),
        (["# only a comment", "if (a\n    and b):\n    print(1)"], "a and b"),
        (["if a:\n    b = 1\nelse:\n    b = 2"], None),
        (["b = 1", "if a:\n    b = 2"], None),
        (["if a:\n    !ls"], None),
    ],
)
def test_the_condition_of_a_step_is_that_of_its_one_if(sources: list[str], text: str | None) -> None:
    cells = [CellSource(place, f"c{place}", source) for place, source in enumerate(sources)]
    found = find_condition(cells, [parse_cell(source).tree for source in sources])
    assert found == (None if text is None else Condition(len(sources) - 1, text))
