"""Compiling through the API."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from ..notebooks import DOUBLE, code, notebook, write
from .conftest import Call


async def test_a_file_is_compiled(call: Call, jp_root_dir: Path) -> None:
    write(jp_root_dir / "double.ipynb", *DOUBLE)
    graph = (await call("POST", "pipelines", {"path": "double.ipynb"})).document["pipeline"]
    assert [step["name"] for step in graph["steps"]] == ["load", "double"]
    assert graph["edges"] == [{"source": "load", "target": "double", "names": ["numbers"]}]
    assert [(p["name"], p["default"], p["type"]) for p in graph["parameters"]] == [
        ("count", "3", "int"),
        ("label", "'x'", "str"),
    ]


async def test_the_editors_content_wins_over_the_file(call: Call, jp_root_dir: Path) -> None:
    write(jp_root_dir / "double.ipynb", *DOUBLE)
    content = notebook(code("x = 1", "step:only"))
    answer = await call("POST", "pipelines", {"path": "double.ipynb", "content": content})
    assert [step["name"] for step in answer.document["pipeline"]["steps"]] == ["only"]


async def test_a_notebook_that_was_never_saved_is_compiled(call: Call) -> None:
    answer = await call("POST", "pipelines", {"path": "Untitled.ipynb", "content": notebook(*DOUBLE)})
    assert answer.document["pipeline"]["notebook"] == "Untitled.ipynb"


async def test_an_order_without_values_is_an_edge_without_names(call: Call) -> None:
    content = notebook(code("x = 1", "step:first"), code("y = 1", "step:second", "prev:first"))
    answer = await call("POST", "pipelines", {"path": "a.ipynb", "content": content})
    assert answer.document["pipeline"]["edges"] == [{"source": "first", "target": "second", "names": []}]


async def test_cells_have_roles(call: Call) -> None:
    answer = await call("POST", "pipelines", {"path": "a.ipynb", "content": notebook(*DOUBLE)})
    assert [cell["role"] for cell in answer.document["cells"]] == ["parameters", "step", "step", "metrics"]


async def test_a_fault_in_the_notebook_is_a_finding(call: Call) -> None:
    content = notebook(code("x = 1", "step:good"), code("x = = 1", "step:bad"))
    answer = await call("POST", "pipelines", {"path": "a.ipynb", "content": content})
    assert answer.status == 200
    assert answer.document["pipeline"] is None
    assert [(f["code"], f["cell_index"], f["line"]) for f in answer.document["findings"]] == [("LL101", 1, 1)]


async def test_content_that_is_no_notebook_is_a_finding(call: Call) -> None:
    answer = await call("POST", "pipelines", {"path": "a.ipynb", "content": {"hello": 1}})
    assert [f["code"] for f in answer.document["findings"]] == ["LL005"]


async def test_a_file_that_is_not_there_is_named_as_the_client_did(call: Call, jp_root_dir: Path) -> None:
    (finding,) = (await call("POST", "pipelines", {"path": "none.ipynb"})).document["findings"]
    assert finding["code"] == "LL001"
    assert "none.ipynb" in finding["message"]
    assert str(jp_root_dir) not in finding["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="warm parents are for Linux")
async def test_what_is_compiled_has_a_warm_parent_soon(call: Call) -> None:
    def parents() -> list[str]:
        children = [path.read_text() for path in Path(f"/proc/{os.getpid()}/task").glob("*/children")]
        return [pid for pid in " ".join(children).split() if "forkserver" in Path(f"/proc/{pid}/cmdline").read_text()]

    assert not parents()
    await call("POST", "pipelines", {"path": "a.ipynb", "content": notebook(*DOUBLE)})
    async with asyncio.timeout(60):
        while not parents():
            await asyncio.sleep(0.01)
