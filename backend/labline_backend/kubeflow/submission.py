"""A pipeline made ready for a target, and what is kept of its way there.

Everything that its driver needs lies in the run's folder, so that a run outlives a restart, and its target's removal.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labline_backend.engine import parameters as run_parameters
from labline_backend.kubeflow.errors import NOT_MIRRORED, REFUSED, TargetError
from labline_backend.kubeflow.folder import look, ship
from labline_backend.kubeflow.targets import Target, write_whole
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline
from labline_compiler.targets.kubeflow_packages import Packages
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_json, to_json

SPECIFICATION = "pipeline.yaml"
PLACE = "target.json"


@dataclass(frozen=True)
class Place:
    """Where a run is on its target.

    ``asked`` says that its start was asked for, whatever came of it; ``retried`` how often it was tried again since.
    ``results`` is where its tasks leave what they leave, where that is not below a folder of its own.
    """

    target: Target
    arguments: dict[str, Any]
    experiment: str
    asked: bool = False
    run_id: str | None = None
    retried: int = 0
    results: str | None = None

    @staticmethod
    def read(folder: Path) -> Place:
        """What is kept in a run's folder. Raises ``OSError`` and ``ValueError``."""
        return from_json(Place, (folder / PLACE).read_text("utf-8"))

    def write(self, folder: Path) -> None:
        """Keep it. Raises ``OSError``."""
        write_whole(folder / PLACE, to_json(self))


@dataclass(frozen=True)
class Submission:
    """What goes into the run's folder, and what is to be said before."""

    files: dict[str, str]
    findings: tuple[Finding, ...]


def prepare(
    target: Target,
    pipeline: Pipeline,
    literals: Mapping[str, str],
    *,
    cache: bool,
    folder: Path,
    packages: Packages | None = None,
) -> Submission:
    """Compile *pipeline* for *target*, with what of the notebook's *folder* travels, and *packages* to install there.

    Raises ``TargetError`` and ``ParameterError``.
    """
    from labline_compiler.targets.kubeflow import DEFAULT_IMAGE, compile_to_yaml

    passed = arguments_of(pipeline, literals)
    shipped, findings = ship(look(folder, pipeline), root=target.root, limit=target.folder_limit)
    wanted = pipeline if cache else _uncached(pipeline)
    image = target.image or DEFAULT_IMAGE
    specification = compile_to_yaml(wanted, image=image, report=findings, shipped=shipped, packages=packages)
    if target.root is None:
        message = f"Values, metrics and outputs of cells stay on {target.name}, which has no pipeline root to read."
        fix = "Name a place in an S3 that both sides reach: labline target add ... --root s3://bucket/prefix."
        findings.append(Finding(NOT_MIRRORED, "info", message, fix=fix))
    place = Place(target, passed, pipeline.experiment or pipeline.name)
    return Submission({SPECIFICATION: specification, PLACE: to_json(place)}, tuple(findings))


def arguments_of(pipeline: Pipeline, literals: Mapping[str, str]) -> dict[str, Any]:
    """What a run of the compiled *pipeline* is given for *literals*. Raises ``TargetError`` and ``ParameterError``."""
    from labline_compiler.targets.kubeflow import arguments

    try:
        return arguments(pipeline, run_parameters.merge(pipeline, literals))
    except ValueError as error:
        raise TargetError(REFUSED, str(error), "Pass the number as text, and convert it in the notebook.") from error


def left_out(target: Target, timeout: float | None, priority: int, *, post_mortem: bool) -> tuple[Finding, ...]:
    """What was asked of a run that its target does not give."""
    said = {"timeout": timeout is not None, "priority": priority != 0, "post-mortem": post_mortem}
    return tuple(
        Finding(
            "LL601", "warning", f"{target.name} knows no {name} of a run, so it is left out.", fix=f"Leave out {name}."
        )
        for name, is_asked in said.items()
        if is_asked
    )


def pipeline_name(pipeline: Pipeline) -> str:
    """What the pipeline is called there: as a Kubernetes object, which newer releases make of it."""
    return re.sub(r"[^a-z0-9]+", "-", pipeline.name.lower()).strip("-")[:60].rstrip("-") or "pipeline"


def version_name(pipeline: Pipeline, specification: str) -> str:
    """The name of a version is of its content: the same notebook is uploaded once."""
    return f"{pipeline_name(pipeline)[:40]}-{hashlib.sha256(specification.encode()).hexdigest()[:12]}"


def _uncached(pipeline: Pipeline) -> Pipeline:
    steps = tuple(
        dataclasses.replace(step, options=dataclasses.replace(step.options, cache=False)) for step in pipeline.steps
    )
    return dataclasses.replace(pipeline, steps=steps, cache=False)


def page(folder: Path) -> str | None:
    """Where a browser finds the run of this folder on its target; None where it is not there, or not yet."""
    try:
        place = Place.read(folder)
    except (OSError, ValueError):
        return None
    return None if place.run_id is None else place.target.page(place.run_id)
