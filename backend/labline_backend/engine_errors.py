"""What the engine raises for what a user got wrong, in the words of the service."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from labline_backend.errors import InputError


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
