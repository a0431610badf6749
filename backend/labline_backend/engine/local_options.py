"""What a step's options come to on this machine, where there is no cluster that would see to them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from labline_backend.engine.capacity import Share
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step
from labline_compiler.quantities import amount

UNSUPPORTED_OPTION = "LL601"


def share(step: Step) -> Share:
    """The part of the machine that is set aside for *step*. How many threads it starts is its own."""
    return Share(max(1, math.ceil(_limit(step, "cpu"))), memory_limit(step))


def memory_limit(step: Step) -> int:
    """Bytes of memory that *step* may hold; 0: as many as there are."""
    return math.ceil(_limit(step, "memory"))


def _limit(step: Step, resource: str) -> float:
    with contextlib.suppress(KeyError, ValueError):
        return float(amount(step.options.limits[resource]))
    return 0.0


def left_out(pipeline: Pipeline, variables: Mapping[str, str]) -> tuple[Finding, ...]:
    """What steps ask for and do not get here; *variables* are those that they find in their environment."""
    return tuple(each for step in pipeline.steps for each in _left_out(step, variables))


def _left_out(step: Step, variables: Mapping[str, str]) -> Iterator[Finding]:
    options = step.options

    def told(what: str, fix: str, *, matters: bool = False) -> Finding:
        severity = "warning" if matters else "info"
        message = f"Step {step.name}: {what}"
        return Finding(UNSUPPORTED_OPTION, severity, message, step=step.name, fix=fix)  # type: ignore[arg-type]

    for resource, quantity in options.limits.items():
        if resource not in ("cpu", "memory"):
            yield told(f"{resource} is not limited on this machine.", "Nothing, unless the step relies on the limit.")
            continue
        try:
            amount(quantity)
        except ValueError as problem:
            yield told(f"limit:{resource}:{quantity} is left out: {problem}.", "Correct the amount.", matters=True)
    for secret, _, variable in options.secrets:
        if variable not in variables:
            yield told(
                f"{variable} is to come from the secret {secret}, which this machine does not have.",
                f"Set the environment variable {variable} where Labline is started.",
                matters=True,
            )
    for claim, path, *named in options.volumes:
        missing = [variable for variable in named if variable not in variables]
        if missing or not (named or Path(path).is_dir()):
            where = f"the environment variable {missing[0]} to" if missing else f"to {path}"
            yield told(
                f"the volume {claim} is not mounted on this machine.",
                f"Set {where} a folder with its data." if missing else f"Link a folder with its data {where}.",
                matters=True,
            )
    if options.image is not None:
        yield told(
            f"the image {options.image} is not used on this machine.",
            "Nothing, if the notebook's kernel has the packages that the image has.",
        )
    if kinds := [kind for kind in ("labels", "annotations") if getattr(options, kind)]:
        yield told(f"{' and '.join(kinds)} are for pods, and there are none on this machine.", "Nothing.")
