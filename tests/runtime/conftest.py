"""Runs steps as a target does: a process of their own, a specification on disk, a log file.

They are forked from a warm parent, as the local engine's are; whoever asks for :meth:`Steps.start` gets an interpreter.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labline_backend.engine.bundle import runtime_bundle
from labline_backend.engine.warm import Order, Setting, WarmParents
from labline_backend.home import Home
from labline_runtime import telemetry
from labline_runtime.documents import from_json, to_json
from labline_runtime.outcome import ArtifactRecord, Progress, StepResult
from labline_runtime.specification import CellSource, StepInput, StepOutput, StepSpecification

BUNDLE = Path(__file__).parents[2] / "backend"
START = (
    f"import sys; sys.path.append({str(BUNDLE)!r}); import runpy; "
    "runpy.run_module('labline_runtime', run_name='__main__', alter_sys=True)"
)


@pytest.fixture(autouse=True)
def _no_figure_left_open() -> Iterator[None]:
    """Open figures are hidden state: what one test leaves, the next would find."""
    yield
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.close("all")


@dataclass(frozen=True)
class Ran:
    """What a step left behind."""

    exit_code: int
    log: str
    result: StepResult
    notebook: dict[str, Any]
    progress: tuple[Progress, ...]
    output: Path

    def outputs(self, cell: int = -1) -> list[dict[str, Any]]:
        return self.notebook["cells"][cell]["outputs"]

    def printed(self, cell: int = -1) -> str:
        return "".join(output["text"] for output in self.outputs(cell) if output["output_type"] == "stream")

    def inputs(self, *names: str) -> list[StepInput]:
        return [
            StepInput(taken, "before", a.path, a.digest, unaltered=taken)
            for a in self.result.artifacts
            for taken in [tuple(n for n in a.names if not names or n in names)]
            if taken
        ]


class Forked:
    """Steps that need not wait for an interpreter."""

    def __init__(self, root: Path) -> None:
        self._bundle = runtime_bundle(Home.open(root))
        self._parents = WarmParents()

    def setting(self, folder: Path, environment: dict[str, str]) -> Setting:
        """Where a step runs."""
        return Setting(sys.executable, self._bundle, folder, environment)

    def run(self, path: Path, folder: Path, environment: dict[str, str]) -> tuple[int, tuple[Progress, ...]]:
        """Run the step of the specification at *path*: its exit status, and the progress that it told."""
        reader, writer = os.pipe()
        ours, theirs = socket.socketpair()
        setting = self.setting(folder, environment)
        log, progress = (path.parent / "log").open("ab", buffering=0), os.fdopen(writer, "wb", buffering=0)
        with theirs, Order(setting, path, log, progress) as order:
            self._parents.start(order, theirs)
        with os.fdopen(reader) as lines, ours, ours.makefile() as told:
            ours.settimeout(120)
            progress_told = tuple(from_json(Progress, line) for line in lines)
            _, report = told
        return json.loads(report)["status"], progress_told

    def close(self) -> None:
        self._parents.close()


class Steps:
    """Writes specifications and runs them."""

    def __init__(self, folder: Path, forked: Forked) -> None:
        self._forked = forked
        self.folder = folder / "work"
        self.folder.mkdir()
        self.artifacts = folder / "artifacts"
        self._root = folder
        self._count = 0

    def specify(
        self, *cells: str | tuple[str, str] | tuple[str, str, int], outputs: Any = (), **fields: Any
    ) -> tuple[Path, StepSpecification]:
        self._count += 1
        output = self._root / f"step{self._count}"
        output.mkdir()
        sources = [cell if isinstance(cell, tuple) else (cell, "step") for cell in cells]
        spec = StepSpecification(
            run="run",
            pipeline="pipeline",
            step=fields.pop("step", "work"),
            notebook="notebook.ipynb",
            working_directory=str(self.folder),
            artifacts_directory=str(self.artifacts),
            output_directory=str(output),
            cells=tuple(CellSource(place, f"id{place}", *cell) for place, cell in enumerate(sources)),
            outputs=tuple(
                item if isinstance(item, StepOutput) else StepOutput(tuple(item.split())) for item in outputs
            ),
            inputs=tuple(fields.pop("inputs", ())),
            **fields,
        )
        path = output / "spec.json"
        path.write_text(to_json(spec))
        return path, spec

    def start(self, path: Path, environment: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[bytes]:
        log = (path.parent / "log").open("ab")
        try:
            return subprocess.Popen(
                [sys.executable, "-c", START, str(path), *options.pop("arguments", ())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                **options,
            )
        finally:
            log.close()

    def run(
        self,
        *cells: str | tuple[str, str] | tuple[str, str, int],
        environment: dict[str, str] | None = None,
        **fields: Any,
    ) -> Ran:
        path, _ = self.specify(*cells, **fields)
        code, progress = self._forked.run(path, self.folder, self.environment(environment or {}))
        return self.collect(path, code, progress)

    def environment(self, wanted: dict[str, str]) -> dict[str, str]:
        """The variables of a step that is to have those *wanted*."""
        own = {name: value for name, value in os.environ.items() if name != "LABLINE_HOME"}  # another in each test
        return own | wanted

    def collect(self, path: Path, code: int, progress: tuple[Progress, ...] = ()) -> Ran:
        output = path.parent
        log = (output / "log").read_text()
        assert (output / "result.json").exists(), log
        return Ran(
            exit_code=code,
            log=log,
            result=from_json(StepResult, (output / "result.json").read_text()),
            notebook=json.loads((output / "executed.ipynb").read_text()),
            progress=progress,
            output=output,
        )

    def chain(self, first: str, outputs: Any, second: str, **fields: Any) -> Ran:
        """Run *first*, then *second* with all that *first* put out."""
        before = self.run(first, outputs=outputs)
        assert before.result.error is None, before.result.error
        return self.run(second, inputs=before.inputs(), **fields)


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    with contextlib.closing(Forked(tmp_path_factory.mktemp("forked"))) as forked:
        yield forked


@pytest.fixture
def steps(tmp_path: Path, forked: Forked) -> Steps:
    return Steps(tmp_path, forked)


def mlflow_store(folder: Path) -> SimpleNamespace:
    """A new store of MLflow's in *folder*, where runs for steps can be started. Skips where there is no MLflow."""
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("pipeline", artifact_location=str(folder / "artifacts"))

    def start() -> SimpleNamespace:
        run = client.create_run(experiment).info.run_id
        environment = {
            "MLFLOW_TRACKING_URI": uri,
            "MLFLOW_RUN_ID": run,
            "MLFLOW_EXPERIMENT_ID": experiment,
            **telemetry.OFF,
        }
        return SimpleNamespace(id=run, environment=environment, get=lambda: client.get_run(run))

    return SimpleNamespace(client=client, experiment=experiment, uri=uri, start=start)


def artifact(ran: Ran, name: str) -> ArtifactRecord:
    return next(record for record in ran.result.artifacts if name in record.names)
