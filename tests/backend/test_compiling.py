"""What compiling a file looks up beside the file: the libraries of its kernel."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from labline_backend.compiling import compile_file

TEXT = """\
# %% tags=["step:load"]
import {module}
# %% tags=["step:report"]
1
"""


def taken(path: Path, module: str) -> list[str]:
    """What the second step takes of a notebook whose first step imports *module*."""
    path.write_text(TEXT.format(module=module))
    pipeline = compile_file(path).compilation.pipeline
    assert pipeline is not None
    return [name for each in pipeline.step("report").inputs for name in each.names]


def test_a_library_that_the_kernel_lacks_may_change_any_option(tmp_path: Path) -> None:
    assert "@pandas.options" in taken(tmp_path / "a.py", "unheard_of")


def test_a_library_that_the_kernel_has_is_not_taken_to(tmp_path: Path) -> None:
    assert taken(tmp_path / "a.py", "labline_backend") == []


def test_what_another_interpreter_has_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    other = tmp_path / "python3"
    other.symlink_to(sys.executable)
    (kernel / "kernel.json").write_text(json.dumps({"argv": [str(other), "-m", "ipykernel"], "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert "@pandas.options" not in taken(tmp_path / "a.py", "unheard_of")
