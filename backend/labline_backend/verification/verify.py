"""What a target's pipeline handed on, held against the notebook's run, and the certificate of that.

The pipeline comes first, so that the reference run knows which of its values are not the pipeline's, and keeps only
those. Every run starts from the same folder.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labline_backend.engine.tracking import may_be_told
from labline_backend.errors import InputError
from labline_backend.verification import memory
from labline_backend.verification.comparison import (
    GENERATORS,
    MOST_RUNS,
    ComparedCell,
    ComparedValue,
    FetchError,
    HandedOn,
    Outcome,
    Verdict,
    compare_cell,
    compare_value,
    digest_of,
    is_chance,
    is_doubtful,
    unlike,
    verdict,
)
from labline_backend.verification.interpreter import Interpreter, InterpreterError, Stop
from labline_backend.verification.outputs import Piece, shown_by_cell
from labline_backend.verification.plan import Place, Plan, plan
from labline_backend.verification.subject import Document, Subject, code_digest
from labline_backend.verification.workspace import Workspace, WorkspaceError
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import Progress
from labline_runtime.specification import HIDDEN_STATE_PREFIX
from labline_runtime.verification import (
    Difference,
    DifferencesSpecification,
    Pair,
    PairResult,
    ReferenceResult,
    ReferenceSpecification,
    Sighting,
    StoredValue,
)

if TYPE_CHECKING:
    from labline_backend.engine.launcher import Launcher
    from labline_backend.service import Service
    from labline_backend.store.records import RunRecord
    from labline_compiler.pipeline import Pipeline

LOCAL, KFP_LOCAL = "local", "kfp-local"
HERE = (LOCAL, KFP_LOCAL)
"""The targets that are on this machine; every other one is called as the user has called it."""

HASH_SEED = "PYTHONHASHSEED"
SEED_THERE = "0"
"""The hash seed of steps on a cluster: nobody's environment travels with them."""


@dataclass(frozen=True)
class Stage:
    """What is going on, for people, and how far it is where that can be counted."""

    doing: str
    done: int = 0
    total: int = 0


Told = Callable[[Stage], None]


def fix_hash_seed() -> None:
    """Give the processes of both sides one order of sets of strings, which otherwise is chance; the user's own stands.

    Holds for all that this process starts from now on.
    """
    if os.environ.get(HASH_SEED, "random") == "random":
        os.environ[HASH_SEED] = "0"


def local_outcome(service: Service, run: RunRecord) -> Outcome:
    """What a run on this machine, which has ended, handed on. Raises ``InputError`` for one that was stopped."""
    from labline_backend.store.artifacts import ArtifactStore

    if run.state not in ("succeeded", "failed"):
        raise InputError(f"The run {run.id} was {run.state}, so there is nothing to compare the notebook with.")
    artifacts = ArtifactStore(service.home)
    steps = [step for step in service.store.steps(run.id) if step.state == "succeeded"]
    failure = None if run.state == "succeeded" else run.error or "The run failed."
    return Outcome(
        values={
            (step.name, value.name): HandedOn(
                value.type, value.digest, StoredValue(str(artifacts.path(artifact.digest)), artifact.digest)
            )
            for step in steps
            if step.result is not None
            for artifact in step.result.artifacts
            for value in artifact.values
        },
        notebooks=[service.executed_notebook(run.id, step.name) for step in steps],
        ended=frozenset(step.name for step in steps),
        failure=failure,
        written=frozenset(
            use.path for step in steps if step.result for use in step.result.files if use.mode == "write"
        ),
    )


def kubeflow_outcome(subject: Subject, workspace: Workspace, scratch: Path) -> Outcome:
    """Run the pipeline as compiled for Kubeflow under KFP's local runner. Raises ``InputError`` where it cannot be.

    What it hands on lies below *scratch*.
    """
    from labline_backend.verification import kubeflow

    kernel = subject.kernel()
    if not kubeflow.runs_in(kernel):
        raise InputError(
            f"kfp-local runs steps in Labline's own interpreter; the kernel {kernel.name} is another: {kernel.python}."
        )
    return kubeflow.run(subject.pipeline, subject.parameters, kernel, workspace.folder, scratch)


