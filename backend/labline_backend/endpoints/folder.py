"""What an endpoint has in the data folder: its token, its logs, and the lock that its keeper holds while it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from io import BufferedRandom
from pathlib import Path

from labline_backend.home import Home
from labline_runtime.dataclass import dataclass

LOG_BYTES = 8 << 20
"""How large a log may be when a keeper starts; a larger one is put aside, in the place of the one before."""

ACCESS_LOG_BYTES = 32 << 20
"""How large an access log may be before it is put aside in the same way."""

READ_BYTES = 1 << 20
"""Of the end of a log, when it is read."""

CLAIMS = 25
"""How often a keeper tries to get the lock: whoever looks whether there is a keeper holds it for a moment."""


@dataclass(frozen=True)
class EndpointFolder:
    """The folder of one endpoint, readable by its owner alone."""

    path: Path

    @staticmethod
    def of(home: Home, name: str) -> EndpointFolder:
        """The folder of the endpoint called *name*, which need not be there."""
        return EndpointFolder(home.endpoints / name)

    @property
    def token_file(self) -> Path:
        """The token that clients send."""
        return self.path / "token"

    @property
    def log(self) -> Path:
        """What the keeper and its workers print."""
        return self.path / "log.txt"

    @property
    def access_log(self) -> Path:
        """Who asked for what: lines of JSON that all workers append."""
        return self.path / "access.jsonl"

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    def make(self) -> None:
        """Make the folder and a token where there are none. Raises ``OSError``."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(24))

    def token(self) -> str:
        """The token. Raises ``OSError`` where there is none."""
        return self.token_file.read_text("ascii").strip()

    def open_log(self) -> BufferedRandom:
        """The log, to write on at its end."""
        _put_aside(self.log, LOG_BYTES)
        descriptor = os.open(self.log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "ab+")

    def rotate_access_log(self) -> None:
        """Put it aside where it has become large: who writes begins it anew. Raises ``OSError``."""
        _put_aside(self.access_log, ACCESS_LOG_BYTES)

    def claim(self) -> int | None:
        """Be this endpoint's only keeper as long as this process lives: a descriptor to keep; None where one is."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(CLAIMS):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
                return descriptor
            time.sleep(0.02)
        os.close(descriptor)
        return None

    def is_kept(self) -> bool:
        """Whether a keeper lives."""
        try:
            with self._lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def keeper(self) -> int | None:
        """The process id of the keeper, where one lives."""
        return int(self._lock.read_text("ascii")) if self.is_kept() else None

    def remove(self) -> None:
        """Remove it and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def tail(path: Path, lines: int) -> str:
    """The last *lines* of a file, or of its last :data:`READ_BYTES`; nothing where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - READ_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "".join(text.splitlines(keepends=True)[-lines:])


def _put_aside(path: Path, size: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > size:
            path.replace(path.with_name(f"{path.stem}.1{path.suffix}"))
