"""Compiling one notebook of 21 cells, beside Kale, which is the newest release in an environment of its own.

Only with ``PEERS=1`` in the environment: making that environment (once, in ``build/bench/kale``) downloads packages.

Two questions, each within a process that is up already and as a command. *Analysis*: from the file to what the steps
are and hand to each other, where Kale ends with the Python source of its pipeline. *YAML*: from the file to what
Kubeflow Pipelines takes, which for both is mostly the time of KFP's own compiler, and for a command that of imports.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import read
from labline_compiler.targets.kubeflow import compile_to_yaml

from . import peers
from .compile import ordinary

NAME = "compile_beside_kale"
TITLE = "Compiling a notebook of 21 cells (CPU seconds)"
REFERENCE = "kale, analysis, in process"
ROUNDS = 3
CELLS = 21
PEER = Path(__file__).with_name("kale_peer.py")
START_SECONDS = 120.0


def measure() -> dict[str, list[float]]:
    """CPU seconds of one compilation, by contender; the contenders take turns so that noise meets all of them alike."""
    python = peers.environment("kale", "kubeflow-kale")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "bench.ipynb"
        path.write_text(json.dumps(_notebook()))
        with _Peer(python, path) as peer:
            contenders: dict[str, Callable[[], float]] = {
                REFERENCE: lambda: peer.seconds("analysis"),
                "kale, YAML, in process": lambda: peer.seconds("yaml"),
                "kale, YAML, command": lambda: _command([str(python.with_name("kale")), "--nb", path.name], folder),
                "labline, analysis, in process": lambda: _in_process(path, yaml=False),
                "labline, YAML, in process": lambda: _in_process(path, yaml=True),
                "labline, YAML, command": lambda: _command(
                    [str(Path(sys.executable).with_name("labline")), "compile", path.name, "-o", "bench.yaml"], folder
                ),
            }
            samples: dict[str, list[float]] = {contender: [] for contender in contenders}
            for contender, once in contenders.items():
                if contender.endswith("in process"):
                    once()  # the first time imports
            for _ in range(ROUNDS):
                for contender, once in contenders.items():
                    samples[contender].append(once())
    return samples


def _notebook() -> dict[str, object]:
    """The notebook, with the tags of both; Kale has to be told the order of the steps."""
    tags = [["imports"], *([f"step:s{i}", *([f"prev:s{i - 1}"] if i > 1 else [])] for i in range(1, CELLS))]
    cells = [
        {
            "id": f"c{i}",
            "cell_type": "code",
            "source": source,
            "metadata": {"tags": tags[i]},
            "outputs": [],
            "execution_count": None,
        }
        for i, source in enumerate(ordinary(CELLS))
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _in_process(path: Path, *, yaml: bool) -> float:
    start = time.process_time()
    compilation = compile_notebook(read(path))
    assert compilation.pipeline is not None, compilation.findings
    if yaml:
        compile_to_yaml(compilation.pipeline)
    return time.process_time() - start


def _command(command: list[str], folder: Path) -> float:
    """CPU seconds of a process and those it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


class _Peer(contextlib.AbstractContextManager["_Peer"]):
    """Kale in a process that stays, so that its imports are not measured."""

    def __init__(self, python: Path, notebook: Path) -> None:
        self._process = subprocess.Popen(
            [str(python), "-P", str(PEER), notebook.name],  # not beside this file, which has the package's name
            cwd=notebook.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def seconds(self, what: str) -> float:
        """CPU seconds of one compilation."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"Kale ended with status {self._process.wait(START_SECONDS)}"
        return float(answer)

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()  # it ends with its input
        self._process.wait(START_SECONDS)
        self._process.stdout.close()
