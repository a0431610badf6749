"""Packages that lie in a folder and are built by code of their own, so that uv needs no index for them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from .conftest import until

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "{name}"
version = "1.0"
"""

BACKEND = """\
import fcntl, os, pathlib, time, zipfile

def build_wheel(folder, *_, **__):
    {wait}
    info = "{name}-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(folder, "{name}-1.0-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("{name}.py", "")
        wheel.writestr("{name}.pth", {path!r})
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return "{name}-1.0-py3-none-any.whl"
"""

WAIT = """\
mark = open({mark!r}, "w")
    fcntl.flock(mark, fcntl.LOCK_EX)
    mark.write(str(os.getpgid(0)))
    mark.flush()
    time.sleep(3600)"""


class Package:
    """A package in *folder*. One that is *endless* is being built until its builder is ended; what is in the folder
    *path* is found where the package is installed."""

    def __init__(self, folder: Path, name: str, *, endless: bool = False, path: str = "") -> None:
        folder.mkdir()
        self.line = f"{name} @ {folder.as_uri()}"
        self._mark = folder.with_name(f"{name}.building")
        wait = WAIT.format(mark=str(self._mark)) if endless else "pass"
        (folder / "pyproject.toml").write_text(PROJECT.format(name=name))
        (folder / "backend.py").write_text(BACKEND.format(name=name, wait=wait, path=path))

    def builders(self) -> int:
        """The process group of those who build it, once they do."""
        return int(until(lambda: self._mark.exists() and self._mark.read_text()))

    def is_being_built(self) -> bool:
        """Whether a process that has begun to build it lives."""
        with self._mark.open("r+") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def end(self) -> None:
        """End those who build it, whoever they are."""
        if self._mark.exists() and self.is_being_built():
            os.killpg(self.builders(), 9)
