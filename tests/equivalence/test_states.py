"""The two sides of hidden state, the compiler's table and the runtime's, name the same states."""

from __future__ import annotations

from pathlib import Path

from labline_backend.engine.engine import Engine
from labline_backend.home import Home
from labline_compiler.analysis import hidden_state as compiled
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_runtime import hidden_state as carried

from .notebooks import cells_of, notebook_of


def test_every_state_that_the_compiler_lets_flow_can_be_carried_and_none_else() -> None:
    assert {*compiled.AMBIENT, *compiled.RANDOM_STATES, compiled.FIGURES} == set(carried.STATES)


def test_every_operation_uses_a_state_that_flows() -> None:
    used = {use.state for uses in compiled.CALLS.values() for use in uses} | set(compiled.ASSIGNMENTS.values())
    assert used <= set(carried.STATES)


PARALLEL = """
import random
random.seed(5)
---
print(random.random())
---
print(random.random())
"""


def test_steps_that_draw_side_by_side_draw_the_same_in_every_run(engine: Engine, home: Home, tmp_path: Path) -> None:
    content = notebook_of(cells_of(PARALLEL))
    content["metadata"]["labline"] = {"parallel_random": True}
    pipeline = compile_notebook(parse(content, tmp_path / "case.ipynb")).pipeline
    assert pipeline is not None
    printed = []
    for _ in range(2):
        run = engine.submit(
            pipeline,
            notebook="case.ipynb",
            folder=tmp_path,
            content=content,
            parameters={},
            cache=False,
            findings=(),
        )
        assert engine.wait(run.id, timeout=600).state == "succeeded"
        printed.append([home.step_folder(run.id, f"step_{n}").joinpath("log.txt").read_text() for n in (1, 2)])
    assert printed[0] == printed[1]
    assert printed[0][0] != printed[0][1]
