"""The law holds wherever following a notebook is given up: at its first statement, in the middle, at the last one."""

from __future__ import annotations

import random

import pytest

from labline_compiler.analysis import blurring
from labline_compiler.analysis.blurring import Blurring
from tests.compiler.generated import grammar
from tests.compiler.generated.processes import check, compiled


def _allow(monkeypatch: pytest.MonkeyPatch, work: int) -> None:
    monkeypatch.setattr(blurring, "_ALLOWED", work)
    monkeypatch.setattr(blurring, "_ALLOWED_A_LINE", 0)


def _works(monkeypatch: pytest.MonkeyPatch, text: str) -> list[int]:
    """How much work was done at each statement, where all of the notebook is followed."""
    works = []
    between = Blurring.between_statements

    def counted(self: Blurring) -> None:
        works.append(self.heap.work)
        between(self)

    with monkeypatch.context() as patched:
        patched.setattr(Blurring, "between_statements", counted)
        compiled(text)
    return works


@pytest.mark.parametrize(
    ("number", "part"),
    [
        (900001, 0),
        (900001, 0.6),
        (900009, 0.8),
        (900009, 1),
    ],
)
def test_a_notebook_that_is_followed_up_to_a_part_of_it_prints_the_same(
    number: int, part: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = grammar.notebook(random.Random(number), "python")
    works = _works(monkeypatch, text)
    _allow(monkeypatch, works[round(part * (len(works) - 1))])
    assert check(text, number) == "same"


CASES = {
    "memory that two arrays share": (
        "import numpy as np\nx = np.arange(4)\nv = x[:]",
        "x = x[:]",
        "spent = 1",
        "print(np.shares_memory(v, x))",
    ),
    "a list in another": ("a = [1]\nh = {'x': a}", "a = h['x']", "spent = 1", "print(h['x'] is a)"),
    "a list in another, which is changed": (
        "a = [1]\nh = {'x': a}",
        "a = h['x']",
        "spent = 1",
        "a.append(2)",
        "print(h)",
    ),
}


@pytest.mark.parametrize("steps", CASES.values(), ids=CASES.keys())
def test_what_shared_objects_before_following_was_given_up_travels_together(
    steps: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n".join(f'# %% tags=["step:s{number}"]\n{step}\n' for number, step in enumerate(steps))
    statements = "\n".join(steps).split("\n")
    _allow(monkeypatch, _works(monkeypatch, text)[statements.index("spent = 1")])
    assert check(text) == "same"
