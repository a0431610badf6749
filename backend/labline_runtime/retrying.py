"""Whether a step, or an item of its loop, that failed is tried again, and when."""

from __future__ import annotations

from collections.abc import Sequence

from labline_runtime.outcome import StepError
from labline_runtime.specification import Backoff


def is_worth_another_try(retry_on: Sequence[str], error: StepError | None) -> bool:
    """Whether the *error* is one to try again for: *retry_on* names exceptions and codes of findings; empty for all."""
    if error is None:
        return not retry_on
    if error.observed:  # what a guard saw would be seen again: only another compilation helps
        return False
    return not retry_on or any(_names(name, error) for name in retry_on)


def pause(backoff: Backoff | None, failures: int, chance: float) -> float:
    """Seconds to wait after so many *failures*: between half of the longest wait and all of it, as *chance* (0 to 1)
    has it, so that steps that failed together do not come back together."""
    return 0.0 if backoff is None else backoff.pause(failures) * (1 + chance) / 2


def _names(name: str, error: StepError) -> bool:
    return name == error.code or any(base == name or base.endswith(f".{name}") for base in error.bases)
