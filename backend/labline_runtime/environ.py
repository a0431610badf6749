"""Variables of the environment as a step's result may depend on them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

KERNELS = {
    **{"TERM": "xterm-color", "CLICOLOR": "1", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"},
    **{"PAGER": "cat", "GIT_PAGER": "cat"},
}
"""Those that a kernel sets, whatever they were."""

STEPS_OWN = (
    *("MLFLOW_ALLOW_FILE_STORE", "MLFLOW_EXPERIMENT_", "MLFLOW_HTTP_REQUEST_", "MLFLOW_REGISTRY_", "MLFLOW_RUN_"),
    "MLFLOW_TRACKING_",
)
"""How the names of those begin that differ from step to step. Nothing that a warm parent imports reads these."""

NAMES = ""  # stands for which variables there are
_SET_FOR_STEPS = {*KERNELS, "MPLBACKEND"}
_OURS = ("LABLINE_", "MLFLOW_")


def present() -> dict[str, str]:
    """The variables that there are. Nobody who watches what a step asks is told: it is not the notebook that asks.

    They are read as the system has them, since ``os.environ`` takes ten times as long to go through.
    """
    variables: Any = os.environ
    if not isinstance(variables, os._Environ):  # the notebook has put something else there
        return dict(variables)
    texts: dict[Any, Any] = variables.__dict__["_data"].copy()
    return {os.fsdecode(name): os.fsdecode(text) for name, text in texts.items()}


def counts(name: str) -> bool:
    """Whether the variable is one that the step is given, and not set anew for each."""
    return name not in _SET_FOR_STEPS and not name.startswith(_OURS)


def known_by(name: str, variables: Mapping[str, str]) -> str | None:
    """What the variable called *name* is known by among *variables*, None where it is not set."""
    if name == NAMES:
        return _digest("\0".join(sorted(filter(counts, variables))))
    return _digest(variables[name]) if name in variables else None


def changed(read: Mapping[str, str | None], variables: Mapping[str, str]) -> Iterable[str]:
    """Which of those *read*, with what they were known by, are others among *variables*, in words."""
    for name, was in read.items():
        if known_by(name, variables) != was:
            yield f"environment variable {name}" if name != NAMES else "which environment variables there are"


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()
