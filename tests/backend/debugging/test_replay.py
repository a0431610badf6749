"""The way to where a step failed, and what a person finds there."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from labline_backend.debugging.replays import _end
from labline_runtime.outcome import StepError
from labline_runtime.replay import parts
from labline_runtime.specification import CellSource, Pause, StepSpecification
from tests.backend.cli.conftest import Labline
from tests.backend.notebooks import code, write

FAILING = (
    code("import math", "imports"),
    code("size = 3", "pipeline-parameters"),
    code(
        "import random\nrandom.seed(1)\nxs = list(range(size))\nclass Ratio:\n    def of(self, x): return x / 0",
        "step:make",
    ),
    code("ratio = Ratio()\ndrawn = random.random() * size", "step:use"),
    code("def far(y):\n    near = y * 2\n    return ratio.of(near)\nresult = far(len(xs) + math.floor(2.5))\nlate = 1"),
    code("print(result)", "step:show"),
)


def specification(*cells: str, **fields: object) -> StepSpecification:
    sources = tuple(CellSource(place, f"id{place}", *cell.split("|")[::-1]) for place, cell in enumerate(cells))
    return StepSpecification("r", "p", "s", "n.ipynb", "/w", "/a", "/o", cells=sources, **fields)  # type: ignore[arg-type]


def way(spec: StepSpecification, before: int | None = None) -> list[str]:
    found = parts(spec, Path("spec.json"), Path("bundle"), before)
    return [part.cell.id if part.cell is not None else part.code.rpartition("replay.")[2] for part in found]


def test_values_come_in_after_the_imports_and_between_the_cells_that_wait_for_them() -> None:
    spec = specification("imports|a", "b", "c", pauses=(Pause(after=1, takes=("x",)),))
    assert way(spec) == ["begin('spec.json')", "id0", "take_inputs()", "id1", "resume(1)", "id2"]


@pytest.mark.parametrize(("before", "last"), [(2, "id1"), (1, "take_inputs()"), (0, "begin('spec.json')")])
def test_what_was_never_done_is_left_out(before: int, last: str) -> None:
    assert way(specification("imports|a", "b", "c"), before)[-1] == last


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (StepError("m", ename="ValueError", traceback=("t",), cell_index=3), ("at", None)),
        (StepError("m", code="LL403", cell_index=3), ("before", 3)),
        (StepError("m", ename="SystemExit", traceback=("t",), cell_index=3), ("before", 3)),
        (StepError("m", code="LL210", variable="x"), ("end", None)),
        (None, ("end", None)),
    ],
)
def test_a_replay_ends_where_the_step_did(error: StepError | None, end: tuple[str, int | None]) -> None:
    assert _end(error) == end


def test_the_debugger_is_on_the_real_frames_with_the_steps_values(
    labline: Labline, environment: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "failing.ipynb", *FAILING)
    assert labline("run", "failing.ipynb", "--no-track").code == 1
    typed = "%debug\np x\nu\np near\nq\nprint(['here', drawn, xs, size, 'late' in globals()])\n"
    command = [sys.executable, "-m", "labline_backend", "debug", "latest", "use", "--console"]
    variables = {**environment, "PYTHONWARNINGS": "default", "IPYTHONDIR": str(tmp_path / "ipython"), "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, input=typed, capture_output=True, text=True, timeout=120
    )
    assert "ZeroDivisionError" in done.stdout, done.stderr
    assert done.stdout.count("10") >= 2  # x, and near above it
    assert f"['here', {random.Random(1).random() * 3!r}, [0, 1, 2], 3, False]" in done.stdout

    document = labline("debug", "latest", "use", "--json").document
    assert (document["stop"], document["cell_id"], document["line"]) == ("at", "c4", 3)
    assert [part["cell_id"] for part in document["parts"]] == [None, "c0", None, "c3", "c4"]

    refused = labline("debug", "latest", "show", "--console")
    assert (refused.code, "never began" in refused.err) == (2, True)
    told = labline("load", "latest", "use", "--code")
    assert told.out.splitlines()[1:] == ["%load_ext labline_runtime", f"%labline_load {document['run']} use"]
