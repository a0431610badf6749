"""Builds the step image twice, on a base made of Debian's packages, and runs a step in it: ``make image-check``.

Takes minutes, root, mmdebstrap and buildah (Debian packages of these names); no registry of images is asked and no
daemon runs. The base stands in for ``python:VERSION-slim``: a minimal Debian with Python and venv, nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from labline_backend.compiling import compile_file
from labline_backend.images.held import PYTHON
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE, compile_to_yaml
from tests.backend.notebooks import code, write
from tests.deploy.conftest import REPOSITORY

STEP = REPOSITORY / "deploy" / "images" / "step"
BASE = f"localhost/python:{PYTHON}-slim"
OUTPUT = "/tmp/output"  # in the container
CELL = """\
import numpy, pandas, pyarrow, scipy, sklearn
from sklearn.linear_model import LinearRegression
frame = pandas.DataFrame({"x": numpy.arange(5.0)})
slope = float(LinearRegression().fit(frame[["x"]], frame["x"] * 3).coef_[0])
print("slope", round(slope, 6))
"""
PROBE = """\
import importlib.util, json, os, shutil
modules = ("jupyterlab", "jupyter_server", "notebook", "ipykernel", "nbconvert")
programs = ("cc", "gcc", "g++", "c99", "clang", "make", "ld")
print(json.dumps({
    "user": os.getuid(), "group": os.getgid(),
    "jupyter": [name for name in modules if importlib.util.find_spec(name)],
    "compilers": [name for name in programs if shutil.which(name)],
    "writes_itself": os.access("/opt/labline", os.W_OK),
}))
"""


class Workshop:
    """A folder with a storage of images of its own."""

    def __init__(self, folder: Path, mounts: list[str]) -> None:
        self.folder = folder
        self._mounts = [option for path in mounts for option in ("--volume", f"{path}:{path}:ro")]

    def buildah(self, *arguments: str | Path, quiet: bool = True) -> str:
        """Run buildah; what it prints."""
        places = ["--root", self.folder / "images", "--runroot", self.folder / "run", "--storage-driver", "vfs"]
        command = ["buildah", *places, *arguments]
        environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        done = subprocess.run(
            list(map(str, command)),
            env=environment,
            stdout=subprocess.PIPE if quiet else sys.stderr,
            text=True,
            check=True,
        )
        return (done.stdout or "").strip()

    def base(self, suite: str) -> None:
        """A minimal Debian with Python, as an image."""
        root = self.folder / "base"
        packages = f"--include=python{PYTHON},python3,python3-venv"
        subprocess.run(["mmdebstrap", "--variant=minbase", packages, suite, root], stdout=sys.stderr, check=True)
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, root, "/")
        self.buildah("commit", "--quiet", "--rm", container, BASE)
        shutil.rmtree(root)

    def build(self) -> str:
        """The image, by its Containerfile; its digest, which stands for every byte of its files."""
        where = ["-f", STEP / "Containerfile", "--ignorefile", STEP / "Containerfile.dockerignore"]
        named = ["--build-arg", f"PYTHON={PYTHON}", "-t", DEFAULT_IMAGE]
        alike = ["--pull-never", "--no-cache", "--timestamp", "0"]
        self.buildah("build", *alike, *self._mounts, *where, *named, REPOSITORY, quiet=False)
        return self.buildah("inspect", "--type", "image", "--format", "{{.FromImageID}}", DEFAULT_IMAGE)

    def run(self, container: str, *command: str) -> str:
        """Run a command in the container, as its user; what it prints."""
        return self.buildah("run", container, "--", *command)

    def root(self, container: str) -> Path:
        """Where the container's files lie."""
        return Path(self.buildah("mount", container))


def size(root: Path) -> int:
    """Bytes of the files below *root*, each counted once whatever names it has."""
    found = (path.lstat() for path in root.rglob("*") if not path.is_symlink() and path.is_file())
    return sum({each.st_ino: each.st_size for each in found}.values())


def task(folder: Path) -> list[str]:
    """What a pod's container is started with for a step that uses the image's libraries."""
    compiled = compile_file(write(folder / "check.ipynb", code(CELL, "step:fit")))
    assert compiled.compilation.pipeline is not None
    document = next(yaml.safe_load_all(compile_to_yaml(compiled.compilation.pipeline)))
    container = document["deploymentSpec"]["executors"]["exec-fit"]["container"]
    outputs = {
        name: {"artifacts": [{"name": name, "type": each["artifactType"], "uri": f"{OUTPUT}/{name}", "metadata": {}}]}
        for name, each in document["components"]["comp-fit"]["outputDefinitions"]["artifacts"].items()
    }
    message = {"inputs": {}, "outputs": {"artifacts": outputs, "outputFile": f"{OUTPUT}/executor_output.json"}}
    return [*container["command"], *(json.dumps(message) if text == "{{$}}" else text for text in container["args"])]


def checked(workshop: Workshop) -> dict[str, Any]:
    """Run the step; what was found out. Raises ``AssertionError`` for what is not as it must be."""
    container = workshop.buildah("from", "--pull-never", DEFAULT_IMAGE)
    root = workshop.root(container)
    probe = json.loads(workshop.run(container, "python3", "-c", PROBE))
    assert probe["user"] != 0 and not probe["writes_itself"], probe
    assert not probe["jupyter"] and not probe["compilers"], probe
    workshop.run(container, *task(workshop.folder))
    result = json.loads((root / OUTPUT.lstrip("/") / "step_result").read_text())
    notebook = (root / OUTPUT.lstrip("/") / "executed_notebook").read_text()
    assert result["state"] == "succeeded" and "slope 3.0" in notebook, (result, notebook)
    base = workshop.root(workshop.buildah("from", "--pull-never", BASE))
    return {**probe, "megabytes": size(root) // 10**6, "megabytes_of_base": size(base) // 10**6}


def main() -> None:
    """Build, run, and print what was found out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="bookworm", help=f"the Debian whose python3 is {PYTHON}")
    parser.add_argument(
        "--mount", nargs="*", default=[], help="what pip needs while building: its settings, an authority"
    )
    given = parser.parse_args()
    lacking = [name for name in ("mmdebstrap", "buildah") if shutil.which(name) is None]
    if lacking or os.getuid() != 0:
        sys.exit(f"This takes root, mmdebstrap and buildah; lacking: {', '.join(lacking) or 'root'}.")
    with tempfile.TemporaryDirectory(prefix="labline-image-", ignore_cleanup_errors=True) as place:
        workshop = Workshop(Path(place), given.mount)
        try:
            workshop.base(given.suite)
            first, second = workshop.build(), workshop.build()
            assert first == second, f"Two builds differ: {first}, {second}."
            print(json.dumps({"image": first, **checked(workshop)}, indent=1))
        finally:
            workshop.buildah("rm", "--all")


if __name__ == "__main__":
    main()
