"""A kernel that is not the server's: ``.venv-libraries``, which ``make pytest`` creates."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.equivalence.judge import Judge, roomy_folder

KERNEL = "libraries"
PYTHON = Path(__file__).parents[2] / ".venv-libraries" / "bin" / "python"


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter of that environment."""
    if not PYTHON.exists():
        pytest.skip("there is no .venv-libraries: make pytest creates it")
    return str(PYTHON)


@pytest.fixture(scope="session")
def has(python: str) -> Callable[[str], bool]:
    """Whether the environment has a module."""

    def ask(name: str) -> bool:
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
        return subprocess.run([python, "-c", code], timeout=60).returncode == 0

    return ask


@pytest.fixture(scope="session")
def kernel(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a kernel that runs in that environment."""
    root = tmp_path_factory.mktemp("jupyter")
    folder = root / "kernels" / KERNEL
    folder.mkdir(parents=True)
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": KERNEL, "language": "python"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(root))
        yield KERNEL


@pytest.fixture(scope="module")
def judge(kernel: str, has: Callable[[str], bool], request: pytest.FixtureRequest) -> Iterator[Judge]:
    """What a module calls ``IMPORTED`` is imported once for all of its notebooks."""
    imported = ", ".join(filter(has, request.module.IMPORTED))
    with roomy_folder() as root, Judge(root, imported, kernel) as judge:
        yield judge
