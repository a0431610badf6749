"""The slice, run once more in the interpreter of the notebook's kernel, on the values of a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

from labline_backend.engine.bundle import FRESH, runtime_bundle
from labline_backend.engine.variables import environment
from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.kernels import KernelError, find_kernel
from labline_backend.packaging.source import support
from labline_backend.store.encoding import dump
from labline_backend.store.records import RunRecord
from labline_backend.verification.interpreter import untracked
from labline_runtime.capture import CaptureResult, CaptureSpecification, Slice
from labline_runtime.documents import from_json

ROWS = 64


def capture(home: Home, run: RunRecord, sliced: Slice, folder: Path, rows: int = ROWS) -> CaptureResult:
    """Run *sliced* on the values of *run*; what was kept lies in *folder* then. Raises ``InputError``."""
    try:
        kernel = find_kernel(run.pipeline.kernel)
    except KernelError as error:
        raise InputError(str(error), (error.finding,)) from error
    spec = CaptureSpecification(str(home.root), run.id, run.folder, str(folder), sliced, support(), rows)
    path, log = folder / "spec.json", folder / "capture.log"
    path.write_text(dump(spec), "utf-8")
    variables = untracked({**environment(kernel, {}), "LABLINE_HOME": str(home.root)}, folder)
    command = [kernel.python, "-c", FRESH, str(runtime_bundle(home)), str(path)]
    try:
        with log.open("wb") as file:
            ended = subprocess.run(
                command, cwd=run.folder, env=variables, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False
            )
    except OSError as error:
        raise InputError(f"The notebook's interpreter could not be started: {error.strerror}.") from error
    try:
        result = from_json(CaptureResult, (folder / "result.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
        raise InputError(
            f"The notebook's interpreter ended with exit code {ended.returncode} before the slice had run. "
            f"Its last line was: {''.join(last)[:300]}"
        ) from error
    if result.error:
        raise InputError(result.error)
    return result
