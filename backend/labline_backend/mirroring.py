"""Runs that targets begin by themselves, taken into the store and followed as those that were submitted.

Whoever calls :func:`take_up` now and then keeps them coming, however many processes do.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend.engine_errors import engine_errors
from labline_backend.errors import NotFoundError, ServiceError
from labline_backend.service import Service

if TYPE_CHECKING:
    from labline_backend.kubeflow.scheduled import Followed
    from labline_backend.kubeflow.targets import Target
    from labline_backend.store.records import RunRecord

log = logging.getLogger(__name__)


def take_up(service: Service) -> list[RunRecord]:
    """The runs that targets have begun since the last call. One that does not answer is asked again the next time."""
    from labline_backend.kubeflow.errors import TargetError
    from labline_backend.kubeflow.scheduled import FollowedRuns

    follows, taken = FollowedRuns(service.home), []
    with follows.alone() as is_alone:
        for followed in list(follows.all()) if is_alone else ():
            try:
                taken += _begun(service, followed)
                if followed.over:
                    follows.forget(followed.id)
            except NotFoundError:  # the target was removed, and may be added again
                continue
            except (TargetError, ServiceError) as error:
                log.info("Labline cannot look for the runs of %s: %s", followed.name, error)
            except Exception:  # those behind it are looked at all the same
                log.exception("Labline cannot look for the runs of %s", followed.name)
    return taken


def _begun(service: Service, followed: Followed) -> list[RunRecord]:
    """The runs of it that were not here. Raises ``NotFoundError`` and ``TargetError``."""
    from labline_backend.kubeflow.scheduled import begun_by

    target = service.targets.get(followed.place.target.name)
    new = begun_by(followed, target, _known(service, followed))
    return [run for run_id, created in new for run in _taken(service, followed, target, run_id, created)]


def _known(service: Service, followed: Followed) -> set[str]:
    """The target's ids of the runs of it that are here."""
    from labline_backend.kubeflow.submission import Place

    found = set()
    for run in service.store.schedules.begun_by(followed.id):
        try:
            found.add(Place.read(service.home.run_folder(run)).run_id or "")
        except (OSError, ValueError):  # its folder was removed, so nothing says which one it was
            continue
    return found


def _taken(service: Service, followed: Followed, target: Target, run_id: str, created: float) -> list[RunRecord]:
    from labline_backend.store.records import Begun

    try:
        with engine_errors():
            run = service.engine.submit(
                followed.pipeline,
                notebook=followed.notebook,
                folder=Path(followed.folder),
                content=followed.content,
                parameters=followed.parameters,
                cache=followed.cache,
                target=target.name,
                files=followed.files(run_id, target),
                begun=Begun(followed.id, followed.name),
                created=created,
            )
    except ServiceError as error:
        log.warning("Labline cannot show the run %s of %s: %s", run_id, followed.name, error)
        return []
    return [run]
