"""A console in the kernel's interpreter, on this terminal."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from labline_backend.debugging.replays import Replay, fetch
from labline_backend.errors import InputError

if TYPE_CHECKING:
    from labline_backend.service import Service
    from labline_backend.store.records import RunRecord


def load(service: Service, run: str, step: str, *, outputs: bool) -> int:
    """Open a console with the step's inputs, or its outputs; its exit code. Raises ``InputError``."""
    record = service.get(run)
    service.step(run, step)
    plan = record.pipeline.step(step)
    fetch(service, record, [step] if outputs else [taken.source for taken in plan.inputs])
    return _open(service, record, {"load": [run, step, outputs], "home": str(service.home.root)})


def debug(service: Service, replay: Replay) -> int:
    """Open a console where the step failed; its exit code. Raises ``InputError``."""
    return _open(service, replay.run, {"debug": str(replay.specification), "before": replay.before})


def lines(service: Service, run: str, step: str, *, outputs: bool) -> str:
    """What to type in any kernel to have the same there."""
    from labline_backend.engine.bundle import runtime_bundle

    service.step(run, step)
    bundle = runtime_bundle(service.home)
    flag = " --outputs" if outputs else ""
    return f"import sys; sys.path.append({str(bundle)!r})\n%load_ext labline_runtime\n%labline_load {run} {step}{flag}"


def _open(service: Service, record: RunRecord, request: dict[str, Any]) -> int:
    from labline_backend.engine.bundle import CONSOLE, runtime_bundle
    from labline_backend.engine.variables import environment
    from labline_backend.kernels import KernelError, find_kernel

    try:
        kernel = find_kernel(record.pipeline.kernel)
    except KernelError as error:
        raise InputError(str(error), (error.finding,)) from error
    command = [kernel.python, "-c", CONSOLE, str(runtime_bundle(service.home)), json.dumps(request)]
    variables = {**environment(kernel, {}), "LABLINE_HOME": str(service.home.root)}
    try:
        return subprocess.run(command, cwd=record.folder, env=variables, check=False).returncode
    except OSError as error:
        raise InputError(f"The console could not be started: {error.strerror}: {error.filename}.") from error
