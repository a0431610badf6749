"""The build context of an image: a Containerfile and pinned requirements, the same for the same notebook and kernel."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from labline_backend.home import Home
from labline_backend.images.held import RECORD, RECORDS, Held, Record
from labline_backend.images.needs import Difference
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import to_json

CONTAINERFILE = "Containerfile"
REQUIREMENTS = "requirements.txt"
PLACE = "/opt/labline/requirements"  # where the image keeps what was put on top

REFERENCE = re.compile(r"[a-z0-9]+(?:[._:/-]+[A-Za-z0-9_]+)*(?:@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True)
class Context:
    """What an image is built from, on the image *base*."""

    base: str
    containerfile: str
    requirements: str

    @property
    def digest(self) -> str:
        """Stands for all of it."""
        return hashlib.sha256(f"{self.containerfile}\0{self.requirements}".encode()).hexdigest()[:12]

    def reference(self, name: str) -> str:
        """What to call the image for a pipeline *name*: of the same content the same."""
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].rstrip("-") or "notebook"
        return f"labline-step-{plain}:{self.digest}"

    def printed(self) -> str:
        """Both files, one below the other."""
        return f"# {CONTAINERFILE}\n{self.containerfile}\n# {REQUIREMENTS}\n{self.requirements}"

    def write(self, folder: Path) -> None:
        """Write the two files into *folder*, which is made. Raises ``OSError``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((CONTAINERFILE, self.containerfile), (REQUIREMENTS, self.requirements)):
            temporary = folder / f".{name}.{os.getpid()}"
            temporary.write_text(text, "utf-8")
            temporary.replace(folder / name)


def context(base: str, difference: Difference) -> Context:
    """What is to be built on *base*. Nothing is installed where nothing is lacking."""
    lines = [f"FROM {base}"]
    if difference.pins:
        place = f"{PLACE}/{hashlib.sha256(base.encode()).hexdigest()[:12]}.txt"  # another for each image below
        lines += [
            "USER root",
            f"COPY {REQUIREMENTS} {place}",
            "# All that these require is among them or in the image below, so pip is to choose nothing by itself.",
            f"RUN python3 -m pip install --no-cache-dir --no-deps -r {place}",
            "USER 1000",
        ]
    requirements = "".join(f"{pin}\n" for pin in difference.pins)
    return Context(base, "\n".join(lines) + "\n", requirements)


def record(home: Home, context: Context, reference: str, held: Held | None, difference: Difference) -> Path:
    """Keep the context in the data folder, and what the image called *reference* will hold; where the context lies.

    Raises ``OSError``.
    """
    name = hashlib.sha256(f"{reference}\0{context.digest}".encode()).hexdigest()[:12]
    folder = home.root / RECORDS / f"{context.digest}-{name}"
    context.write(folder)
    if held is not None:
        whole = Held(held.python, {**held.packages, **difference.packages})
        (folder / RECORD).write_text(to_json(Record(reference, whole)), "utf-8")
    return folder
