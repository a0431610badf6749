"""A chain of ten steps that do nothing: what is left is the engine's own cost.

``nbclient`` runs the same ten cells in one kernel, which is what executing the notebook without any pipeline costs.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from labline_backend.engine.engine import Engine
from labline_backend.home import Home
from labline_backend.store.runs import RunStore
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse

NAME = "chain_of_ten"
TITLE = "Chain of ten empty steps (nothing cached)"
REFERENCE = "nbclient, whole notebook"
ROUNDS = 5
STEPS = 10


def measure() -> dict[str, list[float]]:
    """Seconds a round, by contender; the contenders take turns so that noise meets all of them alike."""
    samples: dict[str, list[float]] = {"labline, engine resident": [], REFERENCE: []}
    notebook = _notebook()
    with tempfile.TemporaryDirectory() as folder:
        home = Home.open(Path(folder) / "home")
        engine = Engine(home, RunStore(home), None)
        try:
            _run_pipeline(engine, notebook, Path(folder))  # the first run prepares the data folder
            for _ in range(ROUNDS):
                samples["labline, engine resident"].append(_run_pipeline(engine, notebook, Path(folder)))
                samples[REFERENCE].append(_run_nbclient(notebook, Path(folder)))
        finally:
            engine.close()
    return samples


def _notebook() -> dict[str, object]:
    import nbformat

    cells = [
        nbformat.v4.new_code_cell(f"x{i} = {'0' if i == 0 else f'x{i - 1} + 1'}", metadata={"tags": [f"step:s{i}"]})
        for i in range(STEPS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return dict(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}))


def _run_pipeline(engine: Engine, content: dict[str, object], folder: Path) -> float:
    compilation = compile_notebook(parse(content, folder / "chain.ipynb"))
    assert compilation.pipeline is not None, compilation.findings
    start = time.perf_counter()
    run = engine.submit(
        compilation.pipeline,
        notebook="chain.ipynb",
        folder=folder,
        content=content,
        parameters={},
        cache=False,
        findings=compilation.findings,
    )
    done = engine.wait(run.id, timeout=120)
    seconds = time.perf_counter() - start
    assert done.state == "succeeded", done.error
    return seconds


def _run_nbclient(content: dict[str, object], folder: Path) -> float:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.from_dict(content)
    start = time.perf_counter()
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return time.perf_counter() - start
