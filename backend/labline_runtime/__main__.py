"""``python -m labline_runtime SPEC.json [--progress-fd N]``: run one step.

Exit code 0: the step succeeded. 1: it failed, ``result.json`` says why. 2: there is nothing to run.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from labline_runtime.specification import SCHEMA_VERSION, Progress, StepSpecification, from_json, to_json


def main(arguments: list[str] | None = None) -> int:
    """Run the step named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="labline_runtime", description="Run one step of a Labline pipeline.")
    parser.add_argument("specification", metavar="SPEC", help="the step specification, a JSON file")
    parser.add_argument(
        "--progress-fd", type=int, default=None, metavar="N", help="write progress lines to descriptor N"
    )
    options = parser.parse_args(arguments)
    try:
        spec = from_json(StepSpecification, Path(options.specification).read_text(encoding="utf-8"))
        if spec.schema != SCHEMA_VERSION:
            raise ValueError(f"it has schema {spec.schema}, this runtime reads schema {SCHEMA_VERSION}")
        if not Path(spec.working_directory).is_dir():
            raise ValueError(f"the working directory {spec.working_directory} does not exist")
        Path(spec.output_directory).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError, RecursionError) as error:
        sys.stderr.write(f"labline_runtime: cannot use {options.specification}: {error}\n")
        return 2
    try:
        from labline_runtime.execute import run_step
    except ImportError as error:
        sys.stderr.write(f"labline_runtime: {sys.executable} cannot run steps, it lacks {error.name}: {error}\n")
        return 2
    result = run_step(spec, _Reporter(options.progress_fd))
    return 0 if result.state == "succeeded" else 1


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
        except OSError:
            self._descriptor = None


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)
