"""What a step's options come to on this machine, where there is no cluster that would see to them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labline_backend.engine.capacity import Share
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step, StepOptions
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


@dataclass(frozen=True)
class _Lack:
    """Something asked for that is not here; ``matters`` where the step may fail or compute something else for it."""

    what: str
    fix: str
    matters: bool = False


def left_out(pipeline: Pipeline, variables: Mapping[str, str]) -> tuple[Finding, ...]:
    """What steps ask for and do not get here; *variables* are those that they find in their environment."""
    steps: dict[_Lack, list[str]] = {}
    for step in pipeline.steps:
        for lack in _lacks(step.options, variables):
            steps.setdefault(lack, []).append(step.name)
    return tuple(
        Finding(
            UNSUPPORTED_OPTION,
            "warning" if lack.matters else "info",
            f"{'Step' if len(names) == 1 else 'Steps'} {', '.join(names)}: {lack.what}",
            step=names[0],
            fix=lack.fix,
        )
        for lack, names in steps.items()
    )


def _lacks(options: StepOptions, variables: Mapping[str, str]) -> Iterator[_Lack]:
    for resource, quantity in options.limits.items():
        if resource not in ("cpu", "memory"):
            yield _Lack(f"{resource} is not limited on this machine.", "Nothing, unless the step relies on the limit.")
            continue
        try:
            amount(quantity)
        except ValueError as problem:
            yield _Lack(f"limit:{resource}:{quantity} is left out: {problem}.", "Correct the amount.", matters=True)
    for secret, _, variable in options.secrets:
        if variable not in variables:
            yield _Lack(
                f"{variable} is to come from the secret {secret}, which this machine does not have.",
                f"Set the environment variable {variable} where Labline is started.",
                matters=True,
            )
    for claim, path, *named in options.volumes:
        lack = f"the volume {claim} is not mounted on this machine."
        if missing := [variable for variable in named if variable not in variables]:
            fix = f"Set the environment variable {missing[0]} to a folder with its data where Labline is started."
            yield _Lack(lack, fix, matters=True)
        elif not named and not Path(path).is_dir():
            yield _Lack(lack, f"Have a folder with its data, or a link to one, at {path}.", matters=True)
    if options.image is not None:
        yield _Lack(
            f"the image {options.image} is not used on this machine.",
            "Nothing, if the notebook's kernel has the packages that the image has.",
        )
    if kinds := [kind for kind in ("labels", "annotations") if getattr(options, kind)]:
        yield _Lack(f"{' and '.join(kinds)} are for pods, and there are none on this machine.", "Nothing.")
