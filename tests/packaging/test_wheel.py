"""What a user installs: the wheel, built from this tree, works from a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environment = {**os.environ, "HATCH_JUPYTER_BUILDER_SKIP_NPM": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize(
    "member",
    [
        "labline_backend/api/openapi.yaml",
        "labline_backend/store/migrations/env.py",
        "labline_backend/images/step/requirements.txt",
        "labline_runtime/specification.py",
        "labline_compiler/compile.py",
        "labline-0.1.0.data/data/share/jupyter/labextensions/@labline/labextension/package.json",
        "labline-0.1.0.data/data/share/jupyter/labextensions/@labline/labextension/install.json",
        "labline-0.1.0.data/data/etc/jupyter/jupyter_server_config.d/labline_backend.json",
        "labline-0.1.0.dist-info/licenses/LICENSE",
    ],
)
def test_the_wheel_holds(wheel: Path, member: str) -> None:
    assert member in zipfile.ZipFile(wheel).namelist()


def test_the_wheel_holds_no_tests_and_no_node_modules(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith("tests/") or "node_modules" in name]


def test_an_installed_wheel_checks_a_notebook(installed: Path) -> None:
    code = "import labline_backend.cli as c, sys; print(c.__file__); sys.argv[0] = 'labline'; c.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(ROOT / "notebooks" / "penguins.ipynb")],
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(str(installed))
