"""The parts of a loop as tasks that know of one another only by what they leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from labline_runtime.apart import LoopSpecification, run_part
from labline_runtime.outcome import StepResult
from labline_runtime.specification import CellSource, Looped, StepOutput, StepSpecification, Tries, code_digest


def never(_: StepSpecification) -> StepResult:
    raise AssertionError("the step was run in this process")


def part(
    folder: Path, name: Literal["list", "item"], over: str, body: str = "0", *, code: str = ""
) -> LoopSpecification:
    """The part *name* of a loop over *over*, whose items may fail."""
    cell = CellSource(0, "c", f"found = []\nfor x in {over}:\n    {body}\n    found.append(x)")
    start = cell.source.index(over)
    loop = Looped(0, start, start + len(over), (), code or code_digest([cell]), Tries())
    own = folder / name
    own.mkdir()
    step = StepSpecification(
        run="r",
        pipeline="p",
        step="s",
        notebook="n.ipynb",
        working_directory=str(folder),
        artifacts_directory=str(folder / "artifacts"),
        output_directory=str(own),
        cells=(cell,),
        outputs=(StepOutput(("found",)),),
        loop=loop,
    )
    return LoopSpecification(step, name)


def test_the_items_of_a_loop_are_listed(tmp_path: Path) -> None:
    listed = run_part(part(tmp_path, "list", "[1, 1, 2]"), never)
    first, second, third = listed.listed
    assert (first == second, first == third, listed.in_one) == (True, False, None)


def test_a_loop_over_nothing_is_to_run_as_a_whole(tmp_path: Path) -> None:
    assert run_part(part(tmp_path, "list", "[]"), never).in_one == ""


def test_cells_that_were_edited_are_to_run_as_a_whole(tmp_path: Path) -> None:
    listed = run_part(part(tmp_path, "list", "[1, 2]", code="of other cells"), never)
    assert listed.in_one == "its cells were changed after the loop had been looked at"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            "__import__('os').kill(__import__('os').getpid(), 9)",
            "Its process was killed by SIGKILL and left no result.",
        ),
        ("1 / 0", "Cell 1, line 3 raised ZeroDivisionError: division by zero"),
    ],
)
def test_an_item_that_may_fail_leaves_why_it_did(tmp_path: Path, body: str, why: str) -> None:
    run_part(part(tmp_path, "list", "[1, 2]", body), never)
    spec = replace(part(tmp_path, "item", "[1, 2]", body), listing=str(tmp_path / "list" / "result.json"))
    result = run_part(spec, never)
    assert (result.state, [(item.state, item.error) for item in result.items]) == ("succeeded", [("failed", why)])
