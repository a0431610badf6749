"""How a step's parts say that the step has failed."""

from __future__ import annotations

from labline_runtime.outcome import StepError


class StepFailure(Exception):
    """The step cannot go on; carries the error that its result tells."""

    def __init__(self, error: StepError) -> None:
        super().__init__(error.message)
        self.error = error
