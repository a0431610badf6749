"""``python -m labline_runtime SPEC.json [--progress-fd N]``: run one step, a part of one, or a part of a verification.

Exit code 0: it succeeded. 1: it failed, ``result.json`` says why. 2: there is nothing to run.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from labline_runtime import telemetry
from labline_runtime.apart import LoopSpecification
from labline_runtime.documents import from_plain, to_json
from labline_runtime.outcome import Progress
from labline_runtime.specification import StepSpecification

if TYPE_CHECKING:
    from labline_runtime.capture import CaptureSpecification
    from labline_runtime.verification import DifferencesSpecification, ReferenceSpecification

    Specification = (
        StepSpecification | LoopSpecification | ReferenceSpecification | DifferencesSpecification | CaptureSpecification
    )


def main(arguments: list[str] | None = None) -> int:
    """Run what the specification on the command line describes; returns the exit code."""
    import argparse  # a forked step does without

    parser = argparse.ArgumentParser(prog="labline_runtime", description="Run one step of a Labline pipeline.")
    parser.add_argument("specification", metavar="SPEC", help="the step specification, a JSON file")
    parser.add_argument(
        "--progress-fd", type=int, default=None, metavar="N", help="write progress lines to descriptor N"
    )
    options = parser.parse_args(arguments)
    telemetry.turn_off()  # in a pod nobody has; the engine says so to the processes that it starts
    return run(options.specification, options.progress_fd)


def run(specification: str, progress: int | None) -> int:
    """Run what the file *specification* describes, telling its *progress* on a descriptor; returns the exit code."""
    try:
        spec = _read(Path(specification))
        if spec.schema != type(spec).schema:
            raise ValueError(f"it has schema {spec.schema}, this runtime reads schema {type(spec).schema}")
        if not Path(spec.working_directory).is_dir():
            raise ValueError(f"the working directory {spec.working_directory} does not exist")
        Path(spec.output_directory).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError, RecursionError) as error:
        sys.stderr.write(f"labline_runtime: cannot use {specification}: {error}\n")
        return 2
    try:
        carry_out = _runner(spec)
    except ImportError as error:
        sys.stderr.write(f"labline_runtime: {sys.executable} cannot run steps, it lacks {error.name}: {error}\n")
        return 2
    return 0 if carry_out(_Reporter(progress)) else 1


def _read(path: Path) -> Specification:
    document = json.loads(path.read_text(encoding="utf-8"))
    task = document.get("task", "step") if isinstance(document, dict) else "step"
    return from_plain(_kind(task), document)


def _kind(task: object) -> type[Specification]:
    """What describes a *task*. Raises ``ValueError``. What no step needs is not imported ahead of one."""
    match task:
        case "step":
            return StepSpecification
        case "loop":
            return LoopSpecification
        case "reference":
            from labline_runtime.verification import ReferenceSpecification

            return ReferenceSpecification
        case "differences":
            from labline_runtime.verification import DifferencesSpecification

            return DifferencesSpecification
        case "capture":
            from labline_runtime.capture import CaptureSpecification

            return CaptureSpecification
    raise ValueError(f"this runtime knows no task {task!r}")


def _runner(spec: Specification) -> Callable[[_Reporter], bool]:
    """What carries *spec* out and says whether that succeeded. Raises ``ImportError`` where something is missing."""
    if isinstance(spec, StepSpecification):
        from labline_runtime.execute import run_step

        return lambda progress: run_step(spec, progress).state == "succeeded"
    if isinstance(spec, LoopSpecification):
        from labline_runtime.apart import run_part
        from labline_runtime.execute import run_step

        return lambda progress: run_part(spec, lambda step: run_step(step, progress)).state == "succeeded"
    from labline_runtime.verification import DifferencesSpecification, ReferenceSpecification

    if isinstance(spec, ReferenceSpecification):
        from labline_runtime.reference import run_reference

        return lambda progress: run_reference(spec, progress).error is None
    if isinstance(spec, DifferencesSpecification):
        from labline_runtime.differences import run_differences

        return lambda _: bool(run_differences(spec))
    from labline_runtime.capturing import run_capture

    return lambda _: not run_capture(spec).error


class _Reporter:
    """Writes progress lines; who does not listen any more is not told."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            try:
                os.set_inheritable(descriptor, False)
            except OSError:
                self._descriptor = None

    def __call__(self, progress: Progress) -> None:
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, to_json(progress).encode() + b"\n")
            if progress.event == "stays":  # who reads to the end is not kept waiting
                os.close(self._descriptor)
                self._descriptor = None
        except OSError:
            self._descriptor = None


if __name__ == "__main__":
    from labline_runtime import lingering

    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    with lingering.named():
        threading._shutdown()  # type: ignore[attr-defined]
    sys.exit(code)
