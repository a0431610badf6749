"""What the engine asks of whatever drives a run to its end, here or on a cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, Protocol, Unpack

from labline_backend.engine.tracker import Tracker
from labline_backend.home import Home, HomeError
from labline_backend.store.records import RunRecord, StepRecord
from labline_backend.store.runs import RunChanges, RunStore, StepChanges

log = logging.getLogger(__name__)

Reason = Literal["cancelled", "interrupted"]


class Driver(Protocol):
    """Drives one run, on the engine's event loop."""

    record: RunRecord
    is_kept: bool  # whether the store knows how the run ended

    def stop(self, reason: Reason) -> None:
        """Cancel the run, or leave it so that it can be resumed."""

    async def drive(self) -> RunRecord:
        """Go on to the run's end; the record as it is then. Never raises."""


RemoteTarget = Callable[[RunRecord, list[StepRecord], Tracker | None], Driver]
"""Makes the driver of a run whose target is not this machine; it tells the tracker about it."""


class Journal:
    """One run as the store has it, so that the store need not be asked: every change is in the store first."""

    def __init__(self, home: Home, store: RunStore, record: RunRecord, steps: list[StepRecord]) -> None:
        self.home = home
        self.store = store
        self.record = record
        self.steps = {step.name: step for step in steps}
        self.is_kept = True

    def set_run(self, **changes: Unpack[RunChanges]) -> None:
        """Change the run."""
        self.store.set_run(self.record.id, **changes)
        self.record = replace(self.record, **changes)

    def set_step(self, name: str, **changes: Unpack[StepChanges]) -> None:
        """Change a step."""
        self.store.set_step(self.record.id, name, **changes)
        self.steps[name] = replace(self.steps[name], **changes)

    def keep_end(self, changes: RunChanges) -> None:
        """Write down how the run ended; where even that fails, this object is the only one who knows."""
        for _ in range(2):
            try:
                self.set_run(**changes)
                return
            except HomeError as problem:
                self.home.free_reserve()
                log.error("The end of the run %s could not be written down: %s", self.record.id, problem)
        self.is_kept = False
        self.record = replace(self.record, **changes)
