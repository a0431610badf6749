"""What a kernel's environment is made of: the interpreter and its installed distributions.

Asked of the interpreter itself, once; the answer holds until one of the folders it imports from has changed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from labline_backend.engine.launcher import environment
from labline_backend.home import Home
from labline_backend.kernels import Kernel

PROBE = """\
import json, os, platform, sys
packages = {}
for folder in reversed(sys.path[1:]):
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        base, extension = os.path.splitext(name)
        if extension in (".dist-info", ".egg-info"):
            package, _, version = base.partition("-")
            packages[package.lower().replace("_", "-")] = version
print(json.dumps({"python": sys.version, "machine": platform.machine(), "packages": packages,
                  "folders": [folder for folder in sys.path[1:] if os.path.exists(folder)]}))
"""
SECONDS = 60


@dataclass(frozen=True)
class Environment:
    """``digest`` stands for all of it; ``packages`` are the versions of the distributions, "python" among them."""

    digest: str
    packages: dict[str, str]


class EnvironmentProbe:
    """Environments by kernel. Thread-safe."""

    def __init__(self, home: Home) -> None:
        self._folder = home.runtime / "environments"
        self._lock = threading.Lock()
        self._read: dict[str, Environment] = {}  # what a digest stands for never changes

    def of(self, kernel: Kernel) -> Environment | None:
        """The kernel's environment, or ``None`` where its interpreter does not answer."""
        variables = environment(kernel, {})
        name = _digest([kernel.python, variables.get("PYTHONPATH"), kernel.env])[:16]
        with self._lock:
            known = self._known(name, kernel)
            return self._ask(name, kernel, variables) if known is None else self.known(known)

    def known(self, digest: str) -> Environment | None:
        """The environment with this digest, if it was seen before."""
        if digest not in self._read:
            try:
                packages = json.loads((self._folder / f"{digest}.json").read_bytes())
            except (OSError, ValueError):
                return None
            self._read[digest] = Environment(digest, packages)
        return self._read[digest]

    def _known(self, name: str, kernel: Kernel) -> str | None:
        try:
            seen = json.loads((self._folder / f"{name}.json").read_bytes())
            digest: str = seen["digest"]
            unchanged = seen["stamps"] == _stamps([kernel.python, *seen["folders"]])
        except (OSError, ValueError, LookupError):
            return None
        return digest if unchanged and (self._folder / f"{digest}.json").exists() else None

    def _ask(self, name: str, kernel: Kernel, variables: dict[str, str]) -> Environment | None:
        try:
            answer = subprocess.run(
                [kernel.python, "-c", PROBE], env=variables, cwd="/", capture_output=True, timeout=SECONDS, check=True
            )
            found = json.loads(answer.stdout)
            folders: list[str] = found.pop("folders")
            stamps = _stamps([kernel.python, *folders])
        except (OSError, ValueError, LookupError, subprocess.SubprocessError):
            return None
        digest = _digest([found, kernel.env])
        packages: dict[str, str] = {**found["packages"], "python": found["python"].split()[0]}
        self._folder.mkdir(exist_ok=True)
        _write(self._folder / f"{digest}.json", packages)
        _write(self._folder / f"{name}.json", {"digest": digest, "folders": folders, "stamps": stamps})
        return Environment(digest, packages)


def _stamps(paths: list[str]) -> list[int]:
    return [Path(path).stat().st_mtime_ns for path in paths]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _write(path: Path, value: object) -> None:
    made = path.with_name(f".{path.name}.{threading.get_ident()}")
    made.write_text(json.dumps(value))
    made.replace(path)
