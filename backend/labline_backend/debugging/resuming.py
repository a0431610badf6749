"""A run that has stopped goes on with its notebook changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labline_backend.engine_errors import engine_errors
from labline_backend.errors import InputError

if TYPE_CHECKING:
    from labline_backend.service import Service
    from labline_backend.store.records import RunRecord


def resume_with(
    service: Service, run: str, path: Path, *, notebook: str, content: dict[str, Any] | None = None
) -> RunRecord:
    """Go on with *run* as the notebook at *path* (or *content*, as if it were there) says now; returns at once.

    *notebook* is its name as the user gave it. Raises ``NotFoundError``, and ``InputError`` where the notebook has
    errors or lies elsewhere, a parameter of the run does not fit any more, or the run is in no state for it.
    """
    record = service.get(run)
    if path.absolute().parent.resolve() != Path(record.folder).resolve():
        raise InputError(f"The steps of {run} run in {record.folder}: the changed notebook has to be in there.")
    compilation, pipeline, document = service.compile_to_run(path, notebook, content)
    with engine_errors():
        return service.engine.patch(run, pipeline, notebook=notebook, content=document, findings=compilation.findings)
