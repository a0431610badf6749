"""Kernels whose environments hold distributions that a test makes up."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

from labline_backend.kernels import Kernel


class Site:
    """A folder of distributions, on the path of a kernel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @property
    def kernel(self) -> Kernel:
        # Python itself, where little is installed, not the environment of the tests.
        return Kernel("own", getattr(sys, "_base_executable", sys.executable), {"PYTHONPATH": str(self.folder)})

    def add(
        self,
        name: str,
        version: str,
        *requires: str,
        files: tuple[str, ...] = (),
        source: dict[str, object] | None = None,
        installer: str = "pip",
    ) -> None:
        """Install a distribution; by default one with a module of its name."""
        paths = files or (f"{name.replace('-', '_')}/__init__.py",)
        for path in paths:
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"version = {version!r}\n")
        information = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        information.mkdir()
        for file, text in metadata(name, version, *requires).items():
            (information / file).write_text(text)
        (information / "INSTALLER").write_text(installer)
        (information / "RECORD").write_text("".join(f"{path},,\n" for path in paths))
        if source is not None:
            (information / "direct_url.json").write_text(json.dumps(source))

    def specify(self, folder: Path) -> Path:
        """Have Jupyter find the kernel in *folder*, a part of JUPYTER_PATH; the folder."""
        place = folder / "kernels" / "own"
        place.mkdir(parents=True)
        kernel = self.kernel
        document = {"argv": [kernel.python], "env": kernel.env, "display_name": "Own", "language": "python"}
        (place / "kernel.json").write_text(json.dumps(document))
        return folder


def metadata(name: str, version: str, *requires: str) -> dict[str, str]:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    return {"METADATA": "\n".join(lines) + "\n"}


def wheel(folder: Path, name: str, version: str, source: str) -> Path:
    """A wheel with one module, as an index would have it."""
    folder.mkdir(parents=True, exist_ok=True)
    information = f"{name}-{version}.dist-info"
    members = {
        f"{name}.py": source,
        f"{information}/METADATA": metadata(name, version)["METADATA"],
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    file = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
        archive.writestr(f"{information}/RECORD", "".join(f"{p},,\n" for p in (*members, f"{information}/RECORD")))
    return file
