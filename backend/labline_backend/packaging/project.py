"""From a notebook and a cell that predicts to a registered model with the feature code that it needs."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from labline_backend.debugging.replays import fetch
from labline_backend.engine.cachekey import code_digest, digest
from labline_backend.errors import InputError
from labline_backend.packaging.agreement import DEFAULT_TOLERANCE
from labline_backend.packaging.capture import capture
from labline_backend.packaging.source import model_source
from labline_backend.packaging.worker import Job
from labline_backend.store.certificates import Certificates
from labline_backend.store.encoding import dump
from labline_backend.store.records import run_metrics
from labline_backend.tracking import facts
from labline_backend.tracking.location import Location
from labline_compiler.analysis.packages import imported_modules, local_modules
from labline_compiler.modules import with_modules
from labline_compiler.notebook import parse
from labline_compiler.pipeline import MODEL_NAME
from labline_compiler.slicing import SlicingError, slice_notebook
from labline_compiler.syntax import parse as parse_code
from labline_runtime.capture import CAPTURED, CaptureResult, Slice
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import HIDDEN_STATE_PREFIX

if TYPE_CHECKING:
    from labline_backend.service import Service
    from labline_backend.store.records import RunRecord, StepRecord
    from labline_compiler.pipeline import Pipeline

MAX_RUNS = 50  # that are looked through for one of the notebook's present code
Stage = Literal["slice", "run", "save", "try", "register"]
"""What is done, in this order; the first two again where the run shows that more is learned of rows."""

Told = Callable[[Stage], None]


class NotRunError(InputError):
    """There is no finished run here of the notebook as it stands."""


@dataclass(frozen=True)
class Options:
    """``predict``: the cell. ``name``: of the registered model; by default the pipeline's. ``rows`` are tried."""

    predict: str
    name: str | None = None
    input: str | None = None
    tolerance: float = DEFAULT_TOLERANCE
    rows: int = 64


@dataclass(frozen=True)
class Packaged:
    """A registered version, and how it came about."""

    name: str
    version: str
    run: str
    slice: Slice
    captured: CaptureResult
    requests: int
    largest: float
    tolerance: float
    source: str = field(repr=False, default="")

    @property
    def document(self) -> dict[str, Any]:
        """As the CLI prints it."""
        return {
            "model": self.name,
            "version": self.version,
            "run": self.run,
            "prediction": self.slice.prediction,
            "place": self.slice.place,
            "input": self.slice.input,
            "columns": list(self.captured.columns),
            "absent": list(self.captured.absent),
            "left_out": list(self.slice.left_out),
            "kept": self.captured.kept,
            "requirements": list(self.captured.requirements),
            "tried": {"rows": self.captured.rows, "requests": self.requests, "largest_difference": self.largest},
            "tolerance": self.tolerance,
            "source": self.source,
        }


@dataclass(frozen=True)
class Made:
    """A model that is not tried yet: what its folder holds is for :mod:`.worker`."""

    run: str
    slice: Slice
    captured: CaptureResult
    job: Job
    source: str


def package(service: Service, path: Path, shown: str, options: Options, told: Told = lambda stage: None) -> Packaged:
    """Make a model of the notebook at *path*, try it, and register it. Raises ``InputError`` where that cannot be.

    *told* hears of each stage before it begins; what it raises ends the work there.
    """
    with tempfile.TemporaryDirectory(prefix="labline-package-") as scratch:
        made = make(service, path, shown, options, Path(scratch), told)
        told("save")
        _work("save", made.job)
        told("try")
        tried = _work("try", made.job)
        if tried["difference"] is not None:
            raise InputError(f"The model is not registered: {tried['difference']}")
        told("register")
        registered = _work("register", made.job)
    return Packaged(
        made.job.name,
        registered["version"],
        made.run,
        made.slice,
        made.captured,
        tried["requests"],
        tried["largest"],
        options.tolerance,
        made.source,
    )


def make(
    service: Service, path: Path, shown: str, options: Options, folder: Path, told: Told = lambda stage: None
) -> Made:
    """Slice the notebook, run the slice on the values of its newest run, and write the model into *folder*.

    Raises ``InputError``.
    """
    told("slice")
    compilation, pipeline, document = service.compile_to_run(path, shown)
    name = options.name or pipeline.name
    if MODEL_NAME.fullmatch(name) is None:
        raise InputError(f"A model cannot be called {name!r}: leave out / : @ . % and quotes.")
    run = _finished_run(service, path, shown, pipeline)
    beside = path.absolute().parent
    notebook, known = with_modules(parse(document, shown), beside), replace(compilation, pipeline=run.pipeline)
    fetch(service, run, [step.name for step in run.pipeline.steps])
    learned: list[tuple[str, int]] = []
    while True:
        try:
            sliced = slice_notebook(
                notebook,
                known,
                options.predict,
                options.input,
                plots=os.environ.get("MPLBACKEND"),
                learned=learned,
            )
        except SlicingError as error:
            raise InputError(str(error)) from error
        told("run")
        captured = capture(service.home, run, sliced, folder, options.rows)
        if not captured.learned:
            break
        learned += captured.learned.items()  # each at most once: the slice takes them for rows no more
    source = _write_model(folder, sliced, captured)
    job = _job(service, folder, sliced, captured, run, name, options, beside)
    return Made(run.id, sliced, captured, job, source)


