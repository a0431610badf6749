"""How an item of a step's loop has ended, whichever process has run it."""

from __future__ import annotations

from pathlib import Path

from labline_backend.store.artifacts import ArtifactStore
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import ItemRun, StepError, StepResult
from labline_runtime.specification import Part, StepInput


class AsAWholeError(Exception):
    """The loop has to run in one process, for this reason; without one where it has too few items for more."""


class ItemFailedError(Exception):
    """An item failed, and with it the step."""

    def __init__(self, error: StepError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True)
class Done:
    """An item that has ended: its result, and the folder that this lies in; without a result it failed."""

    run: ItemRun
    result: StepResult | None
    folder: Path

    def part(self, step: str, artifacts: ArtifactStore) -> Part:
        """What the whole is made of."""
        if self.result is None:
            return Part(None, str(self.folder / "executed.ipynb"), self.run.error)
        artifact = None
        for record in self.result.artifacts:
            if artifacts.is_durable:
                artifacts.fetch(record)
            artifact = StepInput(
                record.names, step, str(artifacts.path(record.digest)), record.digest, (), record.stamp
            )
        place = self.result.place
        if place is None:
            return Part(artifact, str(self.folder / "executed.ipynb"))
        return Part(artifact, str(self.folder / place.file), place=place.number)
