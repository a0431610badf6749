"""A run once more: the notebook as it was then, with the same parameters or others, here or on another target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from labline_backend.engine.patching import kept_notebook
from labline_backend.errors import InputError
from labline_backend.home import HomeError
from labline_backend.service import Service
from labline_backend.store.records import RunRecord


def clone(
    service: Service, run: str, *, parameters: Mapping[str, str] | None = None, target: str | None = None
) -> RunRecord:
    """Start a run like *run*; *parameters*, as a user types them, count instead of those that were given for it.

    The steps run in the folder of *run*, whose other files are as they are now. Raises ``NotFoundError``, and
    ``InputError`` for all that :meth:`Service.run` raises it for, and where the run's notebook is gone.
    """
    record = service.get(run)
    try:
        content = kept_notebook(service.home, run)
    except HomeError as error:
        raise InputError(str(error)) from error
    defaults = {parameter.name: parameter.default for parameter in record.pipeline.parameters}
    given = {name: text for name, text in record.parameters.items() if text != defaults.get(name)}
    return service.run(
        Path(record.folder, Path(record.notebook).name),
        notebook=record.notebook,
        content=content,
        parameters={**given, **(parameters or {})},
        cache=record.cache,
        target=target or record.target,
        timeout=record.control.timeout,
        priority=record.control.priority,
        post_mortem=record.control.post_mortem,
    )
