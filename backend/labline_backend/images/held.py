"""What is known to be in an image: in Labline's step image by what it is made of, in others by a record of it."""

from __future__ import annotations

import functools
import json
from importlib.resources import files

from labline_backend.home import Home
from labline_backend.images.kernel import normalised
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_plain

PYTHON = "3.11"  # the step image's
RECORDS = "images"  # the folder, in the data folder
RECORD = "image.json"


@dataclass(frozen=True)
class Held:
    """The Python of an image, as 3.11, and the versions of its packages by normalised name."""

    python: str
    packages: dict[str, str]


@dataclass(frozen=True)
class Record:
    """An image that was made here: what it is called, and what it holds."""

    reference: str
    held: Held


@functools.cache
def step_image() -> Held:
    """What the step image of this Labline holds: the very file that it is made of."""
    from packaging.requirements import Requirement

    text = (files("labline_backend.images") / "step" / "requirements.txt").read_text("utf-8")
    lines = text.replace("\\\n", " ").splitlines()
    packages = {}
    for line in lines:
        requirement = Requirement(line.partition(" --hash=")[0])
        if requirement.marker is None or requirement.marker.evaluate(markers(PYTHON)):
            (pin,) = requirement.specifier
            packages[normalised(requirement.name)] = pin.version
    return Held(PYTHON, packages)


def holds(home: Home, image: str) -> Held | None:
    """What is in the image that a cluster knows as *image*; None where that is not known here.

    The default image is known in whatever registry it lies, as long as its own name and version were kept.
    """
    for record in _records(home):
        if record.reference == image:
            return record.held
    return step_image() if image.rpartition("/")[2] == DEFAULT_IMAGE else None


def markers(python: str) -> dict[str, str]:
    """What requirements may ask of where they are installed, for a *python* like 3.11 on Linux."""
    from packaging.markers import default_environment

    own = default_environment()
    given = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
    }
    return {**{name: str(value) for name, value in own.items()}, **given}


def _records(home: Home) -> list[Record]:
    """The records there are, the newest first. Damaged ones are nobody's."""
    found = []
    for path in (home.root / RECORDS).glob(f"*/{RECORD}"):
        try:
            found.append((path.stat().st_mtime_ns, from_plain(Record, json.loads(path.read_bytes()))))
        except (OSError, ValueError, TypeError, LookupError):
            continue
    return [record for _, record in sorted(found, key=lambda each: each[0], reverse=True)]
