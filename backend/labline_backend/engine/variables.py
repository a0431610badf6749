"""The environment of a step's process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labline_runtime import environ, telemetry

if TYPE_CHECKING:
    from labline_backend.kernels import Kernel

OURS = ("LABLINE_", "JPY_")  # prefixes of variables that concern the server, not the steps

DEFAULTS = {
    **telemetry.OFF,
    "GIT_PYTHON_REFRESH": "quiet",  # as where MLflow records, so that all steps can have one warm parent
    # OpenMP's threads spin while they wait, which on busy cores, as with two steps at once, costs many times the work
    # itself. Waiting passively changes no result, as fewer threads would.
    "OMP_WAIT_POLICY": "passive",
    # The order of a set of texts follows from it: the same in every step, and in runs whose results are used again.
    "PYTHONHASHSEED": "0",
}


def environment(kernel: Kernel, tracking: dict[str, str]) -> dict[str, str]:
    """What a step's process finds in its environment."""
    found = {name: value for name, value in environ.present().items() if not name.startswith(OURS)}
    for name, value in DEFAULTS.items():
        found.setdefault(name, value)
    found["PYTHONUNBUFFERED"] = "1"
    for name, value in kernel.env.items():  # as in Jupyter, a kernelspec may refer to what is already there
        found[name] = re.sub(r"\$\{(\w+)\}", lambda match: found.get(match[1], match[0]), value)
    return found | tracking
