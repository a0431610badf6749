"""Runs that begin by themselves, here or on a target: one facade for both.

Everything a user can get wrong comes out as one of the errors of ``errors.py``.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend import scheduling, wire
from labline_backend.compiling import literals
from labline_backend.engine_errors import engine_errors
from labline_backend.errors import InputError, NotFoundError
from labline_backend.recurrence.recurring import Change, Recurring, Wish
from labline_backend.recurrence.timing import Timing
from labline_backend.scheduling import LOCAL
from labline_backend.service import Service
from labline_backend.targets import target_errors
from labline_runtime.dataclass import dataclass

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
    from labline_backend.kubeflow import recurring, scheduled

    place, folder = service.targets.get(target), path.absolute().parent
    with target_errors():
        timing = recurring.taken(place, timing)
    compilation, pipeline, document = service.compile_to_run(path, notebook, content, observed=True)
    given = literals(pipeline, parameters or {})
    submission = service.targets.prepare(place, pipeline, given, cache=wish.cache, folder=folder, recurring=True)
    with target_errors():
        added = recurring.add(place, pipeline, submission, timing, wish)
    kept = scheduled.followed(
        added.id,
        added.name,
        submission,
        pipeline=pipeline,
        notebook=notebook,
        folder=folder,
        content=document,
        parameters=given,
        cache=wish.cache,
    )
    scheduled.FollowedRuns(service.home).keep(kept)
    return replace(added, notebook=notebook), (*compilation.findings, *submission.findings)


def all_(service: Service, target: str = LOCAL) -> list[Recurring]:
    """The recurring runs of *target*, by name. Raises ``InputError`` and ``NotFoundError``."""
    if target == LOCAL:
        return scheduling.all_(service)
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with target_errors():
        found = recurring.all_(place)
    return [_with_notebook(service, each) for each in found]


def edit(service: Service, name: str, change: Change, *, target: str = LOCAL) -> Recurring:
    """Have the one of this name or id on *target* be another in what *change* says. On a cluster its id is new then.

    Raises ``InputError`` and ``NotFoundError``.
    """
    if change == Change():
        raise InputError("Say what is to be another: when it runs, its name, parameters, or how it makes up for runs.")
    if target == LOCAL:
        return scheduling.edit(service, name, change)
    from labline_backend.kubeflow import recurring, scheduled

    place, follows = service.targets.get(target), scheduled.FollowedRuns(service.home)
    with _known(), target_errors():
        kept = follows.get(recurring.one(place, name).id)
    arguments = None
    if change.parameters:
        if kept is None:
            raise InputError(f"{name!r} was not made here, so that its parameters are not known: make it anew.")
        with target_errors(), engine_errors():
            kept = kept.given(literals(kept.pipeline, change.parameters))
        arguments = kept.place.arguments

    def follow(new: Recurring) -> None:
        if kept is not None:
            follows.keep(replace(kept, id=new.id, name=new.name))

    with _known(), target_errors():
        before, edited = recurring.edit(
            place, name, change, arguments, made=follow, unmade=lambda new: follows.end(new.id)
        )
    follows.end(before)
    return _with_notebook(service, edited)


def _with_notebook(service: Service, found: Recurring) -> Recurring:
    """With what is known here of one that was made here."""
    from labline_backend.kubeflow.scheduled import FollowedRuns

    kept = FollowedRuns(service.home).get(found.id)
    return found if kept is None else replace(found, notebook=kept.notebook)


def pause(service: Service, name: str, *, paused: bool, target: str = LOCAL) -> Recurring:
    """Have the one of this name or id on *target* pause, or go on. Raises ``InputError`` and ``NotFoundError``."""
    if target == LOCAL:
        return scheduling.pause(service, name, paused=paused)
    from labline_backend.kubeflow import recurring

    place = service.targets.get(target)
    with _known(), target_errors():
        found = recurring.pause(place, name, paused=paused)
    return _with_notebook(service, found)


def remove(service: Service, name: str, *, target: str = LOCAL) -> Recurring:
    """Remove the one of this name or id from *target*. Raises ``InputError`` and ``NotFoundError``."""
    if target == LOCAL:
        return scheduling.remove(service, name)
    from labline_backend.kubeflow import recurring
    from labline_backend.kubeflow.scheduled import FollowedRuns

    place = service.targets.get(target)
    with _known(), target_errors():
        removed = recurring.remove(place, name)
    FollowedRuns(service.home).end(removed.id)
    return _with_notebook(service, removed)


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
