"""What the pipeline shows is what the notebook shows, pixel by pixel."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from labline_backend.engine.engine import Engine
from labline_backend.home import Home
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse

from .notebooks import cells_of, notebook_of

# Runs a notebook in a real kernel, and writes it back.
_KERNEL = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""

CASES = {
    "figures_of_the_inline_backend": """
# tags: imports
import matplotlib
import matplotlib.pyplot as plt
---
plt.style.use("ggplot")
plt.rcParams["figure.figsize"] = (3, 2)
fig, ax = plt.subplots()
ax.plot([1, 3, 2])
---
plt.plot([1, 2], label="on a figure of its own")
plt.legend()
---
ax.plot([2, 2, 2])
ax.set_title("altered later")
fig
---
# same step
plt.sca(ax)
plt.plot([3, 1, 1])
plt.savefig("kept.png")
print(plt.get_fignums(), ax is plt.gca())
""",
    "figures_that_stay_open": """
# tags: imports
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
---
plt.figure(3, figsize=(3, 2))
plt.plot([1, 3, 2])
left = plt.subplot(1, 2, 1)
other = plt.figure()
---
plt.figure(3)
plt.plot([2, 2, 2])
left.set_title("left")
---
plt.subplot(1, 2, 2)
plt.hist([1, 2, 2])
---
print(plt.get_fignums(), left.figure is plt.figure(3), plt.gcf() is left.figure)
plt.savefig("kept.png")
""",
    "a_format_set_where_nothing_is_drawn": """
import matplotlib.pyplot as plt
plt.figure(figsize=(2, 1));
---
%config InlineBackend.figure_format = "retina"
---
plt.figure(figsize=(2, 1))
plt.plot([1, 3, 2]);
""",
    "how_figures_are_shown": """
import matplotlib.pyplot as plt
%matplotlib inline
%config InlineBackend.close_figures = False
%config InlineBackend.figure_format = "retina"
fig = plt.figure(figsize=(2, 1))
plt.plot([1, 3, 2])
---
plt.plot([2, 2, 2])
---
plt.title("one figure")
print(plt.get_fignums(), fig is plt.gcf())
fig
""",
}


def run(engine: Engine, home: Home, cells: list[tuple[str, list[str]]], folder: Path) -> dict[str, Any]:
    """Run the cells as a pipeline. Cell -> what it shows; file -> its pixels."""
    folder.mkdir(parents=True)
    content = notebook_of(cells)
    compilation = compile_notebook(parse(content, folder / "case.ipynb"))
    assert compilation.pipeline is not None, compilation.findings
    made = engine.submit(
        compilation.pipeline,
        notebook="case.ipynb",
        folder=folder,
        content=content,
        parameters={},
        cache=False,
        findings=compilation.findings,
    )
    done = engine.wait(made.id, timeout=600)
    assert done.state == "succeeded", done.error
    shown: dict[str, Any] = {}
    for step in compilation.pipeline.steps:
        executed = json.loads(home.step_folder(made.id, step.name).joinpath("executed.ipynb").read_text())
        shown |= {cell["id"]: outputs_of(cell) for cell in executed["cells"] if cell["outputs"]}
    return shown | pictures_in(folder)


def outputs_of(cell: Any) -> list[Any]:
    """Texts without addresses, pictures by their pixels."""
    found: list[Any] = []
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            found.append(pixels(base64.b64decode(data["image/png"])))
        else:
            text = "".join(output.get("text", data.get("text/plain", "")))
            found.append(re.sub(r"\b0x[0-9a-f]+", "0x", text))
    return found


def pixels(content: bytes) -> tuple[tuple[int, int], bytes]:
    with Image.open(io.BytesIO(content)) as image:
        return image.size, image.convert("RGBA").tobytes()


def pictures_in(folder: Path) -> dict[str, Any]:
    return {path.name: pixels(path.read_bytes()) for path in folder.glob("*.png")}


def in_one_step(cells: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    return [(source, ["step:whole"]) for source, _ in cells]


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_steps_show_what_the_whole_notebook_shows(name: str, engine: Engine, home: Home, tmp_path: Path) -> None:
    cells = cells_of(CASES[name])
    whole = run(engine, home, in_one_step(cells), tmp_path / "whole")
    assert run(engine, home, cells, tmp_path / "steps") == whole
    assert any(isinstance(part, tuple) for parts in whole.values() for part in (*parts, parts))


def test_a_step_shows_what_a_kernel_shows(engine: Engine, home: Home, tmp_path: Path) -> None:
    cells = cells_of(CASES["figures_of_the_inline_backend"])
    folder = tmp_path / "kernel"
    folder.mkdir()
    written = folder / "case.ipynb"
    written.write_text(json.dumps(notebook_of(cells)))
    subprocess.run(
        [sys.executable, "-c", _KERNEL, str(written)], cwd=folder, capture_output=True, timeout=600, check=True
    )
    executed = json.loads(written.read_text())["cells"]
    shown = {cell["id"]: outputs_of(cell) for cell in executed if cell["outputs"]} | pictures_in(folder)
    assert run(engine, home, in_one_step(cells), tmp_path / "whole") == shown
