"""Runs that a target begins by itself, again and again: made, listed, paused and removed there.

Nothing of them is kept here. The runs that come of them are the target's own, and are looked at there.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.errors import GONE, REFUSED, TargetError
from labline_backend.kubeflow.submission import PLACE, SPECIFICATION, Place, Submission, pipeline_name, version_name
from labline_backend.kubeflow.targets import Target
from labline_compiler.pipeline import Pipeline
from labline_runtime.documents import from_json

FIELD = re.compile(r"[0-9A-Za-z*/,?-]+")
EVERY = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


@dataclass(frozen=True)
class Recurring:
    """A recurring run. ``cron`` is None where it begins by other means."""

    id: str
    name: str
    cron: str | None
    paused: bool


def cron_of(text: str) -> str:
    """*text* as Kubeflow Pipelines takes it, with a field for seconds before the usual five. Raises ``TargetError``."""
    fields = text.split()
    if fields and fields[0] in EVERY and len(fields) == 1:
        return fields[0]
    if len(fields) not in (5, 6) or not all(map(FIELD.fullmatch, fields)):
        raise TargetError(
            REFUSED,
            f"{text!r} does not say when to run.",
            'Write minute, hour, day of the month, month and day of the week, as cron does: "30 3 * * 1-5".',
        )
    return " ".join(["0", *fields] if len(fields) == 5 else fields)


def add(target: Target, pipeline: Pipeline, submission: Submission, name: str, cron: str) -> Recurring:
    """Have *pipeline*, made ready as *submission*, run whenever *cron* says so. Raises ``TargetError``."""
    cron = cron_of(cron)
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
            cron=cron,
        )
    return Recurring(identifier, name, cron, paused=False)


def all_(target: Target) -> list[Recurring]:
    """Those there are, whoever made them, by name. Raises ``TargetError``."""
    with KubeflowClient(target) as client:
        return _all(client)


def pause(target: Target, name: str, *, paused: bool) -> Recurring:
    """Have the one of this name or id pause, or go on. Raises ``TargetError``."""
    with KubeflowClient(target) as client:
        found = _one(client, name)
        client.pause_recurring_run(found.id, paused=paused)
    return Recurring(found.id, found.name, found.cron, paused)


def remove(target: Target, name: str) -> Recurring:
    """Have the one of this name or id begin no more runs. Raises ``TargetError``."""
    with KubeflowClient(target) as client:
        found = _one(client, name)
        client.delete_recurring_run(found.id)
    return found


def _all(client: KubeflowClient) -> list[Recurring]:
    return sorted(map(_recurring, client.recurring_runs()), key=lambda each: (each.name, each.id))


def _one(client: KubeflowClient, name: str) -> Recurring:
    found = [each for each in _all(client) if name in (each.name, each.id)]
    if len(found) == 1:
        return found[0]
    how = "no recurring run" if not found else "more than one recurring run called"
    raise TargetError(GONE, f"There is {how} {name!r} on {client.target.name}.", "See labline recurring list.")


def _recurring(found: Any) -> Recurring:
    schedule = found.trigger.cron_schedule if found.trigger is not None else None
    paused = found.mode == "DISABLE" or found.status == "DISABLED"
    return Recurring(str(found.recurring_run_id), str(found.display_name), schedule and schedule.cron, paused)
