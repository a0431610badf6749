"""Whether a step that failed is tried again, and when."""

from __future__ import annotations

from labline_compiler.pipeline import StepOptions
from labline_runtime.specification import StepError


def is_worth_another_try(options: StepOptions, error: StepError | None) -> bool:
    """Whether the *error* is one that the step is to be tried again for."""
    if error is None:
        return not options.retry_on
    if error.observed:  # what a guard saw would be seen again: only another compilation helps
        return False
    return not options.retry_on or any(_names(name, error) for name in options.retry_on)


def pause(options: StepOptions, failures: int, chance: float) -> float:
    """Seconds to wait after so many *failures*: between half of the longest wait and all of it, as *chance* (0 to 1)
    has it, so that steps that failed together do not come back together."""
    if options.backoff is None:
        return 0.0
    return options.backoff.pause(failures) * (1 + chance) / 2


def _names(name: str, error: StepError) -> bool:
    return name == error.code or any(base == name or base.endswith(f".{name}") for base in error.bases)
