"""Runs that a target begins by itself, again and again: made, listed, paused and removed there.

Nothing of them is kept here. The runs that come of them are the target's own, and are looked at there.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.errors import GONE, REFUSED, TargetError
from labline_backend.kubeflow.states import RUN_STATES
from labline_backend.kubeflow.submission import PLACE, SPECIFICATION, Place, Submission, pipeline_name, version_name
from labline_backend.kubeflow.targets import Target
from labline_backend.recurrence.recurring import Change, Recurring, Wish
from labline_backend.recurrence.timing import Timing
from labline_backend.store.records import ENDED_RUN
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
    _bounded(target, wish.at_most)
    place = from_json(Place, submission.files[PLACE])
    specification = submission.files[SPECIFICATION]
    with KubeflowClient(target) as client, tempfile.TemporaryDirectory(prefix="labline-") as folder:
        if any(each.name == name for each in _all(client)):
            raise _is_taken(target, name)
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
            timing=timing,
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


def edit(
    target: Target,
    name: str,
    change: Change,
    arguments: dict[str, Any] | None = None,
    *,
    made: Callable[[Recurring], None],
    unmade: Callable[[Recurring], None],
) -> tuple[str, Recurring]:
    """Have the one of this name or id be another in what *change* says, its runs be given *arguments*.

    Kubeflow Pipelines changes none: a new one is made as the old one is, and then the old one removed, so that at every
    moment there is one. *made* gets the new one before that, and *unmade* gets it where it was removed instead. The
    old one's id, and the new one. Raises ``TargetError``, and what *made* raises.
    """
    with KubeflowClient(target) as client:
        listed = client.recurring_runs()
        old = next(each for each in listed if each.recurring_run_id == _one(client, name, listed).id)
        shown = _recurring(target.name, old)
        _none_goes_on(client, shown)
        changes: dict[str, Any] = {"mode": "DISABLE" if shown.paused else "ENABLE"}
        if change.name is not None and change.name != shown.name:
            if any(each.display_name == change.name for each in listed):
                raise _is_taken(target, change.name)
            changes["display_name"] = change.name
        if change.timing is not None:
            timing = taken(target, change.timing.over(Timing(shown.cron, shown.interval)))
            changes["trigger"] = client.trigger(timing, of=old.trigger)
        if change.catch_up is not None:
            changes["no_catchup"] = not change.catch_up
        if change.at_most is not None:
            changes["max_concurrency"] = str(_bounded(target, change.at_most))
        if arguments is not None:
            root = old.runtime_config.pipeline_root if old.runtime_config is not None else None
            changes["runtime_config"] = client.runtime_config(arguments, root)
        new = _recurring(target.name, client.copy_recurring_run(old, **changes))
        try:
            made(new)
        except Exception:
            client.delete_recurring_run(new.id)
            raise
        _give_up(client, shown, new, unmade)
        return shown.id, new


def _none_goes_on(client: KubeflowClient, old: Recurring) -> None:
    """Raise ``TargetError`` where a run of it has not ended: it would end with the old one, which owns its workflow."""
    for run in client.runs_of(old.id):
        if RUN_STATES.get(run.state) not in ENDED_RUN:
            raise TargetError(
                REFUSED,
                f"{run.display_name}, a run of {old.name} on {client.target.name}, goes on, and would be ended: there "
                "a recurring run is edited by making a new one and removing the old one, whose runs end with it.",
                "Wait until the run has ended, or cancel it, and edit then.",
            )


def _give_up(client: KubeflowClient, old: Recurring, new: Recurring, unmade: Callable[[Recurring], None]) -> None:
    """Remove the old one, or else the new one: two would begin every run twice."""
    try:
        client.delete_recurring_run(old.id)
    except TargetError as error:
        if error.status == 404:  # somebody has removed it meanwhile
            return
        try:
            if all(each.recurring_run_id != old.id for each in client.recurring_runs()):
                return  # it was removed, and only the answer was lost
            client.delete_recurring_run(new.id)
        except TargetError:
            raise TargetError(
                error.code,
                f"{old.name} was made anew on {client.target.name}, and whether the old one is removed is not known, "
                f"so that both may begin runs now: {error}",
                f"Remove the old one: labline recurring remove {old.id} --target {client.target.name}.",
            ) from error
        unmade(new)
        raise


def _bounded(target: Target, at_most: int) -> int:
    if not 1 <= at_most <= MOST_AT_ONCE:
        raise TargetError(
            REFUSED,
            f"{target.name} lets from 1 to {MOST_AT_ONCE} runs of a recurring one go on at once, not {at_most}.",
            "Ask for fewer.",
        )
    return at_most


def _is_taken(target: Target, name: str) -> TargetError:
    return TargetError(
        REFUSED,
        f"There is a recurring run {name!r} on {target.name} already.",
        "Remove it first (labline recurring remove), or give another --name.",
    )


def one(target: Target, name: str) -> Recurring:
    """The one of this name or id. Raises ``TargetError``."""
    with KubeflowClient(target) as client:
        return _one(client, name)


def pause(target: Target, name: str, *, paused: bool) -> Recurring:
    """Have the one of this name or id pause, or go on. Raises ``TargetError``."""
    with KubeflowClient(target) as client:
        found = _one(client, name)
        client.pause_recurring_run(found.id, paused=paused)
    return replace(found, paused=paused)


def remove(target: Target, name: str) -> Recurring:
    """Have the one of this name or id begin no more runs; one that goes on ends. Raises ``TargetError``."""
    with KubeflowClient(target) as client:
        found = _one(client, name)
        client.delete_recurring_run(found.id)
    return found


def _all(client: KubeflowClient, listed: list[Any] | None = None) -> list[Recurring]:
    found = [_recurring(client.target.name, each) for each in listed or client.recurring_runs()]
    return sorted(found, key=lambda each: (each.name, each.id))


def _one(client: KubeflowClient, name: str, listed: list[Any] | None = None) -> Recurring:
    known = _all(client, listed)
    found = [each for each in known if each.id == name] or [each for each in known if each.name == name]
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
