"""Loops and the last step under KFP's own local runner: they come to what they come to on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labline_compiler.pipeline import Foreach, StepOptions
from labline_runtime.failed import Failed

from .conftest import LocalRun, looping, step

Run = Callable[..., LocalRun]
TELL = "import json, pathlib\npathlib.Path('told').write_text(json.dumps([outcome, error]))"


def result(run: LocalRun, name: str = "s") -> dict[str, Any]:
    """What the step says of itself."""
    told: dict[str, Any] = json.loads(Path(run.steps[name]["step_result"]["path"]).read_text("utf-8"))
    return told


def test_items_run_in_tasks_of_their_own_and_come_together_in_order(run_on_kfp: Run, tmp_path: Path) -> None:
    ending = step("tell", TELL, reads="outcome error", options=StepOptions(exit=("outcome", "error")))
    body = "print('item', x)\n    open(f'ran-{x}', 'a').write('x')\n    1 / (x - 2)"
    run = run_on_kfp(
        looping(
            ending,
            body=body,
            foreach=Foreach(parallel=1, allow_failures=True),
            retries=1,
            outcome="'succeeded'",
            error="None",
        )
    )
    first, failed, third = run.value("s", "found")
    assert (first, third, run.value("b", "last")) == (2, 6, 6)
    assert isinstance(failed, Failed) and "ZeroDivisionError" in failed.error
    assert [item["state"] for item in result(run)["items"]] == ["succeeded", "failed", "succeeded"]
    assert [(tmp_path / f"ran-{x}").read_text() for x in (1, 2, 3)] == ["x", "xx", "x"]  # tried again by itself
    assert json.loads((tmp_path / "told").read_text()) == ["succeeded", None]
    notebook = json.loads(Path(run.steps["s"]["executed_notebook"]["path"]).read_text("utf-8"))
    printed = "".join(output.get("text", "") for output in notebook["cells"][-1]["outputs"])
    assert printed == "item 1\nitem 2\nitem 3\n"


def test_items_that_are_not_apart_run_as_a_whole(run_on_kfp: Run) -> None:
    run = run_on_kfp(looping(gathered="xs", xs="[1, 2]"))
    first, second = run.value("s", "found")
    assert first is second
    assert "item 1 of 2: " in result(run)["in_one"]


def test_an_item_that_fails_fails_the_run_and_the_last_step_is_told(run_on_kfp: Run, tmp_path: Path) -> None:
    ending = step("tell", TELL, reads="outcome error", options=StepOptions(exit=("outcome", "error")))
    run = run_on_kfp(looping(ending, body="1 / (x - 2)", xs="[1, 2]", outcome="'succeeded'", error="None"))
    assert "Step s failed: Item 2 of 2: Cell 1, line 3 raised ZeroDivisionError" in run.log
    assert ("s" in run.steps, "b" in run.steps) == (False, False)
    outcome, error = json.loads((tmp_path / "told").read_text())
    assert (outcome, error.startswith("A step failed")) == ("failed", True)
