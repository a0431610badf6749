"""Recurring runs of targets that were made here: what is kept of them, so that the runs they begin can be shown here.

A target tells which runs it has begun, and nothing of the notebook. So the notebook, its pipeline and what was
submitted are kept, one file each, as long as the recurring run begins runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from labline_backend.home import Home
from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.submission import PLACE, SPECIFICATION, Place, Submission, arguments_of
from labline_backend.kubeflow.targets import Target, write_whole
from labline_compiler.pipeline import Pipeline
from labline_compiler.targets.kubeflow_names import Names
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_json, to_json


@dataclass(frozen=True)
class Followed:
    """A recurring run, by the ``id`` that its target gave it, with what its runs are shown by.

    ``parameters`` are those that it gives, as Python literals. One that is ``over`` begins no more runs, and is looked
    at once more.
    """

    id: str
    name: str
    notebook: str
    folder: str
    pipeline: Pipeline
    content: dict[str, Any]
    parameters: dict[str, str]
    place: Place
    specification: str
    cache: bool = True
    over: bool = False

    def given(self, parameters: Mapping[str, str]) -> Followed:
        """It with *parameters*, Python literals, set beside those that it gives.

        Raises ``TargetError`` and ``ParameterError``.
        """
        given = {**self.parameters, **parameters}
        place = replace(self.place, arguments=arguments_of(self.pipeline, given))
        return replace(self, parameters=given, place=place)

    def files(self, run_id: str, target: Target) -> dict[str, str]:
        """What the driver of its run *run_id* finds in the run's folder; *target* is its target as it is now."""
        root = self.place.target.root  # as it was made with, whatever is the target's now
        results = None if root is None else f"{root}/{Names(self.pipeline).pipeline}/{run_id}"
        place = replace(self.place, target=replace(target, root=root), asked=True, run_id=run_id, results=results)
        return {SPECIFICATION: self.specification, PLACE: to_json(place)}


class FollowedRuns:
    """Those of one data folder."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folder = home.root / "followed"

    def keep(self, followed: Followed) -> None:
        """Keep it, in the place of one with its id. Raises ``HomeError``."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_whole(self._file(followed.id), to_json(followed))
        except OSError as error:
            raise self._home.error(error) from error

    def get(self, identifier: str) -> Followed | None:
        """The one with this id; None for one that was made elsewhere, or whose file is damaged."""
        try:
            return from_json(Followed, self._file(identifier).read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def all(self) -> Iterator[Followed]:
        """All there are."""
        for file in sorted(self._folder.glob("*.json")):
            with contextlib.suppress(OSError, ValueError):
                yield from_json(Followed, file.read_text("utf-8"))

    def end(self, identifier: str) -> None:
        """Look at it once more, and then no more. Raises ``HomeError``."""
        followed = self.get(identifier)
        if followed is not None:
            self.keep(replace(followed, over=True))

    def forget(self, identifier: str) -> None:
        """Look at it no more."""
        self._file(identifier).unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else looks at them as long as the block goes on: else a run would be taken up twice."""
        try:
            file = (self._folder / ".lock").open("a")
        except FileNotFoundError:  # none was ever made
            yield False
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_alone = True
            except BlockingIOError:
                is_alone = False
            yield is_alone

    def _file(self, identifier: str) -> Path:
        return self._folder / f"{hashlib.sha256(identifier.encode()).hexdigest()[:24]}.json"


def followed(
    identifier: str,
    name: str,
    submission: Submission,
    *,
    pipeline: Pipeline,
    notebook: str,
    folder: Path,
    content: dict[str, Any],
    parameters: dict[str, str],
    cache: bool,
) -> Followed:
    """What is to be kept of a recurring run that was made of *submission*."""
    return Followed(
        id=identifier,
        name=name,
        notebook=notebook,
        folder=str(folder),
        pipeline=pipeline,
        content=content,
        parameters=parameters,
        place=from_json(Place, submission.files[PLACE]),
        specification=submission.files[SPECIFICATION],
        cache=cache,
    )


def begun_by(followed: Followed, target: Target, known: Container[str]) -> list[tuple[str, float]]:
    """The runs that *target* has begun by it and that are not *known* yet, the oldest first: id, and when it was made.

    Raises ``TargetError``.
    """
    with KubeflowClient(target) as client:
        runs = client.runs_of(followed.id, known)
    new = (run for run in reversed(runs) if run.run_id and run.created_at and run.run_id not in known)
    return [(str(run.run_id), run.created_at.timestamp()) for run in new]
