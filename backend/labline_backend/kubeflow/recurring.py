"""Runs that a target begins by itself, again and again: made, listed, paused and removed there.

Nothing of them is kept here. The runs that come of them are the target's own, and are looked at there.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.errors import GONE, REFUSED, TargetError
from labline_backend.kubeflow.submission import PLACE, SPECIFICATION, Place, Submission, pipeline_name, version_name
from labline_backend.kubeflow.targets import Target
from labline_backend.recurrence import cron
from labline_backend.recurrence.recurring import Recurring, Wish
from labline_backend.recurrence.timing import Timing
from labline_compiler.pipeline import Pipeline
from labline_compiler.targets.kubeflow import service_account
from labline_runtime.documents import from_json

MOST_AT_ONCE = 10  # of Kubeflow Pipelines


def taken(target: Target, timing: Timing) -> Timing:
    """*timing* as the target takes it. Raises ``TargetError``."""
    if timing.zone is not None:
        raise TargetError(
            REFUSED,
            f"{target.name} begins runs by its own clock, and knows no time zone of a recurring run.",
            "Leave the time zone out, and write the time as the cluster has it: in UTC, unless that was changed there.",
        )
    try:
        return timing.checked()
    except ValueError as error:
        raise TargetError(
            REFUSED,
            str(error),
            'Write minute, hour, day of the month, month and day of the week, as cron does: "30 3 * * 1-5".',
        ) from error


def add(target: Target, pipeline: Pipeline, submission: Submission, timing: Timing, wish: Wish) -> Recurring:
    """Have *pipeline*, made ready as *submission*, run whenever *timing* says so. Raises ``TargetError``."""
    timing, name = taken(target, timing), wish.name or pipeline.name
    if not 1 <= wish.at_most <= MOST_AT_ONCE:
        raise TargetError(
            REFUSED,
            f"{target.name} lets from 1 to {MOST_AT_ONCE} runs of a recurring one go on at once, not {wish.at_most}.",
            "Ask for fewer.",
        )
    place = from_json(Place, submission.files[PLACE])
    specification = submission.files[SPECIFICATION]
    with KubeflowClient(target) as client, tempfile.TemporaryDirectory(prefix="labline-") as folder:
        if any(each.name == name for each in _all(client)):
            raise TargetError(
                REFUSED,
                f"There is a recurring run {name!r} on {target.name} already.",
                "Remove it first (labline recurring remove), or give another --name.",
            )
        file = Path(folder) / SPECIFICATION
        file.write_text(specification, "utf-8")
        experiment = client.experiment(place.experiment)
        made = client.pipeline(pipeline_name(pipeline), pipeline.name)
        version = client.version(made, version_name(pipeline, specification), file)
        identifier = client.create_recurring_run(
            name,
            experiment=experiment,
            pipeline=made,
            version=version,
            arguments=place.arguments,
            root=target.root,
            cron=None if timing.cron is None else cron.parse(timing.cron).in_full,
            interval=timing.interval,
            catch_up=wish.catch_up,
            at_most=wish.at_most,
            account=service_account(pipeline),
        )
    return Recurring(
        identifier,
        name,
        target.name,
        cron=timing.cron,
        interval=timing.interval,
        reading=timing.reading,
        catch_up=wish.catch_up,
        at_most=wish.at_most,
        parameters=_literals(place.arguments),
    )


def all_(target: Target) -> list[Recurring]:
    """Those there are, whoever made them, by name. Raises ``TargetError``."""
    with KubeflowClient(target) as client:
        return _all(client)


def pause(target: Target, name: str, *, paused: bool) -> Recurring:
    """Have the one of this name or id pause, or go on. Raises ``TargetError``."""
    with KubeflowClient(target) as client:
        found = _one(client, name)
        client.pause_recurring_run(found.id, paused=paused)
    return replace(found, paused=paused)


def remove(target: Target, name: str) -> Recurring:
    """Have the one of this name or id begin no more runs. Raises ``TargetError``."""
    with KubeflowClient(target) as client:
        found = _one(client, name)
        client.delete_recurring_run(found.id)
    return found


def _all(client: KubeflowClient) -> list[Recurring]:
    found = [_recurring(client.target.name, each) for each in client.recurring_runs()]
    return sorted(found, key=lambda each: (each.name, each.id))


def _one(client: KubeflowClient, name: str) -> Recurring:
    found = [each for each in _all(client) if name in (each.name, each.id)]
    if len(found) == 1:
        return found[0]
    how = "no recurring run" if not found else "more than one recurring run called"
    status = None if found else 404
    said = f"There is {how} {name!r} on {client.target.name}."
    raise TargetError(GONE, said, "See labline recurring list.", status=status)


def _recurring(target: str, found: Any) -> Recurring:
    by_cron = found.trigger.cron_schedule if found.trigger is not None else None
    by_time = found.trigger.periodic_schedule if found.trigger is not None else None
    timing = Timing(by_cron and by_cron.cron, int(by_time.interval_second) if by_time else None)
    reading = None
    with contextlib.suppress(ValueError):  # others may make some that we cannot read
        timing = timing.checked()
        reading = timing.reading
    return Recurring(
        str(found.recurring_run_id),
        str(found.display_name),
        target,
        cron=timing.cron,
        interval=timing.interval,
        reading=reading,
        paused=found.mode == "DISABLE" or found.status == "DISABLED",
        catch_up=found.no_catchup is False,
        at_most=int(found.max_concurrency or 1),
        parameters=_literals((found.runtime_config.parameters if found.runtime_config else None) or {}),
    )


def _literals(arguments: dict[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in arguments.items()}