def certificate(
    service: Service,
    subject: Subject,
    outcome: Outcome,
    target: str,
    run: str | None,
    workspace: Workspace,
    scratch: Path,
    told: Told,
    stop: Stop = lambda: None,
    launcher: Launcher | None = None,
) -> Document:
    """Run the notebook, compare *outcome* with it, and make the certificate of that. *launcher*: see ``Interpreter``.

    Raises ``InputError`` where the notebook itself fails, and ``Stopped`` where *stop* says so.
    """
    tracks = may_be_told(subject.pipeline, subject.pipeline.steps)
    seed = None if target in HERE else SEED_THERE
    interpreter = Interpreter(
        service.home, subject.kernel(), workspace.folder, scratch, stop, launcher, tracks=tracks, hash_seed=seed
    )
    comparison = _Comparison(subject, outcome, interpreter, workspace, scratch, told)
    values, cells = comparison.compare()
    statuses = [*(value.status for value in values), *(cell.status for cell in cells)]
    facts = _facts(service, subject, outcome, target, run, comparison, workspace, verdict(statuses, outcome.failure))
    records = ([dataclasses.asdict(each) for each in some] for some in (values, cells))
    return service.certificates.make(*(_as_shown(each, workspace) for each in (facts, *records)))


class _Comparison:
    """The reference runs, and what comes of them."""

    def __init__(
        self,
        subject: Subject,
        outcome: Outcome,
        kernel: Interpreter,
        workspace: Workspace,
        scratch: Path,
        told: Told,
    ) -> None:
        self._subject = subject
        self._outcome = outcome
        self._kernel = kernel
        self._workspace = workspace
        self._scratch = scratch
        self._told = told
        self._plan: Plan = plan(subject.notebook, subject.compilation.cells, subject.pipeline, subject.parameters)
        self._drawing = drawing(subject.pipeline)
        self._memory = memory.asking(each.cell for each in self._plan.cells)
        self._parameters = {name: _of_literal(literal) for name, literal in subject.parameters.items()}
        self.references = 0
        self.python = ""

    def compare(self) -> tuple[list[ComparedValue], list[ComparedCell]]:
        """Run the notebook, and again where that tells more; compare."""
        shown = shown_by_cell(self._outcome.notebooks, self._workspace.shown)
        first, shown_first = self._reference(self._plan.places)
        if first.error is not None:
            why = self._workspace.shown(first.error.message)
            raise InputError(f"The notebook itself fails when it runs from top to bottom: {why}")
        seen = _by_place(first)
        values = self._values(seen, {})
        cells = self._cells(shown_first, None, shown)
        again: dict[tuple[int, str], Sighting] = {}
        shown_again = dict(shown_first)
        steps: set[str | None] = {*(value.step for value in values), *(cell.step for cell in cells)}
        while self.references < MOST_RUNS:
            doubtful = [p for p, value in zip(self._plan.places, values, strict=True) if is_doubtful(value, steps)]
            if not doubtful and not any(is_doubtful(cell, steps) for cell in cells):
                break
            run, shown_now = self._reference(doubtful)
            again = unlike(seen, again, _by_place(run), digest_of)
            # Cells of a second run that failed on its way say nothing.
            shown_again = unlike(shown_first, shown_again, shown_now, lambda pieces: pieces)
            values = self._values(seen, again)
            cells = self._cells(shown_first, shown_again, shown)
            steps = {*self._drawing, *(value.step for value in values if is_chance(value))}
            steps |= {cell.step for cell in cells if is_chance(cell)}
        return self._located(values, seen), cells

    def _reference(self, places: Iterable[Place]) -> tuple[ReferenceResult, dict[int, tuple[Piece, ...]]]:
        self.references += 1
        output = self._scratch / f"reference-{self.references}"
        wanted = Plan(self._plan.cells, tuple(places))
        digests = {key: value.digest for key, value in self._outcome.values.items() if value.digest}
        parameters = {name: value.digest for name, value in self._parameters.items()}
        spec = ReferenceSpecification(
            working_directory=str(self._workspace.folder),
            artifacts_directory=str(self._scratch / "artifacts") if self.references == 1 else None,
            output_directory=str(output),
            cells=wanted.cells,
            moments=wanted.moments(digests, parameters),
            scattered=self.references > 1,
        )
        again = "" if self.references == 1 else ", once more to tell chance from error"
        doing = f"the notebook from top to bottom{again}"
        total, done = len(wanted.cells), 0

        def count(progress: Progress) -> None:
            nonlocal done
            done += 1
            self._told(Stage(doing, done, total))

        self._told(Stage(doing, 0, total))
        try:
            self._workspace.reset()
            result = self._kernel.reference(spec, count)
        except (InterpreterError, WorkspaceError) as error:
            raise InputError(self._workspace.shown(str(error))) from error
        self.python = result.python
        executed = json.loads((output / "executed.ipynb").read_text("utf-8"))
        return result, shown_by_cell([executed], self._workspace.shown)

    def _values(
        self, first: Mapping[tuple[int, str], Sighting], again: Mapping[tuple[int, str], Sighting]
    ) -> list[ComparedValue]:
        return [
            compare_value(
                place,
                first.get((place.after, place.name)),
                again.get((place.after, place.name)),
                self._theirs(place),
                ran=place.source is None or place.source in self._outcome.ended,
                unread=self._outcome.unread.get(place.source or ""),
            )
            for place in self._plan.places
        ]

    def _theirs(self, place: Place) -> HandedOn | None:
        if place.source is None:
            return self._parameters[place.name]
        return self._outcome.values.get((place.source, place.name))

    def _cells(
        self,
        first: Mapping[int, tuple[Piece, ...]],
        again: Mapping[int, tuple[Piece, ...]] | None,
        pipeline: Mapping[int, tuple[Piece, ...]],
    ) -> list[ComparedCell]:
        steps = {cell.index: step.name for step in self._subject.pipeline.steps for cell in step.cells}
        preamble = {cell.index for cell in self._subject.pipeline.preamble}
        return [
            replace(
                compare_cell(
                    cell.index,
                    cell.id,
                    steps.get(cell.index),
                    first.get(cell.index),
                    None if again is None else again.get(cell.index),
                    pipeline.get(cell.index),
                    self._outcome.unread.get(steps.get(cell.index, "")),
                    tells_memory=cell.index in self._memory,
                ),
                label=cell.label,
            )
            for cell in (each.cell for each in self._plan.cells)
            if cell.index in steps or cell.index in preamble
        ]

    def _located(self, values: list[ComparedValue], seen: Mapping[tuple[int, str], Sighting]) -> list[ComparedValue]:
        """*values* with the first difference of those that are not equal, as far as it can be found."""
        pairs: dict[int, Pair] = {}
        for number, (place, value) in enumerate(zip(self._plan.places, values, strict=True)):
            ours, theirs = seen.get((place.after, place.name)), self._theirs(place)
            if value.status not in ("different", "nondeterministic") or value.difference or not ours or not theirs:
                continue
            why, stored = ours.problem, None
            if ours.stored is not None:
                try:
                    stored = self._outcome.stored(place.source, place.name)
                except FetchError as error:
                    why = str(error)
            if ours.stored is not None and stored is not None:
                pairs[number] = Pair(place.name, ours.stored, stored)
            else:
                values[number] = _unlocated(value, ours, theirs, why)
        if not pairs:
            return values
        unique = tuple(dict.fromkeys(pairs.values()))
        names = ", ".join(dict.fromkeys(pair.name for pair in unique))
        self._told(Stage(f"looking for the first difference of {names}"))
        output = self._scratch / "differences"
        spec = DifferencesSpecification(str(self._workspace.folder), str(output), unique)
        try:
            results = dict(zip(unique, self._kernel.differences(spec).results, strict=True))
        except InterpreterError as error:
            results = dict.fromkeys(unique, PairResult(problem=str(error)))
        for number, pair in pairs.items():
            place, found = self._plan.places[number], results[pair]
            if found.difference is not None:
                values[number] = replace(values[number], difference=found.difference)
            else:
                values[number] = _unlocated(
                    values[number], seen[place.after, place.name], self._theirs(place), found.problem
                )
        return values


