"""The pipeline as compiled for Kubeflow, under KFP's own local runner: what it hands on, as :class:`Outcome`.

The runner executes the component of every step in a process of Labline's own interpreter, in the notebook's folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from labline_backend.engine.variables import environment
from labline_backend.kernels import Kernel
from labline_backend.verification.comparison import HandedOn, Outcome
from labline_backend.verification.interpreter import untracked
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step
from labline_runtime.verification import StoredValue

RUNNER = (sys.executable, "-P", "-m", "labline_backend.verification.kubeflow_runner")
"""What runs a compiled pipeline; its interpreter is that of the steps, too."""


def runs_in(kernel: Kernel) -> bool:
    """Whether the runner's interpreter is *kernel*'s."""
    return Path(kernel.python).absolute().parent == Path(sys.executable).absolute().parent


def left_out(pipeline: Pipeline, here: Callable[[Pipeline], tuple[Finding, ...]]) -> tuple[Finding, ...]:
    """What steps ask for and do not get under the runner: what Kubeflow has no field for, what is not on this machine,
    which *here* tells, and what the runner leaves out of what Kubeflow gives.
    """
    from labline_compiler.targets.kubeflow import compile_to_yaml
    from labline_compiler.targets.kubeflow_options import UNSUPPORTED_OPTION

    report: list[Finding] = []
    compile_to_yaml(pipeline, report=report)
    asking = {
        "timeouts": [step.name for step in pipeline.steps if step.options.timeout is not None],
        "limits and requests": [step.name for step in pipeline.steps if step.options.limits or step.options.requests],
    }
    for what, steps in asking.items():
        if steps:
            named = f"{'Steps' if len(steps) > 1 else 'Step'} {', '.join(steps)}"
            message = f"{named}: KFP's local runner knows no {what}."
            fix = "Nothing: values do not depend on it, unless a step goes beyond."
            report.append(Finding(UNSUPPORTED_OPTION, "info", message, step=steps[0], fix=fix))
    return (*report, *(found for found in here(pipeline) if found not in report))


def run(pipeline: Pipeline, parameters: Mapping[str, str], kernel: Kernel, folder: Path, scratch: Path) -> Outcome:
    """Compile *pipeline* and run it with *parameters* (Python literals) in *folder*."""
    from labline_compiler.targets.kubeflow import arguments, compile_to_yaml, task_names

    pipeline = replace(pipeline, steps=tuple(map(_here, pipeline.steps)))
    source, result = scratch / "pipeline.yaml", scratch / "kfp.json"
    source.write_text(compile_to_yaml(pipeline, report=[]), "utf-8")
    order = {
        "pipeline": str(source),
        "root": str(scratch / "kfp"),
        "arguments": arguments(pipeline, parameters),
        "result": str(result),
    }
    log = scratch / "kfp.log"
    ended = _run(json.dumps(order), untracked(environment(kernel, {}), scratch), folder, log)
    left: dict[str, Any] = json.loads(result.read_text("utf-8")) if result.exists() else {}
    steps = {step: left[task] for step, task in task_names(pipeline).items() if task in left}
    failure = None if len(steps) == len(pipeline.steps) and ended == 0 else _failure(log, ended)
    return Outcome(
        values={
            (step, name): HandedOn(
                value["type"], value["digest"], StoredValue(artifact["path"], artifact["metadata"]["digest"])
            )
            for step, artifacts in steps.items()
            for artifact in artifacts.values()
            for name, value in artifact["metadata"].get("values", {}).items()
        },
        notebooks=[_notebook(steps[step.name]) for step in pipeline.steps if step.name in steps],
        ended=frozenset(steps),
        failure=failure,
    )


def _here(step: Step) -> Step:
    """*step* as it runs on this machine.

    All steps run in one folder, so no files need to be handed on, and there are no volumes: a variable that names one
    is what it is here, and not the place where a cluster would have mounted it.
    """
    return replace(step, files_of=(), options=replace(step.options, volumes=()))


def _notebook(artifacts: Mapping[str, Any]) -> Any:
    return json.loads(Path(artifacts["executed_notebook"]["path"]).read_text("utf-8"))


def _run(order: str, variables: dict[str, str], folder: Path, log: Path) -> int:
    with log.open("wb") as file:
        process = subprocess.Popen(
            RUNNER,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=variables,
            start_new_session=True,  # so that it can be ended with all its steps
        )
    try:
        process.communicate(order.encode())
        return process.returncode
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _failure(log: Path, ended: int) -> str:
    text = log.read_text("utf-8", "replace")
    found = re.findall(r"Step \S+ (?:failed|was killed|ended with).*", text)
    if found:
        return str(found[0].strip())
    lines = text.strip().splitlines()
    return f"KFP's local runner ended with exit code {ended}: {lines[-1][:300] if lines else 'it said nothing'}"
