"""Runs the parts of a verification that need the kernel's interpreter, started and kept as steps are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from labline_backend.engine.launcher import Launcher
from labline_backend.engine.step_process import Exit, StepProcess
from labline_backend.engine.variables import environment
from labline_backend.home import Home
from labline_backend.kernels import Kernel
from labline_backend.store.encoding import dump
from labline_runtime.documents import from_json
from labline_runtime.outcome import Progress
from labline_runtime.verification import (
    DifferencesResult,
    DifferencesSpecification,
    ReferenceResult,
    ReferenceSpecification,
)

T = TypeVar("T", ReferenceResult, DifferencesResult)


class InterpreterError(Exception):
    """The interpreter ended without a result; the message is one sentence."""


Reason = Literal["cancelled", "interrupted"]
Stop = Callable[[], Reason | None]
"""Asked often: whether to stop, and why."""

_LOOK = 0.2  # seconds between two looks whether to stop


class Stopped(Exception):
    """The verification was told to stop, and everything that it started has ended."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"The verification was {reason}.")
        self.reason = reason


class Interpreter:
    """One kernel's interpreter, for one verification. What it writes goes below *scratch*.

    Every run is a child of a warm parent of its own: children of one parent have one layout of memory, and so would
    agree on what depends on addresses (``id``, the order of a set of objects), which is chance. Who verifies very many
    notebooks, and knows that none of them does, gives one *launcher* for all; it stays theirs. *tracks*: whether the
    notebook's code may record something with MLflow. *hash_seed*: that of the pipeline, where it is not the one here.
    """

    def __init__(
        self,
        home: Home,
        kernel: Kernel,
        folder: Path,
        scratch: Path,
        stop: Stop = lambda: None,
        launcher: Launcher | None = None,
        *,
        tracks: bool = True,
        hash_seed: str | None = None,
    ) -> None:
        self._home = home
        self._tracks = tracks
        self._fixed = {} if hash_seed is None else {"PYTHONHASHSEED": hash_seed}
        self._launcher = launcher
        self._kernel = kernel
        self._folder = folder
        self._scratch = scratch
        self._stop = stop

    def reference(self, spec: ReferenceSpecification, told: Callable[[Progress], None]) -> ReferenceResult:
        """Run the notebook. Raises ``InterpreterError`` and ``Stopped``."""
        return self._run(spec, ReferenceResult, told)

    def differences(self, spec: DifferencesSpecification) -> DifferencesResult:
        """Find the first difference of each pair. Raises ``InterpreterError`` and ``Stopped``."""
        return self._run(spec, DifferencesResult, lambda _: None)

    def _run(
        self,
        spec: ReferenceSpecification | DifferencesSpecification,
        kind: type[T],
        told: Callable[[Progress], None],
    ) -> T:
        output = Path(spec.output_directory)
        output.mkdir(parents=True, exist_ok=True)
        path = output / "spec.json"
        path.write_text(dump(spec), "utf-8")
        ended = asyncio.run(self._watch(path, output / "log.txt", told))
        try:
            return from_json(kind, (output / "result.json").read_text("utf-8", "surrogatepass"))
        except (OSError, ValueError) as error:
            raise InterpreterError(f"The notebook's interpreter {_how(ended)}.{_last_words(output)}") from error

    async def _watch(self, spec: Path, log: Path, told: Callable[[Progress], None]) -> Exit:
        launcher = self._launcher or Launcher(self._home)
        try:
            with log.open("ab", buffering=0) as file:
                process = launcher.launch(self._kernel, spec, self._folder, file, self._environment())
            return await _wait(process, told, self._stop)
        finally:
            if launcher is not self._launcher:
                launcher.close()

    def _environment(self) -> dict[str, str]:
        variables = environment(self._kernel, self._fixed)
        return untracked(variables, self._scratch) if self._tracks else variables


_WHERE_MLFLOW_RECORDS = ("MLFLOW_TRACKING_", "MLFLOW_REGISTRY_", "MLFLOW_EXPERIMENT_", "MLFLOW_RUN_")


def untracked(variables: dict[str, str], scratch: Path) -> dict[str, str]:
    """*variables*, with the notebook's own MLflow calls kept out of anybody's store: they go to a throwaway one.

    A file store, because it needs no database, and takes its artifacts along.
    """
    store = (scratch / "mlflow").as_uri()
    kept = {name: value for name, value in variables.items() if not name.startswith(_WHERE_MLFLOW_RECORDS)}
    return kept | {"MLFLOW_TRACKING_URI": store, "MLFLOW_REGISTRY_URI": store, "MLFLOW_ALLOW_FILE_STORE": "true"}


async def _wait(process: StepProcess, told: Callable[[Progress], None], stop: Stop) -> Exit:
    follower = asyncio.create_task(_follow(process, told))
    waiter = asyncio.create_task(process.wait())
    try:
        while not waiter.done():
            if (reason := stop()) is not None:
                raise Stopped(reason)
            await asyncio.wait({waiter}, timeout=_LOOK)
        return waiter.result()
    finally:
        process.kill()
        while not waiter.done():  # whoever interrupts, and however often: no process is left behind
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({waiter})
        await follower


async def _follow(process: StepProcess, told: Callable[[Progress], None]) -> None:
    async for line in process.progress():
        with contextlib.suppress(ValueError):  # a stray write of the user's code to the descriptor
            told(from_json(Progress, line.decode()))


def _how(ended: Exit) -> str:
    if ended.problem is not None:
        return f"could not be used: {ended.problem}"
    if ended.status is not None and ended.status < 0:
        return f"was killed by signal {-ended.status} before the notebook had ended"
    return f"ended with exit code {ended.status} before the notebook had"


def _last_words(output: Path) -> str:
    with contextlib.suppress(OSError):
        lines = (output / "log.txt").read_text("utf-8", "replace").strip().splitlines()
        if lines:
            return f" Its last line was: {lines[-1][:300]}"
    return ""
