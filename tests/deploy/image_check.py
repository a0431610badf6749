"""Builds an image on a base made of Debian's packages, and tries what it is for: ``make image-check [IMAGE=server]``.

The step's image is built twice, as two builds have to be one, and runs a step; the server's runs Labline's server; and
the hub's, built on the server's, starts what JupyterHub needs of it.

Takes minutes, root, mmdebstrap and buildah (Debian packages of these names); no registry of images is asked and no
daemon runs. The base stands in for ``python:VERSION-slim``: a minimal Debian with Python and venv, nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from labline_backend._version import __version__
from labline_backend.compiling import compile_file
from labline_backend.images.held import PYTHON
from labline_compiler.targets.kubeflow import compile_to_yaml
from tests.backend.notebooks import code, write
from tests.deploy.conftest import REPOSITORY

IMAGES = REPOSITORY / "deploy" / "images"
BASE = f"localhost/python:{PYTHON}-slim"
OUTPUT = "/tmp/output"  # in the container
VOLUMES = ("/data", "/notebooks", "/home/labline", "/tmp")  # of the server's pod
NOTEBOOK = "digits.ipynb"
SEAL = """\
mount -o remount,bind,ro /
exec setpriv --reuid 1000 --regid 0 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"
"""
PYTHON_ARGUMENT = ("--build-arg", f"PYTHON={PYTHON}")
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
    "writes_itself": any(os.access(folder, os.W_OK) for folder, _, _ in os.walk("/opt/labline")),
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

    def build(self, name: str, *options: str) -> str:
        """The image, by its Containerfile; its digest, which stands for every byte of its files."""
        file = IMAGES / name / "Containerfile"
        where: list[str | Path] = ["-f", file, "--ignorefile", f"{file}.dockerignore", "-t", image(name), REPOSITORY]
        self.buildah("build", "--pull-never", "--no-cache", *self._mounts, *options, *where, quiet=False)
        return self.buildah("inspect", "--type", "image", "--format", "{{.FromImageID}}", image(name))

    def container(self, of: str) -> str:
        """A container of an image."""
        return self.buildah("from", "--pull-never", of)

    def run(self, container: str, *command: str) -> str:
        """Run a command in the container, as its user; what it prints."""
        return self.buildah("run", container, "--", *command)

    def run_sealed(self, container: str, volumes: dict[str, Path], *command: str) -> str:
        """The same as a restricted pod does: on a read-only root, without capabilities; *volumes* are folders here."""
        mounted = [option for to, folder in volumes.items() for option in ("--volume", f"{folder}:{to}")]
        sealing = [*mounted, "--user", "0", "--cap-add", "CAP_SYS_ADMIN", container, "--", "sh", "-c", SEAL, "sh"]
        return self.buildah("run", *sealing, *command)

    def root(self, container: str) -> Path:
        """Where the container's files lie."""
        return Path(self.buildah("mount", container))


def image(name: str) -> str:
    """What the image is called."""
    return f"localhost/labline-{name}:{__version__}"


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


def probed(workshop: Workshop, container: str) -> dict[str, Any]:
    """What every image has to be, and its size. Raises ``AssertionError`` for what is not as it must be."""
    probe = json.loads(workshop.run(container, "python3", "-c", PROBE))
    assert (probe["user"], probe["group"]) == (1000, 0) and not probe["writes_itself"], probe
    assert not probe["compilers"], probe
    base = workshop.root(workshop.container(BASE))
    sizes = {"megabytes": size(workshop.root(container)) // 10**6, "megabytes_of_base": size(base) // 10**6}
    return {**probe, **sizes}


def step(workshop: Workshop) -> dict[str, Any]:
    """Build the step's image twice, and run a step in it."""
    first, second = (workshop.build("step", "--timestamp", "0", *PYTHON_ARGUMENT) for _ in range(2))
    assert first == second, f"Two builds differ: {first}, {second}."
    container = workshop.container(image("step"))
    probe = probed(workshop, container)
    assert not probe["jupyter"], probe
    workshop.run(container, *task(workshop.folder))
    output = workshop.root(container) / OUTPUT.lstrip("/")
    result = json.loads((output / "step_result").read_text())
    notebook = (output / "executed_notebook").read_text()
    assert result["state"] == "succeeded" and "slope 3.0" in notebook, (result, notebook)
    return {"image": first, **probe}


def server(workshop: Workshop) -> dict[str, Any]:
    """Build the server's image; on a read-only root, check and run a notebook in it, and ask its server."""
    workshop.build("server", *PYTHON_ARGUMENT)
    container = workshop.container(image("server"))
    probe = probed(workshop, container)
    workshop.run(container, "python3", "-m", "pip", "check")
    volumes = {each: workshop.folder / "volumes" / each.replace("/", "") for each in VOLUMES}
    for folder in volumes.values():
        folder.mkdir(parents=True)
        os.chown(folder, probe["user"], probe["group"])
    shutil.copy(REPOSITORY / "notebooks" / NOTEBOOK, volumes["/notebooks"])
    config = json.loads(workshop.buildah("inspect", "--type", "image", image("server")))["OCIv1"]["config"]
    script = (Path(__file__).parent / "in_server_image.py").read_text()
    arguments = [json.dumps([*config["Entrypoint"], *config["Cmd"]]), f"/notebooks/{NOTEBOOK}"]
    found = json.loads(workshop.run_sealed(container, volumes, "python3", "-c", script, *arguments))
    assert found["read_only"] and found["version"].endswith(__version__), found
    assert found["server"] == {"probe": 200, "stranger": 403, "owner": 200, "ended": 0}, found
    return {**probe, **found}


def hub(workshop: Workshop) -> dict[str, Any]:
    """Build the hub's image on the server's; see that JupyterHub, a user's server and the extension are in it."""
    workshop.build("server", *PYTHON_ARGUMENT)
    workshop.build("hub", "--build-arg", f"SERVER={image('server')}")
    container = workshop.container(image("hub"))
    probe = probed(workshop, container)
    workshop.run(container, "python3", "-m", "pip", "check")
    extensions = workshop.run(container, "sh", "-c", "jupyter labextension list 2>&1")
    assert re.search(rf"@labline/labextension v{re.escape(__version__)} .*enabled.*OK", extensions), extensions
    programs = ("labline", "jupyterhub", "jupyterhub-singleuser")
    return {**probe, **{name: workshop.run(container, name, "--version") for name in programs}}


CHECKS = {check.__name__: check for check in (step, server, hub)}


def main() -> None:
    """Build, run, and print what was found out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", nargs="?", choices=CHECKS, default="step")
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
            print(json.dumps(CHECKS[given.image](workshop), indent=1))
        finally:
            workshop.buildah("rm", "--all")


if __name__ == "__main__":
    main()
