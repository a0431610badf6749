"""The pipeline prints what the notebook prints, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.engine.engine import Engine
from labline_backend.home import Home
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse

from .cases import CASES
from .reference import Reference, cells_of, notebook_of


@pytest.mark.parametrize("name", CASES)
def test_the_last_step_prints_what_the_notebook_prints(
    name: str, engine: Engine, home: Home, reference: Reference, tmp_path: Path
) -> None:
    folder = tmp_path / "pipeline" / "base" / "work"
    folder.mkdir(parents=True)
    cells = cells_of(CASES[name])
    content = notebook_of(cells)
    compilation = compile_notebook(parse(content, folder / "case.ipynb"))
    assert compilation.pipeline is not None, compilation.findings

    run = engine.submit(
        compilation.pipeline,
        notebook="case.ipynb",
        folder=folder,
        content=content,
        parameters={},
        cache=False,
        findings=compilation.findings,
    )
    done = engine.wait(run.id, timeout=600)

    assert done.state == "succeeded", done.error
    last = compilation.pipeline.steps[-1].name
    printed = home.step_folder(run.id, last).joinpath("log.txt").read_text()
    assert printed == reference.printed(cells, tmp_path / "notebook" / "base" / "work")
