"""Other systems, each in an environment of its own that is made at the first use and kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ENVIRONMENTS = Path(__file__).parents[2] / "build" / "bench"


def wanted() -> bool:
    """Whether peers are to be installed and measured."""
    return os.environ.get("PEERS") == "1"


def environment(name: str, *packages: str) -> Path:
    """The interpreter of the environment called *name*, with the newest *packages* in it."""
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if not ready.exists():
        print(f"Installing {packages[0]} into {folder}, once", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)], check=True)
        uv = str(Path(sys.executable).with_name("uv"))
        # Byte-compiled: else the peer would be measured compiling its packages.
        command = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *packages]
        subprocess.run(command, check=True)
        ready.touch()
    return python
