"""Models that steps were to register and have not: a wish that is not granted is told with the run."""

from __future__ import annotations

from collections.abc import Iterable

from labline_backend.store.records import StepRecord
from labline_compiler.findings import Finding

NOT_REGISTERED = "LL505"


def unregistered(steps: Iterable[StepRecord]) -> tuple[Finding, ...]:
    """What *steps* say of models that they could not register, or not with all that belongs to one."""
    return tuple(
        Finding(
            NOT_REGISTERED,
            "warning",
            f"Step {step.name}: {found.problem}",
            cell_index=found.cell,
            step=step.name,
            fix="Do what it says, and run again: this result does not stand for another run.",
        )
        for step in steps
        if step.result is not None and (found := step.result.registered) is not None and found.problem is not None
    )
