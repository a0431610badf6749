"""What a kernel has to run to be where a step failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from labline_backend.errors import InputError
from labline_runtime import post_mortem
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_json
from labline_runtime.outcome import StepError
from labline_runtime.replay import Part, parts
from labline_runtime.specification import StepSpecification

if TYPE_CHECKING:
    from labline_backend.service import Service
    from labline_backend.store.artifacts import ArtifactStore
    from labline_backend.store.records import RunRecord, StepRecord

SPECIFICATION = "debug.json"

Stop = Literal["at", "before", "end", "kept"]

_ENDS_THE_PROCESS = frozenset(("SystemExit", "KeyboardInterrupt", "Terminated"))


@dataclass(frozen=True)
class Replay:
    """The way to a step's failure, for whoever drives a kernel.

    ``stop`` says where it ends: *at* the failing line, whose error is raised again; *before* the cell that was never
    done (it ran out of time or memory, or ended the process); or at the *end* of the step's cells, where what failed
    came after them or nothing did; or, *kept*, before the step's own cells, as the process that failed is still there
    and the debugger looks at that. The cell and the line are where the step failed, if in a cell.
    """

    run: RunRecord
    step: StepRecord
    specification: Path
    parts: tuple[Part, ...]
    stop: Stop
    before: int | None

    @property
    def notebook(self) -> Path:
        """The notebook's file."""
        return Path(self.run.folder) / self.run.pipeline.notebook

    @property
    def document(self) -> dict[str, Any]:
        """All that a client needs, as the API gives it, but for the notebook's path."""
        error = self.step.error
        return {
            "run": self.run.id,
            "step": self.step.name,
            "kernel": self.run.pipeline.kernel,
            "parts": [
                {"code": part.code, "cell_id": None if part.cell is None else part.cell.open_id} for part in self.parts
            ],
            "stop": self.stop,
            "cell_id": error.cell_id if error is not None else None,
            "line": error.line if error is not None else None,
            "message": error.message if error is not None else None,
        }


def prepare(service: Service, run: str, step: str, *, again: bool = False) -> Replay:
    """The way to where *step* of *run* failed. Raises ``InputError``, ``NotFoundError``.

    What the step takes is fetched, and what describes it is written into its folder. Where its process has stayed, its
    cells do not run another time, unless *again* is asked for.
    """
    from labline_backend.engine.bundle import runtime_bundle
    from labline_backend.store.encoding import dump

    record, state = service.get(run), service.step(run, step)
    spec = _specification(service, record, state)
    folder = service.home.step_folder(run, step)
    path = folder / SPECIFICATION
    is_kept = not again and post_mortem.is_there(folder)
    spec = replace(spec, post_mortem=is_kept)
    try:
        path.write_text(dump(spec), "utf-8")
        bundle = runtime_bundle(service.home)
    except OSError as error:
        raise service.home.error(error) from error
    stop, before = ("kept", None) if is_kept else _end(state.error)
    return Replay(record, state, path, parts(spec, path, bundle, before), stop, before)


def _end(error: StepError | None) -> tuple[Stop, int | None]:
    """Where the replay ends, and the index of the cell that it ends before."""
    if error is None or error.cell_index is None:
        return "end", None
    if error.traceback and error.ename not in _ENDS_THE_PROCESS:
        return "at", None
    return "before", error.cell_index


def _specification(service: Service, record: RunRecord, state: StepRecord) -> StepSpecification:
    """The step's specification as it ran last, with its values here. Raises ``InputError``."""
    if record.target != "local":
        raise InputError(
            f"The run {record.id} ran on {record.target}, where its values are: run the notebook here, then debug that."
        )
    if state.state == "running":
        raise InputError(f"Step {state.name} of {record.id} is running: wait for its end, or cancel the run.")
    if state.cached_from is not None:
        raise InputError(
            f"Step {state.name} did not run in {record.id}: its result came from {state.cached_from}. "
            f"See its values with: labline load {record.id} {state.name}"
        )
    try:
        text = (service.home.step_folder(record.id, state.name) / "spec.json").read_text("utf-8")
        spec = from_json(StepSpecification, text)
    except FileNotFoundError:
        raise InputError(f"Step {state.name} of {record.id} never began: there is nothing to step into.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"What describes step {state.name} of {record.id} cannot be read: {error}.") from error
    artifacts = fetch(service, record, [taken.source for taken in spec.inputs])
    return replace(
        spec,
        # A run to be verified ran in a copy of the folder, which is gone.
        working_directory=spec.working_directory if Path(spec.working_directory).is_dir() else record.folder,
        inputs=tuple(replace(taken, path=str(artifacts.path(taken.digest))) for taken in spec.inputs),
    )


def fetch(service: Service, record: RunRecord, steps: list[str]) -> ArtifactStore:
    """Have what these steps made in the data folder. Raises ``InputError``."""
    from labline_backend.store.artifacts import ArtifactStore, ArtifactStoreError

    made = [step.result for step in service.store.steps(record.id) if step.name in steps and step.result is not None]
    artifacts = ArtifactStore.find(service.home)
    try:
        for artifact in (artifact for result in made for artifact in result.artifacts):
            artifacts.fetch(artifact)
    except ArtifactStoreError as error:
        raise InputError(f"{error} {error.fix}") from error
    finally:
        artifacts.close()
    return artifacts
