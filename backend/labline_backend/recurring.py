"""Runs that begin by themselves, here or on a target: one facade for both.

Everything a user can get wrong comes out as one of the errors of ``errors.py``.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend import scheduling, wire
from labline_backend.compiling import literals
from labline_backend.errors import InputError, NotFoundError
from labline_backend.recurrence.recurring import Recurring, Wish
from labline_backend.recurrence.timing import Timing
from labline_backend.scheduling import LOCAL
from labline_backend.service import Service
from labline_backend.targets import target_errors

if TYPE_CHECKING:
    from labline_compiler.findings import Finding

SHOWN = 3  # times ahead that are foreseen


@dataclass(frozen=True)
class Foreseen:
    """What a timing means: in words, and the times that come next, in seconds since the epoch.

    ``time_zone`` is None where the target has one of its own; the times are as in UTC then.
    """

    cron: str | None
    interval: int | None
    time_zone: str | None
    reading: str
    next: tuple[float, ...]


def add(
    service: Service,
    path: Path,
    timing: Timing,
    wish: Wish,
    *,
    notebook: str,
    target: str = LOCAL,
    content: wire.Document | None = None,
    parameters: Mapping[str, str] | None = None,
) -> tuple[Recurring, tuple[Finding, ...]]:
    """Have the notebook at *path* run on *target* whenever *timing* says so, and what was found when it was compiled.

    *content* is the notebook as an editor has it; without it the file is read.

    Raises ``InputError`` and ``NotFoundError``.
    """
    if target == LOCAL:
        return scheduling.add(service, path, timing, wish, notebook=notebook, content=content, parameters=parameters)
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with target_errors():
        timing = recurring.taken(place, timing)
    compilation, pipeline, _ = service.compile_to_run(path, notebook, content, observed=True)
    submission = service.targets.prepare(
        place, pipeline, literals(pipeline, parameters or {}), cache=wish.cache, folder=path.absolute().parent
    )
    with target_errors():
        added = recurring.add(place, pipeline, submission, timing, wish)
    return added, (*compilation.findings, *submission.findings)


def all_(service: Service, target: str = LOCAL) -> list[Recurring]:
    """The recurring runs of *target*, by name. Raises ``InputError`` and ``NotFoundError``."""
    if target == LOCAL:
        return scheduling.all_(service)
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with target_errors():
        return recurring.all_(place)


def pause(service: Service, name: str, *, paused: bool, target: str = LOCAL) -> Recurring:
    """Have the one of this name or id on *target* pause, or go on. Raises ``InputError`` and ``NotFoundError``."""
    if target == LOCAL:
        return scheduling.pause(service, name, paused=paused)
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with _known(), target_errors():
        return recurring.pause(place, name, paused=paused)


def remove(service: Service, name: str, *, target: str = LOCAL) -> Recurring:
    """Remove the one of this name or id from *target*. Raises ``InputError`` and ``NotFoundError``."""
    if target == LOCAL:
        return scheduling.remove(service, name)
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with _known(), target_errors():
        return recurring.remove(place, name)


def foresee(service: Service, timing: Timing, *, target: str = LOCAL) -> Foreseen:
    """What *timing* means on *target*; nothing is made. Raises ``InputError`` and ``NotFoundError``."""
    if target == LOCAL:
        timing = scheduling.placed(timing)
    else:
        from labline_backend.kubeflow import recurring

        place = service.targets.get(target)
        with target_errors():
            timing = recurring.taken(place, timing)
    now = time.time()
    times = itertools.accumulate(range(SHOWN), lambda moment, _: timing.next(moment, now), initial=now)
    try:
        return Foreseen(timing.cron, timing.interval, timing.zone, timing.reading, tuple(times)[1:])
    except ValueError as error:
        raise InputError(str(error)) from error


@contextlib.contextmanager
def _known() -> Iterator[None]:
    """Turn the target's word that there is no such one into ``NotFoundError``."""
    from labline_backend.kubeflow.errors import TargetError

    try:
        yield
    except InputError as error:
        if isinstance(error.__cause__, TargetError) and error.__cause__.status == 404:
            raise NotFoundError(error.message, error.findings) from error
        raise
