"""What is known of a model before it is loaded: where its files lie, what is in them, and how it may be asked.

That is found out when a version is deployed, by a process that ends then (``checking``): it imports MLflow and pandas,
fetches the model, asks it in every way there is, and leaves a record in the data folder. A worker reads the record and
loads what the record says, and only files that are still what was checked.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from blake3 import blake3

from labline_backend._version import __version__
from labline_backend.home import Home
from labline_backend.registry import ModelReference, RegisteredVersion, RegistryError, lying
from labline_backend.serving.agreement import Verdict
from labline_backend.serving.graph import Graph
from labline_backend.serving.needs import Needs, Resolved, stated
from labline_backend.tracking.location import Location
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import fields_of, from_json, from_plain, to_json

HELPER = "labline_backend.serving.checking"
RECORD = "record.json"
PACKAGES = (
    *("mlflow", "scikit-learn", "numpy", "scipy", "pandas", "cloudpickle", "skops"),
    *("onnx", "onnxruntime", "skl2onnx"),
)
"""What takes part in an answer. With another release of one of them a model is checked anew."""

LEFT_BY_OTHERS = frozenset({"registered_model_meta", "__pycache__"})
"""What MLflow and Python put beside a model's own files when they fetch and load it."""


class LoadError(RegistryError):
    """The model cannot be had or loaded; the message is one sentence for the user."""


@dataclass(frozen=True)
class Kept:
    """A file that a check has written, and its BLAKE3 digest."""

    path: str
    digest: str

    def content(self) -> bytes:
        """What is in it. Raises ``LoadError`` where that is not what was written."""
        return written(self.path, self.digest)

    def opened(self) -> Opened:
        """The file, to be read later. Raises ``LoadError`` where it cannot be read."""
        return opened(self.path, self.digest)


@dataclass(frozen=True)
class Checked:
    """A version that was checked. ``files`` are the BLAKE3 digests of the files in ``folder``, by path in it; ``shown``
    is what a person is told who wants to try it (``example``).

    ``native`` is the model as a pickle, where reading it as it was logged takes more than the model. ``arithmetic`` is
    what answers in its place without its library, and knows when it cannot.
    """

    folder: str
    files: dict[str, str]
    packages: dict[str, str]
    verdict: Verdict
    shown: dict[str, Any]
    graph: Graph | None = None
    native: Kept | None = None
    arithmetic: Kept | None = None

    def content(self, file: str) -> bytes:
        """A file of the model. Raises ``LoadError`` where it is not what was checked."""
        return self.opened(file).content()

    def opened(self, file: str) -> Opened:
        """A file of the model, to be read later. Raises ``LoadError`` where it cannot be read."""
        return Opened(
            str(Path(self.folder) / file),
            self.files.get(file, ""),
            f"The model's file {file}",
            f" in {self.folder} is not what it was when the model was deployed: deploy it again to have it checked.",
        )

    def check_all(self) -> None:
        """Raises ``LoadError`` where a file is not what was checked, or is new."""
        found = digests(Path(self.folder))
        if found != self.files:
            changed = sorted(
                name for name in found.keys() | self.files.keys() if found.get(name) != self.files.get(name)
            )
            raise LoadError(
                f"The model's files in {self.folder} are not what they were when the model was deployed "
                f"({', '.join(changed[:5])}): deploy it again to have it checked."
            )


def written(path: str, digest: str) -> bytes:
    """A file that a check has written. Raises ``LoadError`` where it is not what was written."""
    return opened(path, digest).content()


def opened(path: str, digest: str) -> Opened:
    """A file that a check has written, to be read later. Raises ``LoadError`` where it cannot be read."""
    altered = " is not what the check has written: remove its folder and deploy again."
    return Opened(path, digest, f"The file {path}, which belongs to a check,", altered)


class Opened:
    """A file that may be read later. It is open meanwhile: one that another check puts in its place is another file."""

    def __init__(self, path: str, digest: str, name: str, altered: str) -> None:
        """*name* and *altered* are what is said of it. Raises ``LoadError`` where it cannot be read."""
        self._digest, self._name, self._altered = digest, name, altered
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise LoadError(f"{name} cannot be read: {error.strerror}.") from error
        weakref.finalize(self, os.close, self._file)

    def content(self) -> bytes:
        """What is in it. Raises ``LoadError`` where that is not what was checked."""
        with open(self._file, "rb", closefd=False) as file:
            file.seek(0)
            content = file.read()
        if blake3(content).hexdigest() != self._digest:
            raise LoadError(self._name + self._altered)
        return content


def _digest(*told: object) -> str:
    return blake3(json.dumps(told).encode()).hexdigest()[:32]


