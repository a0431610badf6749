"""Environments of models' own: made by uv in the data folder when the first model needs one, and kept.

In one is what the model says that it was made with, and what the server needs, in the releases that are installed
here. Our own code is not installed there but found by ``PYTHONPATH``, so that another release of Labline uses the same
ones. An environment is there as a whole or not at all; who uses one holds its lock, and one that nobody has used for
long goes when the next is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from blake3 import blake3

from labline_backend.copies import copied, package
from labline_backend.home import Home, HomeError
from labline_backend.serving.needs import INSTEAD, OLDEST, Needs, NeedsError, differences, here, holds, in_words, shown
from labline_backend.serving.refusal import shorten
from labline_backend.store.endpoints import EndpointStore
from labline_runtime.dataclass import dataclass

SERVER = ("mlflow", "uvicorn", "uvloop", "httptools", "orjson", "blake3", "PyYAML")
NEEDED = ("uvicorn", "uvloop", "httptools", "orjson")
"""The modules without which nothing is served: those of the extra ``serving``."""
GRPC = ("grpcio", "protobuf")
ONNX = ("onnx", "onnxruntime", "skl2onnx")

BUILD_SECONDS = 1800.0
KEPT_DAYS = 30
"""How long an environment stays that nobody uses."""

PART = ".part"  # of the name of a folder that is not whole, or not any more
WAIT_SECONDS = 0.1  # between two looks whether another process has made it
SAID = 1500
"""Characters of what uv says in a message."""

_SECRET = re.compile(
    r"(?!UV_|SSL_)((MLFLOW|LABLINE)_.*|.*(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL).*|.*_KEY)", re.IGNORECASE
)
"""Names of variables that building a package, which runs its code, has no use for; uv has for its own."""

_OF_ANOTHER = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")

Tell = Callable[[str], Awaitable[None]]


ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Variables for arithmetic, which libraries read when they are imported: a server is parallel over requests."""


@dataclass(frozen=True)
class Place:
    """Where a model is served: the interpreter, and what is set for it beyond what is set here.

    ``environment`` is what an environment of a model's own is called; empty beside Labline.
    """

    python: str = sys.executable
    path: str | None = None
    environment: str = ""

    def variables(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The environment variables of a process there, where *environ* are those here."""
        environ = {**ONE_THREAD, **environ}
        if self.path is None:
            return environ
        kept = {name: value for name, value in environ.items() if name not in _OF_ANOTHER}
        return {**kept, "PYTHONPATH": self.path}


HERE = Place()
"""Beside Labline itself."""


class Environments:
    """The environments of a data folder, as one process uses them: until it ends."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._held: dict[str, int] = {}
        self._touched = time.monotonic()

    async def place(self, name: str, needs: Needs, extras: tuple[str, ...], tell: Tell) -> Place:
        """Where *name* is served: here, unless it was made with something else. An environment that is missing is made
        first, of which *tell* is told in a sentence.

        *extras* are packages that the server needs besides. Raises ``NeedsError``, and ``OSError``.
        """
        differing = await asyncio.to_thread(differences, needs)
        if not differing:
            return HERE
        environment = called(needs, extras)
        self._home.environments.mkdir(mode=0o700, exist_ok=True)
        if environment not in self._held:
            folder = self._home.environments / environment
            self._held[environment] = await self._claimed(folder, name, needs, wanted(needs, extras), differing, tell)
        return await self._place(environment)

    async def last(self, environment: str, needs: Needs, extras: tuple[str, ...]) -> Place | None:
        """The *environment* that something was served in last, where that is still there and another one is wanted
        now: it was made with other releases of what the server needs. Raises ``OSError``."""
        folder = self._home.environments / environment
        if not environment or environment == called(needs, extras) or not _is_there(folder):
            return None
        with contextlib.suppress(NeedsError):  # it was served there when that could be read
            if not await asyncio.to_thread(differences, needs):
                return None
        if environment not in self._held:
            lock = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
            if not _locked(lock, fcntl.LOCK_SH) or not _is_there(folder):
                os.close(lock)
                return None
            os.utime(lock)
            self._held[environment] = lock
        return await self._place(environment)

    async def _place(self, environment: str) -> Place:
        python = self._home.environments / environment / "bin" / "python"
        return Place(str(python), str(await asyncio.to_thread(_code, self._home)), environment)

    def touch(self, after: float = 0.0) -> None:
        """Have those that are held count as used now, where that was not done within the last *after* seconds."""
        if time.monotonic() - self._touched >= after:
            self._touched = time.monotonic()
            for lock in self._held.values():
                with contextlib.suppress(OSError):
                    os.utime(lock)

    def keep_through_exec(self) -> None:
        """Hold them on in what takes the place of this process."""
        for descriptor in self._held.values():
            os.set_inheritable(descriptor, True)

    async def _claimed(
        self, folder: Path, name: str, needs: Needs, lines: list[str], differing: list[str], tell: Tell
    ) -> int:
        """See to it that the environment is there, and stays as long as the descriptor is open that is returned."""
        lock = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.utime(lock)
            while True:
                if _locked(lock, fcntl.LOCK_SH) and _is_there(folder):
                    return lock
                fcntl.flock(lock, fcntl.LOCK_UN)
                if _locked(lock, fcntl.LOCK_EX):
                    if not _is_there(folder):
                        await tell(f"makes an environment for {name}, which was made with {in_words(differing)}")
                        await self._make(folder, lock, name, needs, lines, differing)
                        await asyncio.to_thread(sweep, self._home)
                    fcntl.flock(lock, fcntl.LOCK_SH)
                    return lock
                await asyncio.sleep(WAIT_SECONDS)
        except BaseException:
            os.close(lock)
            raise

    async def _make(
        self, folder: Path, lock: int, name: str, needs: Needs, lines: list[str], differing: list[str]
    ) -> None:
        """Make the environment. What makes it has the *lock*, too: it is taken as long as anything of that lives."""
        python = needs.python
        told = f"{name} was made with {in_words(differing)}, and an environment of its own cannot be made"
        if python and tuple(map(int, python.split("."))) < OLDEST:
            raise NeedsError(f"{told}: the server needs Python {'.'.join(map(str, OLDEST))} or later; {INSTEAD}.")
        uv = find_uv()
        if uv is None:
            raise NeedsError(f"{told}: uv is not installed. pip install 'labline[serving]' installs it; {INSTEAD}.")
        await asyncio.to_thread(_remove, folder)  # what is left of one, or of attempts
        part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=PART, dir=folder.parent))
        try:
            base = sys.executable if python in ("", here()) else python
            made = (uv, "venv", "--quiet", "--no-project", "--relocatable", "--python", base, str(part))
            said = await _run(*made, within=folder.parent, lock=lock)
            if said is None:
                (part / "requirements.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
                (part / "constraints.txt").write_text("".join(f"{line}\n" for line in needs.constraints), "utf-8")
                files = ("--requirement", str(part / "requirements.txt"), "--constraint", str(part / "constraints.txt"))
                into = ("--python", str(part / "bin" / "python"))
                said = await _run(uv, "pip", "install", "--quiet", *into, *files, within=folder.parent, lock=lock)
            if said is not None:
                asked = ", ".join([*map(shown, lines[:8]), *(["..."] if len(lines) > 8 else [])])
                raise NeedsError(
                    f"{told}. uv says: {said.rstrip('.')}. See that uv can install this ({asked}); or {INSTEAD}."
                )
            part.rename(folder)  # noqa: ASYNC240 - at once
        finally:
            await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)


