"""A run that has stopped goes on with a changed notebook: which of its steps stay as they are, and what is kept of
those that do not."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from labline_backend.engine import parameters as run_parameters
from labline_backend.engine.cache import Cache
from labline_backend.home import Home, HomeError
from labline_backend.kernels import Kernel
from labline_backend.store.encoding import dump
from labline_backend.store.records import DONE_STEP, RunRecord, StepRecord, StepState
from labline_compiler.pipeline import Pipeline
from labline_runtime import post_mortem

FOLDER = "patches"

WHY: Mapping[StepState, str] = {
    "failed": "it had failed",
    "cancelled": "it was cancelled",
    "skipped": "it had not run",
    "pending": "it had not run",
    "running": "it was not done",
}


def parameters(run: RunRecord, pipeline: Pipeline) -> dict[str, str]:
    """The run's parameters for the changed *pipeline*: what was given for the run holds, defaults are the new ones.

    Raises ``ParameterError`` where what was given does not fit any more.
    """
    defaults = {parameter.name: parameter.default for parameter in run.pipeline.parameters}
    names = {parameter.name for parameter in pipeline.parameters}
    given = {name: text for name, text in run.parameters.items() if text != defaults.get(name) and name in names}
    return run_parameters.merge(pipeline, given)


def again(
    cache: Cache, before: RunRecord, after: RunRecord, steps: Iterable[StepRecord], kernel: Kernel
) -> dict[str, str]:
    """The steps of the changed run *after* that have to run, or to be looked up in the cache, and why.

    A finished step stays where all that it depends on is as it was when it ran. Below a step that runs again none
    stays: whether its values changed is for the cache to say, when they are there.
    """
    known = {step.name: step for step in steps}
    found: dict[str, str] = {}
    for step in after.pipeline.steps:
        state = known.get(step.name)
        above = [name for name in step.predecessors if name in found]
        if state is None:
            found[step.name] = "it is new"
        elif state.state not in DONE_STEP or state.result is None:
            found[step.name] = WHY.get(state.state, "it was not done")
        elif above:
            found[step.name] = f"it comes after {', '.join(above)}"
        elif (reason := cache.changed(before, after, step, known, kernel)) is not None:
            found[step.name] = reason
    return found


def keep(home: Home, run: str, number: int, steps: Iterable[str]) -> Path:
    """Copy what the run is before its patch *number*: notebook, pipeline, and the folders of *steps*; where to.

    Links where the disk can, so that it costs nothing. Raises ``HomeError``.
    """
    folder = home.run_folder(run)
    kept = folder / FOLDER / f"{number}-{secrets.token_hex(2)}"
    try:
        kept.mkdir(parents=True)
        for name in ("notebook.ipynb", "pipeline.json"):
            shutil.copyfile(folder / name, kept / name)
        for step in steps:
            if (source := home.step_folder(run, step)).is_dir():
                post_mortem.release(source)  # its socket cannot be copied, and nobody would find it any more
                shutil.copytree(source, kept / "steps" / step, copy_function=_link)
    except OSError as error:
        shutil.rmtree(kept, ignore_errors=True)
        raise home.error(error) from error
    return kept


def kept_notebook(home: Home, run: str) -> dict[str, Any]:
    """The notebook that *run* goes by. Raises ``HomeError`` where it cannot be read any more."""
    try:
        content: dict[str, Any] = json.loads((home.run_folder(run) / "notebook.ipynb").read_text("utf-8"))
    except (OSError, ValueError) as error:
        said = f"The notebook that was kept with the run {run} cannot be read: run the file itself."
        raise HomeError(said) from error
    return content


def lay_out(home: Home, run: RunRecord, content: dict[str, Any], steps: Iterable[str]) -> None:
    """Put the patched notebook and pipeline into the run's folder, and take away what *steps* left. ``HomeError``."""
    folder = home.run_folder(run.id)
    facts = {"created": run.created, "notebook": run.notebook, "folder": run.folder, "parameters": run.parameters}
    texts = {
        "notebook.ipynb": json.dumps(content, indent=1),
        "pipeline.json": dump(run.pipeline),
        "run.json": json.dumps(facts),
    }
    try:
        for name, text in texts.items():
            made = folder / f".{name}"
            made.write_text(text, "utf-8")
            made.replace(folder / name)
        for step in steps:
            shutil.rmtree(home.step_folder(run.id, step), ignore_errors=True)
    except OSError as error:
        raise home.error(error) from error


def patched(run: RunRecord, pipeline: Pipeline) -> RunRecord:
    """The run as it is with the changed *pipeline*. Raises ``ParameterError``."""
    return replace(run, pipeline=pipeline, parameters=parameters(run, pipeline))


def _link(source: str, target: str) -> str:
    with contextlib.suppress(OSError):
        os.link(source, target)
        return target
    return str(shutil.copy2(source, target))