def local(uri: str) -> Path | None:
    """The folder of this machine that *uri* names; None where it is elsewhere."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file"):
        return None
    return Path(unquote(parts.path) if parts.scheme else parts.path)


def digests(folder: Path) -> dict[str, str]:
    """The digests of the files in *folder*, by path in it. Raises ``OSError``."""
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    own = [file for file in files if LEFT_BY_OTHERS.isdisjoint(file.parts)]
    return {str(file): blake3((folder / file).read_bytes()).hexdigest() for file in own}


def packages() -> dict[str, str]:
    """The releases of what takes part in an answer, in this process."""
    found = {"python": platform.python_version(), "labline": __version__}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True)
class Checks:
    """The checked versions of a data folder, from one registry.

    ``bound`` is how far scores may be off where a graph of ONNX answers in the model's place; 0 for no graphs.
    """

    home: Home
    location: Location
    bound: float = 0.0

    def place(self, version: RegisteredVersion) -> Path:
        """The folder of a version: what was fetched of it, and what is known of it in each environment."""
        return self.home.checks / _digest(self.location.registry, version.name, version.version, version.folder)

    def known(self, version: RegisteredVersion) -> Path:
        """The folder of what is known of a version in this process's environment, which may be a model's own."""
        return self.place(version) / _digest(sys.prefix, self.bound)

    def read(self, version: RegisteredVersion) -> Checked | None:
        """What is known of a version; None where nothing is, or where it was found out with other releases."""
        try:
            checked = from_json(Checked, (self.known(version) / RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if checked.packages != packages() or not Path(checked.folder).is_dir():
            return None
        return checked

    def write(self, version: RegisteredVersion, checked: Checked) -> None:
        """Keep what was found out. Raises ``OSError``."""
        record = self.known(version) / RECORD
        part = record.with_name(f"{RECORD}.{os.getpid()}")
        part.write_text(to_json(checked), "utf-8")
        part.replace(record)

    def check(self, versions: Sequence[RegisteredVersion]) -> None:
        """Check those of *versions* that nothing is known of, all in one process. Raises ``LoadError``."""
        unknown = [version for version in versions if self._valid(version) is None]
        if unknown:
            self._call("check", versions=[fields_of(version) for version in unknown])

    def checked(self, version: RegisteredVersion) -> Checked:
        """What is known of *version*, which is checked first where nothing is. Raises ``LoadError``."""
        known = self._valid(version)
        if known is None:
            self.check([version])
            known = self.read(version)
        if known is None:
            raise LoadError(f"The model {version} was checked, and the record of it cannot be read.")
        return known

    def _valid(self, version: RegisteredVersion) -> Checked | None:
        """As ``read``; nothing is known of a folder of the user's that was changed: what is in it is to be served."""
        known = self.read(version)
        changed = known is not None and version.folder is not None and digests(Path(known.folder)) != known.files
        return None if changed else known

    def resolved(self, references: Sequence[ModelReference], *, anyway: bool = True) -> list[Resolved]:
        """The versions that *references* stand for now, checked: unless *anyway* only those that were made with what
        is installed here. Raises ``LoadError``."""
        known = [self._as_it_lies(reference, anyway=anyway) for reference in references]
        if None not in known:
            return [each for each in known if each is not None]
        found = self._call("resolve", references=[str(reference) for reference in references], anyway=anyway)
        return [Resolved(RegisteredVersion(name, version), from_plain(Needs, needs)) for name, version, needs in found]

    def _as_it_lies(self, reference: ModelReference, *, anyway: bool) -> Resolved | None:
        """As ``resolved``, where all is known: without a process, which imports MLflow to say the same."""
        found = lying(reference, self.location)
        known = None if found is None else self.read(found.version)
        if found is None or known is None:
            return None
        folder = local(found.source)
        try:
            if folder is None or str(folder) != known.folder or digests(folder) != known.files:
                return None
        except OSError:
            return None
        return Resolved(found.version, Needs() if anyway else stated(folder))

    def _call(self, call: str, /, **arguments: Any) -> Any:
        """Have a process of its own do something."""
        asked = {"id": 1, "call": call, "arguments": {"home": str(self.home.root), "bound": self.bound, **arguments}}
        environment = {**os.environ, **self.location.environment(), **self.location.told()}
        command = [sys.executable, "-P", "-m", HELPER]
        done = subprocess.run(
            command, env=environment, input=json.dumps(asked).encode() + b"\n", stdout=subprocess.PIPE, check=False
        )
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise LoadError(f"The process that checks models ended with {done.returncode}.") from None
        if "error" in answer:
            raise LoadError(answer["error"])
        return answer["result"]