def wanted(needs: Needs, extras: tuple[str, ...]) -> list[str]:
    """What is to be installed: what the model asks for, and what the server has that it does not ask for itself."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = map(Requirement, needs.requirements)
    asked = {canonicalize_name(line.name) for line in lines if holds(line, needs.python)}
    own = [name for name in (*SERVER, *extras) if canonicalize_name(name) not in asked]
    pins = []
    for name in own:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # an extra; who needs it says so
            pins.append(f"{name}=={importlib.metadata.version(name)}")
    return [*needs.requirements, *pins]


def called(needs: Needs, extras: tuple[str, ...]) -> str:
    """What the environment is called that has what *needs* say and the server needs."""
    asked = [needs.python or here(), wanted(needs, extras), *([needs.constraints] if needs.constraints else [])]
    return blake3(json.dumps(asked).encode()).hexdigest()[:20]


def sweep(home: Home) -> None:
    """Remove the environments that nobody has used for :data:`KEPT_DAYS`, save those that endpoints come back with.

    What cannot be removed stays, and so do all where it is not known what endpoints there are.
    """
    oldest = time.time() - KEPT_DAYS * 24 * 3600
    try:
        with contextlib.closing(EndpointStore(home)) as store:
            last = {endpoint.served.place for endpoint in store.all() if endpoint.served is not None}
    except (HomeError, ValueError):
        return
    for lock in home.environments.glob("*.lock"):
        if lock.stem in last:
            continue
        with contextlib.suppress(OSError), lock.open("r+") as file:
            if lock.stat().st_mtime < oldest and _locked(file.fileno(), fcntl.LOCK_EX):
                _remove(lock.with_suffix(""))


def _is_there(folder: Path) -> bool:
    """Whether there is an environment in *folder*, and the interpreter still that it was made with."""
    return (folder / "bin" / "python").exists()


def _remove(folder: Path) -> None:
    """Remove an environment and what is left of attempts to make it, by whoever has its lock alone.

    It goes by its name first: one that is there in part would be taken for one that is there.
    """
    gone = folder.with_name(f"{folder.name}.gone{PART}")
    for part in folder.parent.glob(f"{folder.name}.*{PART}"):
        shutil.rmtree(part, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def find_uv() -> str | None:
    """uv, where it is beside this interpreter or on the search path."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def _code(home: Home) -> Path:
    """A copy of our own code, for interpreters that have none."""
    files: dict[str, bytes] = {}
    for name in ("labline_backend", "labline_compiler", "labline_runtime"):
        found = importlib.util.find_spec(name)
        assert found is not None and found.origin is not None  # noqa: S101 - they are ours
        files |= package(name, Path(found.origin).parent, kinds=None)
    return copied(home, files)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _run(*command: str, within: Path, lock: int) -> str | None:
    """Run a command in *within* to its end; what it said where it failed. It and all that it starts have the *lock*.

    Nothing of it outlives this call. It runs in a folder that is ours, for uv takes settings from where it stands.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=within,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=_without_secrets(os.environ),
        pass_fds=(lock,),
        start_new_session=True,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), BUILD_SECONDS)
    except TimeoutError:
        return f"nothing for {BUILD_SECONDS / 60:g} minutes"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a package is built by processes of its own
        await process.wait()
    if not process.returncode:
        return None
    text = shown(said.decode("utf-8", "replace"))  # an index may be named with a password
    return shorten(" ".join(re.sub(r"[^\x20-\x7e]+", " ", text).split()), SAID) or f"exit code {process.returncode}"


def _without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not _SECRET.fullmatch(name) and name not in _OF_ANOTHER}
