"""Two steps in this process: what the first stored, the second takes, and its guard is asked."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labline_runtime import hidden_state, sharing, transfer
from labline_runtime.failure import StepFailure
from labline_runtime.guard import Guard
from labline_runtime.outcome import StepError
from labline_runtime.specification import Shared, StepInput, StepOutput, StepSpecification


class Handover:
    """Artifacts go through files in *folder*, as they do between real steps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.baseline = hidden_state.Baseline.take()
        self.guard: Guard
        self.kept: dict[str, tuple[Shared, ...]] = {}  # what the last step keeps of its inputs

    def specification(self, step: str, **fields: Any) -> StepSpecification:
        places = dict.fromkeys(("working_directory", "artifacts_directory", "output_directory"), str(self._folder))
        return StepSpecification("run", "pipeline", step, "notebook.ipynb", cells=(), **places, **fields)

    def make(
        self,
        code: str,
        groups: Sequence[str],
        *,
        step: str = "before",
        takes: Sequence[StepInput] = (),
        passing: dict[str, tuple[str, ...]] | None = None,
        kept: dict[str, tuple[Shared, ...]] | None = None,
    ) -> list[StepInput]:
        """Run *code* as a step and store the names in each of *groups* in one artifact, for a later step to take."""
        spec = self.specification(
            step,
            inputs=tuple(takes),
            outputs=tuple(StepOutput(tuple(group.split())) for group in groups),
            passing=passing or {},
            kept=tuple(note for notes in (kept or {}).values() for note in notes),
        )
        namespace: dict[str, Any] = {"__name__": "__main__"}
        received, notes = transfer.Inbox(spec, namespace, self.baseline).open()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.guard = Guard(spec, namespace, received, notes, self.baseline)
            try:
                exec(code, namespace)
            finally:
                self.guard.stop()
            self.outdated = self.guard.check()
        outputs = [transfer.values_of(spec, output, namespace) for output in spec.outputs]
        found, self.kept = self.guard.shared_by(outputs)
        made = []
        for output, values, shared in zip(spec.outputs, outputs, found, strict=True):
            record = transfer.send(spec, output, values, shared, self.baseline)
            assert record is not None
            made.append(StepInput(record.names, step, record.path, record.digest))
        return made

    def error(
        self, code: str, takes: Sequence[StepInput] = (), *, step: str = "work", **passing: tuple[str, ...]
    ) -> StepError | None:
        """Run *code* as a step that hands nothing on; *passing* says what later steps take, by source."""
        try:
            self.make(code, (), step=step, takes=takes, passing=passing, kept=self.kept)
        except StepFailure as failure:
            return failure.error
        return None


def names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def shared(outputs: Sequence[dict[str, Any]], inputs: Sequence[dict[str, Any]] = ()) -> set[str]:
    """What the artifacts share, each as "path = path of the other"."""
    found = sharing.find(
        [sharing.Home("here", values) for values in outputs], [sharing.Home("above", values) for values in inputs], []
    )
    return {f"{note.path} = {note.other_path}" for notes in found[: len(outputs)] for note in notes}
