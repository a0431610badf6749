"""What a run on a target of the user's handed on, as :class:`Outcome`: what is mirrored of it here, and no more.

The digests of values and what cells show come with the steps' own accounts. The values themselves stay in the pipeline
root; one that differs is fetched, so that the place of the difference can be told.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend.errors import InputError
from labline_backend.kubeflow.errors import NOT_MIRRORED
from labline_backend.verification.comparison import HandedOn, Outcome
from labline_backend.verification.fetching import Fetching

if TYPE_CHECKING:
    from labline_backend.service import Service
    from labline_backend.store.records import RunRecord


def see_that_results_are_read(service: Service, name: str) -> None:
    """Raise ``InputError`` where nothing that runs on the target *name* leave can be read here; ``NotFoundError``."""
    if service.targets.get(name).root is None:
        raise InputError(
            f"What runs on {name} leave stays there, so that nothing could be compared: it has no pipeline root. "
            f"Name a place in an S3 that both sides reach: labline target add {name} ... --root s3://bucket/prefix."
        )


def target_outcome(service: Service, run: RunRecord, scratch: Path) -> Outcome:
    """What a run on a target, which has ended, handed on; what is fetched of it lies below *scratch*.

    Raises ``InputError`` where the target, and not the pipeline, is to blame, or nothing of the run is known.
    """
    steps = service.store.steps(run.id)
    if run.state == "failed" and not any(step.state == "failed" and step.error is not None for step in steps):
        raise InputError(f"The run {run.id} on {run.target} came to no end of its own: {run.error}")
    ended = [step for step in steps if step.state == "succeeded"]
    unread = {step.name: _why_unread(run, step.name) for step in ended if step.result is None}
    if ended and len(unread) == len(ended):
        raise InputError(f"Nothing can be compared: {next(iter(unread.values()))}.")
    return Outcome(
        values={
            (step.name, value.name): HandedOn(value.type, value.digest, text=value.preview.text)
            for step in ended
            if step.result is not None
            for artifact in step.result.artifacts
            for value in artifact.values
        },
        notebooks=[service.executed_notebook(run.id, step.name) for step in ended],
        ended=frozenset(step.name for step in ended),
        failure=None if run.state == "succeeded" else run.error or "The run failed.",
        unread=unread,
        fetch=Fetching(service, run, scratch / "fetched"),
    )


def _why_unread(run: RunRecord, step: str) -> str:
    said = [found for found in run.findings if found.code == NOT_MIRRORED and found.step in (step, None)]
    said.sort(key=lambda found: found.step is None)
    return f"what step {step} left is not here" + (f": {said[0].message.rstrip('.')}" if said else "")
