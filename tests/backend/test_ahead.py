"""What a command starts before it imports what it needs itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from labline_backend import ahead
from labline_backend.home import Home

NOTEBOOK = {"cells": [], "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}

LOOK = """
import sys
from pathlib import Path
from labline_backend import ahead
from labline_backend.home import Home

launcher = ahead.launcher(Home.open(Path(sys.argv[1])), Path(sys.argv[2]))
assert launcher is not None
launcher.close()
print(*sorted({"asyncio", "labline_compiler.compile", "labline_backend.store.runs"} & sys.modules.keys()))
"""


def written(folder: Path, document: object) -> Path:
    path = folder / "notebook.ipynb"
    path.write_text(json.dumps(document))
    return path


def test_neither_the_compiler_nor_the_engine_is_imported_for_it(tmp_path: Path) -> None:
    notebook = written(tmp_path, NOTEBOOK)
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(tmp_path / "home"), str(notebook)], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize(
    "document",
    [[], "text", {"metadata": 1}, {"metadata": {"kernelspec": {}}}, {"metadata": {"kernelspec": {"name": "no-such"}}}],
)
def test_what_names_no_kernel_starts_nothing_and_is_left_to_the_run(tmp_path: Path, document: object) -> None:
    assert ahead.launcher(Home.open(tmp_path / "home"), written(tmp_path, document)) is None


def test_a_missing_notebook_is_left_to_the_run(tmp_path: Path) -> None:
    assert ahead.launcher(Home.open(tmp_path / "home"), tmp_path / "none.ipynb") is None
