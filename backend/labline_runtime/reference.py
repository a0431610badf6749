"""The reference of a verification: the notebook from top to bottom in one process, its values looked at on the way.

The cells run as a step's do (:class:`labline_runtime.shell.Shell`), and a value is digested as a step digests what it
hands on, so whatever differs is the pipeline's doing. Looking changes nothing: a value is digested where it stands, and
kept only where the pipeline has another.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import time  # before a cell can put others in their places

from labline_runtime import execute, hidden_state, metrics, parameters, unwritten
from labline_runtime.documents import to_json
from labline_runtime.failure import StepFailure
from labline_runtime.notebook import ExecutedNotebook, write_atomically
from labline_runtime.outcome import Progress, StepError, ValueRecord
from labline_runtime.shell import flush_streams, open_shell
from labline_runtime.specification import HIDDEN_STATE_PREFIX
from labline_runtime.transfer import identified, shown
from labline_runtime.values import digest, pickling, store
from labline_runtime.values.digest import DigestError
from labline_runtime.values.hashing import comparable, scheme_like
from labline_runtime.verification import ReferenceResult, ReferenceSpecification, Sighting, StoredValue

_PROFILE = ".ipython"


def run_reference(
    spec: ReferenceSpecification, progress: Callable[[Progress], None] = lambda _: None
) -> ReferenceResult:
    """Run the notebook that *spec* describes and leave ``result.json`` and ``executed.ipynb``.

    Changes the process for good, as a step does: one process, one run.
    """
    output = Path(spec.output_directory)
    reference = _Reference(spec, progress)
    try:
        result = reference.run()
    finally:
        shutil.rmtree(output / _PROFILE, ignore_errors=True)
    write_atomically(output / "result.json", to_json(result))
    return result


class _Reference:
    """The run while it goes on."""

    def __init__(self, spec: ReferenceSpecification, progress: Callable[[Progress], None]) -> None:
        self._spec = spec
        self._progress = progress
        self._sightings: list[Sighting] = []
        self._moments = {moment.after: moment for moment in spec.moments}
        self._notebook = ExecutedNotebook(
            Path(spec.output_directory) / "executed.ipynb", tuple(each.cell for each in spec.cells), {}
        )

    def run(self) -> ReferenceResult:
        """Run it all; what goes wrong is in the result."""
        error: StepError | None = None
        try:
            self._notebook.write()  # there is one, however early the run ends
            with execute.termination():
                self._run()
        except StepFailure as failure:
            error = failure.error
        except KeyboardInterrupt as interruption:
            error = StepError("The reference run was told to stop.", ename=type(interruption).__name__)
        except Exception as fault:  # ours, not the user's
            error = execute.unexpected(fault)
        flush_streams()
        return ReferenceResult(platform.python_version(), tuple(self._sightings), error)

    def _run(self) -> None:
        execute.enter(self._spec.working_directory)
        self._shell = open_shell(str(Path(self._spec.output_directory) / _PROFILE))
        self._baseline = hidden_state.Baseline.take()
        for place, each in enumerate(self._spec.cells):
            self._look(place)
            parameters.bind(each.parameters, self._shell.namespace)
            self._run_cell(place)
        self._look(len(self._spec.cells))

    def _run_cell(self, place: int) -> None:
        cell = self._spec.cells[place].cell
        if self._spec.scattered:
            unwritten.scatter()
        self._notebook.begin(place, self._shell.recorder.start_cell())
        outcome = self._shell.run(cell)
        self._notebook.finish(place, outcome.execution_count)
        self._notebook.write()
        if outcome.error is not None:
            raise StepFailure(execute.cell_error(cell, outcome, outcome.error))
        pickling.track_classes(self._shell.namespace)
        pickling.remember_imports(metrics.imported_modules(self._shell.transform(cell.source)))
        self._progress(Progress("cell_finished", cell.index, cell.id, time(), "succeeded"))

    def _look(self, after: int) -> None:
        moment = self._moments.get(after)
        if moment is not None:
            for name in moment.names:
                self._sightings.append(self._see(after, name, moment.expected.get(name, ())))

    def _see(self, after: int, name: str, expected: tuple[str, ...]) -> Sighting:
        try:
            if name.startswith(HIDDEN_STATE_PREFIX):
                value = hidden_state.capture(name, self._baseline)
            elif name in self._shell.namespace:
                value = self._shell.namespace[name]
            else:
                return Sighting(after, name, None)
            record = _as_expected(identified(name, value), value, expected)
            if set(expected) != {record.digest}:  # else nobody looks, and its text may be made by the notebook
                record = shown(record, value)
        except Exception as error:
            return Sighting(after, name, None, problem=f"it could not be looked at: {_said(error)}")
        if not record.digest:
            return Sighting(after, name, record, problem=_why_no_digest(value))
        if set(expected) == {record.digest} or self._spec.artifacts_directory is None:
            return Sighting(after, name, record)
        try:
            kept = store({name: value}, self._spec.artifacts_directory)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever pickling raises: then there is no path to the difference
            return Sighting(after, name, record, problem=f"it could not be kept: {_said(error)}")
        return Sighting(after, name, record, StoredValue(str(kept.path), kept.digest))


def _as_expected(record: ValueRecord, value: object, expected: tuple[str, ...]) -> ValueRecord:
    """*record* with a digest by the hash that the pipeline's environment used, where that is to be had here."""
    other = next((other for other in expected if record.digest and not comparable(record.digest, other)), None)
    return record if other is None else replace(record, digest=digest(value, scheme=scheme_like(other)))


def _why_no_digest(value: object) -> str:
    try:
        digest(value)
    except DigestError as error:
        return str(error)
    return "its content cannot be digested"


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
