"""What a user can get wrong, each with a sentence that says what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

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


@contextlib.contextmanager
def engine_errors() -> Iterator[None]:
    """What the engine raises for what a user got wrong, as ``InputError``."""
    from labline_backend.engine.engine import RunStateError
    from labline_backend.engine.parameters import ParameterError
    from labline_backend.kernels import KernelError
    from labline_backend.store.artifacts import ArtifactStoreError
    from labline_compiler.selection import SelectionError

    try:
        yield
    except (SelectionError, RunStateError) as error:
        raise InputError(str(error)) from error
    except (KernelError, ParameterError, ArtifactStoreError) as error:
        raise InputError(str(error), (error.finding,)) from error
