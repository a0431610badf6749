"""The process as it was when the step began: environment, path and folder travel as differences from it."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from labline_runtime import environ
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Baseline:
    """What some states are told apart from."""

    environ: dict[str, str]
    path: tuple[str, ...]
    folder: str
    random: object = None  # the state of Python's generator

    @classmethod
    def take(cls) -> Baseline:
        """The process as it is."""
        return cls(environ.present(), tuple(sys.path), str(Path.cwd()), random.getstate())
