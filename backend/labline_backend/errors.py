"""What a user can get wrong, each with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterable

from labline_compiler.findings import Finding


class ServiceError(Exception):
    """What a user can get wrong. The message is one sentence; ``findings`` name the places, where there are any."""

    def __init__(self, message: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.findings = tuple(findings)


class InputError(ServiceError):
    """The request or the notebook is at fault."""


class NotFoundError(ServiceError):
    """There is no such file, run or step."""
