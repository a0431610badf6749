"""Container engines: which is there, and building with it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from labline_backend.images.context import CONTAINERFILE

ENGINES = ("podman", "docker", "buildah")
SECONDS = 20  # for an engine to say which it is


def command(engine: str, reference: str, context: Path) -> list[str]:
    """What builds the image."""
    return [engine, "build", "-f", str(context / CONTAINERFILE), "-t", reference, str(context)]


def shown(engine: str, reference: str, context: Path) -> str:
    """The same for a person to type."""
    return shlex.join(command(engine, reference, context))


def usable() -> str | None:
    """The first engine that is on the path and answers: docker is there without its daemon often enough."""
    for name in ENGINES:
        if shutil.which(name) is None:
            continue
        try:
            subprocess.run([name, "version"], capture_output=True, timeout=SECONDS, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        return name
    return None


def run(command: Sequence[str]) -> int:
    """Run a build, with what it says on standard error; its exit code. Raises ``OSError``."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(), check=False).returncode
