"""Whether the images that a pipeline's steps run in are where the cluster is to fetch them.

The registry that an image's name says is asked, as this user. What it has not keeps a run from being submitted where
this user is signed in there; else it is a warning, since the cluster may see more: images that its nodes have already,
a registry at an address that is each node's own, what its service accounts may pull. What cannot be asked is noted.
"""

from __future__ import annotations

from dataclasses import replace

from labline_backend.images.logins import search_registry
from labline_backend.kubeflow.registry import Reference, UnknownError, ask, is_loopback
from labline_backend.kubeflow.targets import Target
from labline_compiler.findings import Finding, finding
from labline_compiler.pipeline import Pipeline, Step
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE

MISSING = "LL615"


def missing_images(target: Target, pipeline: Pipeline) -> list[Finding]:
    """What is said of the images of *pipeline*'s steps on *target*. Never raises."""
    steps: dict[str, list[Step]] = {}
    for step in pipeline.steps:
        steps.setdefault(step.options.image or target.image or DEFAULT_IMAGE, []).append(step)
    silent: dict[str, str] = {}  # registries that could not be reached, which are not waited for again
    told = (_of_image(image, own, silent) for image, own in steps.items())
    return [found for found in told if found is not None]


def _of_image(image: str, steps: list[Step], silent: dict[str, str]) -> Finding | None:
    names = ", ".join(step.name for step in steps)
    reference = Reference.parse(image)
    if reference is None:
        return finding(
            MISSING,
            f"{image!r}, in which {names} would run, is no name of an image.",
            step=steps[0].name,
            fix="Write it as HOST/NAME:TAG, in small letters but for the tag.",
        )
    host = reference.host or search_registry()
    if host is None:
        return _unknown(
            image, "its name says no registry, so that each node of the cluster looks where it is set up to"
        )
    if host in silent:
        return _unknown(image, silent[host])
    try:
        answer = ask(host, reference.name, reference.at)
    except UnknownError as error:
        why = f"the registry {host} {error}"
        if error.is_silent:
            silent[host] = why
        return _unknown(image, why)
    if answer.there:
        return None
    if reference.host is None:  # the cluster's nodes need not look where this machine does
        return _unknown(image, f"its name says no registry, and {host}, which this machine is set up to ask, has none")
    if not answer.signed_in and any(step.options.pull_secrets for step in steps):
        return _unknown(image, f"{host} has none for who does not sign in, and the cluster does with its pull secrets")
    is_sure = answer.signed_in and not is_loopback(host)
    missing = finding(
        MISSING,
        f"The registry {host} has no image {reference.name} with {_which(reference.at)}, in which {names} would run.",
        step=steps[0].name,
        fix=f"Push {image}, or name one that is there: labline target add ... --image REF, or image:REF at the step.",
    )
    return missing if is_sure else replace(missing, severity="warning")


def _which(at: str) -> str:
    return f"the digest {at}" if ":" in at else f"the tag {at}"


def _unknown(image: str, why: str) -> Finding:
    return Finding(
        MISSING,
        "info",
        f"Whether the image {image} is there cannot be asked from here: {why}.",
        fix="See that the cluster can fetch it; sign in to the registry on this machine to have it asked.",
    )