def _finished_run(service: Service, path: Path, shown: str, pipeline: Pipeline) -> RunRecord:
    """The newest finished run here of the notebook's present code. Raises ``NotRunError``."""
    place = path.absolute()
    runs = service.store.of_notebook(str(place.parent), place.name, MAX_RUNS)
    code = _code(pipeline)
    for run in runs:
        if run.state == "succeeded" and run.target == "local" and _code(run.pipeline) == code:
            return run
    why = "no run of it has succeeded here" if not runs else "its code has changed since it ran, or no run succeeded"
    raise NotRunError(f"There are no values of {shown} to work from: {why}. Run it first: labline run {shown}")


def _code(pipeline: Pipeline) -> list[Any]:
    return [
        [code_digest(cell.source) for cell in pipeline.preamble],
        [parameter.name for parameter in pipeline.parameters],
        sorted((step.name, [code_digest(cell.source) for cell in step.cells]) for step in pipeline.steps),
    ]


def _write_model(folder: Path, sliced: Slice, captured: CaptureResult) -> str:
    document = pickle.loads((folder / CAPTURED).read_bytes())  # noqa: S301 - our own process wrote it just now
    (folder / "kept.pkl").write_bytes(pickle.dumps(document["kept"]))
    source = model_source(sliced, captured.without, captured.absent)
    (folder / "model.py").write_text(source, "utf-8")
    return source


def _job(
    service: Service,
    made: Path,
    sliced: Slice,
    captured: CaptureResult,
    run: RunRecord,
    name: str,
    options: Options,
    folder: Path,
) -> Job:
    steps = service.store.steps(run.id)
    location = Location.find(service.home)
    trees = [parse_code(piece.source) for piece in sliced.code]
    local = local_modules(sorted({module.top for module in imported_modules(trees)}), folder)
    paths = [str(each) for one in local for each in (folder / f"{one}.py", folder / one) if each.exists()]
    return Job(
        folder=str(made),
        slice=sliced,
        tolerance=options.tolerance,
        requirements=captured.requirements,
        modules=tuple(paths),
        name=name,
        experiment=facts.experiments(run.pipeline, os.environ)[0],
        uri=location.uri,
        registry_uri=location.registry_uri,
        artifacts=None if location.artifacts is None else str(location.artifacts),
        tags=_tags(service, sliced, captured, run, steps, options),
        metrics=run_metrics(steps),
        texts={"slice.json": dump(sliced), "requirements.txt": "\n".join(captured.requirements) + "\n"},
    )


def _tags(
    service: Service,
    sliced: Slice,
    captured: CaptureResult,
    run: RunRecord,
    steps: list[StepRecord],
    options: Options,
) -> dict[str, str]:
    """Where the version comes from."""
    replayed = {replay.step for replay in sliced.replays}
    taken = {
        f"{name}": value
        for step in steps
        if step.name in replayed
        for name, value in facts.outputs(step).items()
        if not name.startswith(HIDDEN_STATE_PREFIX)
    }
    tags = {
        **{key: value for key, value in facts.run_tags(run).items() if key.startswith("labline.")},
        "labline.step": sliced.step,
        "labline.prediction": f"{sliced.prediction}, {sliced.place}",
        "labline.packaged_input": f"{sliced.input}, {sliced.input_place}",
        "labline.code": digest(json.dumps(_code(run.pipeline))),
        "labline.packages": ", ".join(captured.requirements),
        "labline.tried": f"{captured.rows} rows, tolerance {options.tolerance:g}",
        **facts.lineage_tags("input", taken),
    }
    if run.mlflow_run_id:
        tags["mlflow.parentRunId"] = run.mlflow_run_id
    certificate = Certificates(service.home).of_run(run.id).document
    if certificate is not None:
        tags |= facts.certificate_tags(certificate)
    return {name: value[:4000] for name, value in tags.items()}


def _work(task: str, job: Job) -> dict[str, Any]:
    """Have another process do it. Raises ``InputError``."""
    folder = Path(job.folder)
    path, answer, log = folder / "job.json", folder / "answer.json", folder / f"{task}.log"
    path.write_text(dump(job), "utf-8")
    answer.unlink(missing_ok=True)
    location = Location(job.uri, job.registry_uri)
    command = [sys.executable, "-m", "labline_backend.packaging.worker", task, str(path)]
    with log.open("wb") as file:
        ended = subprocess.run(
            command,
            env={**os.environ, **location.environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            check=False,
        )
    try:
        found: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    except (OSError, ValueError) as error:
        last = "".join(log.read_text("utf-8", "replace").strip().splitlines()[-1:])[:300]
        raise InputError(
            f"The process that was to {task} the model ended with exit code {ended.returncode}. Its last line: {last}"
        ) from error
    if "error" in found:
        what = {"save": "cannot be saved", "try": "cannot be loaded", "register": "cannot be registered"}[task]
        raise InputError(f"The model {what}: {found['error']}")
    return found
