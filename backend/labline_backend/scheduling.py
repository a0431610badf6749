"""Recurring runs of this machine: made, listed, paused, removed, and begun when their time has come.

Kubeflow Pipelines does the same on a cluster, and in the same way: what runs is the notebook as it was when the
recurring run was made; one that has fallen behind makes up for the last time that it has missed, or for all.
Whoever calls :func:`begin_due` in time keeps them going, however many processes do.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend import wire
from labline_backend.compiling import literals
from labline_backend.engine_errors import engine_errors
from labline_backend.errors import InputError, NotFoundError, ServiceError
from labline_backend.home import HomeError
from labline_backend.recurrence.recurring import Change, Recurring, Wish
from labline_backend.recurrence.timing import Timing
from labline_backend.service import Service

if TYPE_CHECKING:
    from labline_backend.store.records import RunRecord, Schedule
    from labline_compiler.findings import Finding

LOCAL = "local"


def add(
    service: Service,
    path: Path,
    timing: Timing,
    wish: Wish,
    *,
    notebook: str,
    content: wire.Document | None = None,
    parameters: Mapping[str, str] | None = None,
) -> tuple[Recurring, tuple[Finding, ...]]:
    """Have the notebook at *path*, or *content* as if it were there, run here; what was found when it was compiled.

    Raises ``InputError``.
    """
    from labline_backend.engine.parameters import merge
    from labline_backend.kernels import find_kernel
    from labline_backend.store.records import Schedule
    from labline_backend.store.schedules import NameTakenError

    timing = placed(timing)
    compilation, pipeline, document = service.compile_to_run(path, notebook, content)
    given = literals(pipeline, parameters or {})
    with engine_errors():
        find_kernel(pipeline.kernel)
        merge(pipeline, given)
    now = time.time()
    schedule = Schedule(
        id=secrets.token_hex(8),
        name=wish.name or pipeline.name,
        notebook=notebook,
        folder=str(path.absolute().parent),
        timing=timing,
        begun=now,
        next=timing.next(now, now),
        parameters=given,
        cache=wish.cache,
        catch_up=wish.catch_up,
        at_most=wish.at_most,
    )
    try:
        service.store.schedules.create(schedule, document)
    except NameTakenError as error:
        raise InputError(
            f"There is a recurring run {schedule.name!r} already: remove it first, or give another name."
        ) from error
    return _shown(schedule), compilation.findings


def placed(timing: Timing) -> Timing:
    """*timing* as this machine follows it. Raises ``InputError``."""
    try:
        return timing.placed()
    except ValueError as error:
        raise InputError(str(error)) from error


def all_(service: Service) -> list[Recurring]:
    """All there are, by name."""
    return [_shown(schedule) for schedule in service.store.schedules.all()]


def edit(service: Service, name: str, change: Change) -> Recurring:
    """Have the one of this name or id be another in what *change* says; its runs go on, and its next one comes in time.

    Raises ``InputError`` and ``NotFoundError``.
    """
    from labline_backend.store.schedules import NameTakenError

    schedule = _named(service, name)
    timing = schedule.timing if change.timing is None else placed(change.timing.over(schedule.timing))
    edited = replace(
        schedule,
        name=change.name or schedule.name,
        timing=timing,
        parameters=_changed_parameters(service, schedule, change.parameters or {}),
        catch_up=schedule.catch_up if change.catch_up is None else change.catch_up,
        at_most=change.at_most or schedule.at_most,
    )
    if timing != schedule.timing:
        now = time.time()
        edited = replace(edited, begun=now, next=timing.next(now, now), problem=None)
    try:
        service.store.schedules.edit(schedule, edited)
    except NameTakenError as error:
        raise InputError(f"There is a recurring run {edited.name!r} already: give another name.") from error
    except KeyError as error:
        raise NotFoundError(f"The recurring run {name!r} was removed meanwhile.") from error
    return _shown(_named(service, schedule.id))


def _changed_parameters(service: Service, schedule: Schedule, given: Mapping[str, str]) -> dict[str, str]:
    """What it gives its runs with those *given* set; read as its own notebook has them."""
    from labline_backend.engine.parameters import merge

    if not given:
        return schedule.parameters
    path = Path(schedule.folder) / Path(schedule.notebook).name
    content = service.store.schedules.content(schedule.id)
    _, pipeline, _ = service.compile_to_run(path, schedule.notebook, content)
    changed = {**schedule.parameters, **literals(pipeline, given)}
    with engine_errors():
        merge(pipeline, changed)
    return changed


def pause(service: Service, name: str, *, paused: bool) -> Recurring:
    """Have the one of this name or id pause, or go on: from now, times in between are not missed.

    Raises ``NotFoundError``.
    """
    schedule = _named(service, name)
    if schedule.paused != paused:
        next_ = schedule.timing.next(time.time(), schedule.begun)
        problem = schedule.problem if paused else None
        service.store.schedules.pause(schedule.id, paused=paused, next_=next_, problem=problem)
    return _shown(_named(service, schedule.id))


def remove(service: Service, name: str) -> Recurring:
    """Have the one of this name or id begin no more runs. Raises ``NotFoundError``."""
    schedule = _named(service, name)
    service.store.schedules.remove(schedule.id)
    return _shown(schedule)


def begin_due(service: Service, now: float | None = None) -> list[RunRecord]:
    """Begin a run of each whose time has come, as of *now*; the runs. There may be more to begin after them.

    What hinders one is noted with it, and is no failure of this. Raises ``HomeError``; what could not be begun then is
    still due.
    """
    now = time.time() if now is None else now
    tried = (_take(service, each, now) for each in service.store.schedules.due(now) if _is_free(service, each))
    return [run for run in tried if run is not None]


def _is_free(service: Service, schedule: Schedule) -> bool:
    """Whether one more of its runs may go on. Runs whose process has died do not."""
    from labline_backend.engine.owner import is_alive

    owners = service.store.schedules.owners(schedule.id)
    return sum(is_alive(service.home, owner) for owner in owners) < schedule.at_most


def _take(service: Service, schedule: Schedule, now: float) -> RunRecord | None:
    """Begin a run, unless another process has, or it cannot be begun."""
    schedules, timing = service.store.schedules, schedule.timing
    from_now_on = timing.next(now, schedule.begun)
    following = timing.next(schedule.next, schedule.begun) if schedule.catch_up else from_now_on
    if not schedules.advance(schedule.id, schedule.next, following):
        return None
    run, problem = None, None
    try:
        run = _begin(service, schedule)
    except ServiceError as error:
        problem = f"{time.strftime('%Y-%m-%d %H:%M')}: {error.message}"
        schedules.advance(schedule.id, following, from_now_on)  # others that were missed would come to the same
    except HomeError:
        schedules.advance(schedule.id, following, schedule.next)
        raise
    with contextlib.suppress(KeyError):  # somebody has removed it meanwhile
        if problem != schedule.problem:
            schedules.tell(schedule.id, problem)
    return run


def _begin(service: Service, schedule: Schedule) -> RunRecord:
    from labline_backend.store.records import Begun

    folder = Path(schedule.folder)
    if not folder.is_dir():
        raise InputError(f"The folder {folder} is not there any more, so nothing can run in it.")
    return service.run(
        folder / Path(schedule.notebook).name,
        notebook=schedule.notebook,
        content=service.store.schedules.content(schedule.id),
        parameters=schedule.parameters,
        cache=schedule.cache,
        begun=Begun(schedule.id, schedule.name),
    )


def _named(service: Service, name: str) -> Schedule:
    try:
        return service.store.schedules.named(name)
    except KeyError as error:
        raise NotFoundError(
            f"There is no recurring run {name!r} on this machine: see labline recurring list."
        ) from error


def _shown(schedule: Schedule) -> Recurring:
    timing = schedule.timing
    return Recurring(
        schedule.id,
        schedule.name,
        LOCAL,
        notebook=schedule.notebook,
        cron=timing.cron,
        interval=timing.interval,
        time_zone=timing.zone,
        reading=timing.reading,
        paused=schedule.paused,
        catch_up=schedule.catch_up,
        at_most=schedule.at_most,
        parameters=schedule.parameters,
        next=None if schedule.paused else schedule.next,
        problem=schedule.problem,
    )
