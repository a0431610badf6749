"""Runs that a target begins by itself: the facade of :mod:`labline_backend.kubeflow.recurring`.

Everything a user can get wrong comes out as one of the errors of ``errors.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend import wire
from labline_backend.compiling import literals
from labline_backend.service import Service
from labline_backend.targets import target_errors

if TYPE_CHECKING:
    from labline_backend.kubeflow.recurring import Recurring
    from labline_compiler.findings import Finding


def add(
    service: Service,
    path: Path,
    *,
    notebook: str,
    target: str,
    cron: str,
    content: wire.Document | None = None,
    name: str | None = None,
    parameters: Mapping[str, str] | None = None,
    cache: bool = True,
) -> tuple[Recurring, tuple[Finding, ...]]:
    """Have the notebook at *path* run on *target* whenever *cron* says so, and what was found when it was compiled.

    *content* is the notebook as an editor has it; without it the file is read.

    Raises ``InputError`` and ``NotFoundError``.
    """
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with target_errors():
        recurring.cron_of(cron)
    compilation, pipeline, _ = service.compile_to_run(path, notebook, content, observed=True)
    submission = service.targets.prepare(
        place, pipeline, literals(pipeline, parameters or {}), cache=cache, folder=path.absolute().parent
    )
    with target_errors():
        added = recurring.add(place, pipeline, submission, name or pipeline.name, cron)
    return added, (*compilation.findings, *submission.findings)


def all_(service: Service, target: str) -> list[Recurring]:
    """The recurring runs of *target*. Raises ``InputError`` and ``NotFoundError``."""
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with target_errors():
        return recurring.all_(place)


def pause(service: Service, target: str, name: str, *, paused: bool) -> Recurring:
    """Have one of *target* pause, or go on. Raises ``InputError`` and ``NotFoundError``."""
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with target_errors():
        return recurring.pause(place, name, paused=paused)


def remove(service: Service, target: str, name: str) -> Recurring:
    """Remove one from *target*. Raises ``InputError`` and ``NotFoundError``."""
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with target_errors():
        return recurring.remove(place, name)
