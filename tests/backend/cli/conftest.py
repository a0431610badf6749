"""The ``labline`` command as a user starts it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]
SECONDS = 180  # after which a command that hangs has failed


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


Labline = Callable[..., Done]


@pytest.fixture
def environment(labline_home: Path, tmp_path: Path) -> dict[str, str]:
    """What commands run in: this test's data folder, and nothing of whoever runs the tests."""
    places = [str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(places),
        "LABLINE_HOME": str(labline_home),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter-config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "jupyter-runtime"),
        "PYTHONWARNINGS": "error",
    }


@pytest.fixture
def labline(environment: dict[str, str], tmp_path: Path) -> Labline:
    """Run a command to its end. A traceback on either stream fails the test, whatever it tests."""

    def labline(*arguments: str | Path, **more: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "labline_backend", *map(str, arguments)],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert "Traceback (most recent call last)" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return labline