def drawing(pipeline: Pipeline) -> set[str]:
    """The steps that draw random numbers from a generator that all share, and those that come of them."""
    found: set[str] = set()
    for step in pipeline.steps:
        if not GENERATORS.isdisjoint(step.uses) or not found.isdisjoint(step.predecessors):
            found.add(step.name)
    return found


def _as_shown(document: Any, workspace: Workspace) -> Any:
    """*document* with every path as it is in the notebook's own folder."""
    if isinstance(document, str):
        return workspace.shown(document)
    if isinstance(document, dict):
        return {name: _as_shown(value, workspace) for name, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [_as_shown(value, workspace) for value in document]
    return document


def _unlocated(value: ComparedValue, ours: Sighting, theirs: HandedOn | None, why: str | None) -> ComparedValue:
    """A value that differs, but nobody can say where."""
    text = ours.record.preview.text if ours.record is not None else "(not bound)"
    note = "; ".join(filter(None, [value.note, why and f"the place is not known: {why}"])) or None
    told = theirs.text if theirs is not None else None
    if told is None or told[:200] == text[:200] or value.name.startswith(HIDDEN_STATE_PREFIX):
        told = f"digest {value.pipeline}"
    return replace(value, note=note, difference=Difference(value.name, text[:200], told[:200]))


def _by_place(result: ReferenceResult) -> dict[tuple[int, str], Sighting]:
    return {(sighting.after, sighting.name): sighting for sighting in result.sightings}


def _of_literal(literal: str) -> HandedOn:
    from labline_runtime.parameters import evaluate
    from labline_runtime.values import digest
    from labline_runtime.values.preview import type_name

    value = evaluate(literal)
    return HandedOn(type_name(value), digest(value))


def _facts(
    service: Service,
    subject: Subject,
    outcome: Outcome,
    target: str,
    run: str | None,
    comparison: _Comparison,
    workspace: Workspace,
    found: Verdict,
) -> Document:
    from labline_backend._version import __version__
    from labline_backend.engine.environments import EnvironmentProbe

    kernel = subject.kernel()
    environment = EnvironmentProbe(service.home).of(kernel)
    return {
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "labline": __version__,
        "target": target,
        "run": run,
        "verdict": found,
        "failure": outcome.failure,
        "reference_runs": comparison.references,
        "notebook": {
            "path": subject.shown,
            "file": subject.file_digest,
            "code": code_digest(subject.notebook),
        },
        "pipeline": hashlib.sha256(subject.pipeline.to_json().encode("utf-8", "surrogatepass")).hexdigest(),
        "parameters": subject.parameters,
        "folder": {
            "files": workspace.files,
            "bytes": workspace.bytes,
            "linked": workspace.linked,
            "shared": sorted({path for path in outcome.written if workspace.is_outside(path)} | {*workspace.altered()}),
        },
        "environment": {
            "kernel": kernel.name,
            "python": comparison.python,
            "machine": platform.machine(),
            "hash_seed": os.environ.get(HASH_SEED) if target in HERE else SEED_THERE,
            "digest": environment.digest if environment is not None else None,
            "packages": environment.packages if environment is not None else {},
        },
    }
