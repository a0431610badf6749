"""What a step's options come to on this machine, where there is no cluster that would see to them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from labline_backend.engine.capacity import Share
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step, StepOptions
from labline_compiler.quantities import amount
from labline_runtime.dataclass import dataclass

UNSUPPORTED_OPTION = "LL601"

_FOR_PODS = {
    "labels": "labels",
    "annotations": "annotations",
    "node_selector": "node selectors",
    "tolerations": "tolerations",
    "pull_secrets": "pull secrets",
}


def share(step: Step) -> Share:
    """The part of the machine that is set aside for *step*: what it requests, and else what it may use at most.

    How many threads it starts is its own.
    """
    cores = _requested(step, "cpu")
    return Share(max(1, math.ceil(cores)), math.ceil(_requested(step, "memory")))


def memory_limit(step: Step) -> int:
    """Bytes of memory that *step* may hold; 0: as many as there are."""
    return math.ceil(_amount(step.options.limits, "memory"))


def _requested(step: Step, resource: str) -> float:
    return _amount(step.options.requests, resource) or _amount(step.options.limits, resource)


def _amount(amounts: Mapping[str, str], resource: str) -> float:
    with contextlib.suppress(KeyError, ValueError):
        return float(amount(amounts[resource]))
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
    for resource in options.requests:
        if resource not in ("cpu", "memory"):
            yield _Lack(f"{resource} is not set aside on this machine.", "Nothing, if there is enough of it.")
    for kind, entries in (("secret", options.secrets), ("config map", options.config_maps)):
        for name, _, variable in entries:
            if variable not in variables:
                yield _Lack(
                    f"{variable} is to come from the {kind} {name}, which this machine does not have.",
                    f"Set the environment variable {variable} where Labline is started.",
                    matters=True,
                )
    for kind, entries in (("secret", options.secret_files), ("config map", options.config_map_files)):
        for name, path in entries:
            if not Path(path).is_dir():
                lack = f"the files of the {kind} {name} are not on this machine."
                yield _Lack(lack, f"Have a folder with them, or a link to one, at {path}.", matters=True)
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
    asked = [shown for option, shown in _FOR_PODS.items() if getattr(options, option)]
    if asked:
        several = " and ".join(filter(None, [", ".join(asked[:-1]), asked[-1]]))
        yield _Lack(f"{several} are for pods, and there are none on this machine.", "Nothing.")
    if options.service_account is not None:
        what = f"the service account {options.service_account} is for pods, and there are none on this machine."
        yield _Lack(what, "Nothing: the step runs as whoever started Labline.")
