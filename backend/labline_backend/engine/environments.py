"""What a kernel's environment is made of: the interpreter and its installed distributions.

Asked of the interpreter itself, once; the answer holds until one of the folders it imports from has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
from dataclasses import asdict
from pathlib import Path

from labline_backend.engine.variables import environment
from labline_backend.home import Home
from labline_backend.kernels import Kernel
from labline_runtime.dataclass import dataclass

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
        self._seen: dict[str, _Seen] = {}  # what held when it was last looked at

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
        seen = self._seen.get(name)
        if seen is None or not seen.holds(kernel.python):  # a file for each step, and it says the same
            self._seen.pop(name, None)
            try:
                seen = _Seen(**json.loads((self._folder / f"{name}.json").read_bytes()))
            except (OSError, ValueError, TypeError):
                return None
            if not seen.holds(kernel.python) or not (self._folder / f"{seen.digest}.json").exists():
                return None
            self._seen[name] = seen
        return seen.digest

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
        _write(self._folder / f"{name}.json", asdict(_Seen(digest, folders, stamps)))
        return Environment(digest, packages)


@dataclass(frozen=True)
class _Seen:
    """An environment as its interpreter has told it, and when the places that it imports from had last changed."""

    digest: str
    folders: list[str]
    stamps: list[int]

    def holds(self, python: str) -> bool:
        """Whether nothing has changed there since."""
        try:
            return self.stamps == _stamps([python, *self.folders])
        except OSError:
            return False


def _stamps(paths: list[str]) -> list[int]:
    return [os.stat(path).st_mtime_ns for path in paths]  # noqa: PTH116 - asked before each step


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _write(path: Path, value: object) -> None:
    made = path.with_name(f".{path.name}.{threading.get_ident()}")
    made.write_text(json.dumps(value))
    made.replace(path)
