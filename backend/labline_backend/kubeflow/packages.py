"""Whether the images that a pipeline's steps run in hold what they import, as far as it is known what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from labline_backend.home import Home
from labline_backend.images.held import Held, holds
from labline_backend.images.kernel import Installed, installed
from labline_backend.images.needs import LACKING, Needed, difference, imports_of
from labline_backend.kernels import KernelError, find_kernel
from labline_backend.kubeflow.targets import Target
from labline_compiler.findings import Finding, finding
from labline_compiler.pipeline import Pipeline, Step
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE
from labline_compiler.targets.kubeflow_packages import Packages

FIX = (
    "Build an image with them, labline image build {notebook}, and name it: labline target add ... --image REF. "
    "Or have them installed once into a volume: labline target add ... --packages CLAIM."
)
SHOWN = 5  # packages in a message


def lacking_packages(home: Home, target: Target, pipeline: Pipeline, folder: Path) -> list[Finding]:
    """What the images on *target* lack of what *pipeline*, whose notebook lies in *folder*, imports. Never raises."""
    steps: dict[str, list[Step]] = {}
    for step in pipeline.steps:
        steps.setdefault(step.options.image or target.image or DEFAULT_IMAGE, []).append(step)
    imports = {
        image: imports_of([*pipeline.preamble, *(cell for step in own for cell in step.cells)], folder)
        for image, own in steps.items()
    }
    known = {image: holds(home, image) for image in steps}
    names = [each.name for wanted in imports.values() for each in wanted]
    is_asked = target.packages is not None or any(known.values())
    found = _installed(pipeline.kernel, names) if names and is_asked else None
    told: list[Finding] = []
    for image, wanted in imports.items():
        held = known[image]
        if not wanted:
            continue
        if target.packages is not None and steps[image][0].options.image is None:
            told += [] if found is None else difference(Needed(wanted, found), held).findings
        elif held is None:
            told.append(_unknown(image, sorted({each.top for each in wanted})))
        elif found is not None:
            told += _of_image(image, held, Needed(wanted, found), steps[image][0].name, pipeline.notebook)
    return told


def to_install(home: Home, target: Target, pipeline: Pipeline, folder: Path) -> Packages | None:
    """What is to be installed into *target*'s volume for packages, if it has one and anything is lacking."""
    if target.packages is None:
        return None
    return packages_for(home, target.packages, target.image or DEFAULT_IMAGE, pipeline, folder)[0]


def packages_for(
    home: Home, claim: str, image: str, pipeline: Pipeline, folder: Path
) -> tuple[Packages | None, tuple[Finding, ...]]:
    """What steps that name no image need beside *image*, for the volume *claim*, and what cannot be installed there."""
    own = [step for step in pipeline.steps if step.options.image is None]
    cells = [*pipeline.preamble, *(cell for step in own for cell in step.cells)]
    imports = imports_of(cells, folder)
    found = _installed(pipeline.kernel, [each.name for each in imports]) if own and imports else None
    if found is None:
        return None, ()
    lacks = difference(Needed(imports, found), holds(home, image))
    return (Packages(claim, image, lacks.pins) if lacks.pins else None), tuple(lacks.findings)


def _installed(kernel: str, names: list[str]) -> Installed | None:
    try:
        return installed(find_kernel(kernel), names)
    except KernelError:  # of another machine: nothing is known of its packages
        return None


def _of_image(image: str, held: Held, needed: Needed, step: str, notebook: str) -> Iterator[Finding]:
    lacks = difference(needed, held)
    fix = FIX.format(notebook=notebook)
    absent: dict[str, str] = {}
    for each in needed.imports:
        keys = needed.installed.modules.get(each.name, ())
        if keys and not each.optional and all(key in lacks.missing for key in keys):
            absent[each.top] = keys[0]
    if absent:
        yield finding(
            LACKING,
            f"The image {image} lacks what the notebook imports: {_some(sorted(absent))}.",
            step=step,
            fix=fix,
        )
    others = {name: version for name, version in lacks.packages.items() if name not in absent.values()}
    if others:
        what = [
            f"{name} {version} (the image has {held.packages.get(name, 'none')})" for name, version in others.items()
        ]
        yield Finding(
            LACKING,
            "warning",
            f"The kernel has other packages than the image {image}: {_some(what)}.",
            step=step,
            fix=fix,
        )
    yield from lacks.findings


def _unknown(image: str, modules: list[str]) -> Finding:
    return Finding(
        LACKING,
        "info",
        f"It is not known here what is in the image {image}, so whether it has {_some(modules)} is not known either.",
        fix="See that it has them, or use one that labline image build has made.",
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
