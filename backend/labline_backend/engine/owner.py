"""Who drives a run, and whether they still live.

An engine holds a lock on a file of its own as long as its process lives. The kernel lets go of it however the process
ends, which no process id can tell as surely: ids are used again, and mean something else in another container.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import time
from pathlib import Path

from labline_backend.home import Home


class Owner:
    """One engine's claim to be alive, until :meth:`close`."""

    def __init__(self, home: Home) -> None:
        host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "localhost"
        self.name = f"{host}:{os.getpid()}:{time.time_ns()}"
        folder = _folder(home)
        folder.mkdir(exist_ok=True)
        self._path = folder / self.name
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def close(self) -> None:
        """Be gone."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def is_alive(home: Home, owner: str | None) -> bool:
    """Whether the engine called *owner* still runs."""
    if owner is None:
        return False
    path = _folder(home) / owner
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    path.unlink(missing_ok=True)  # left by one that was killed; no other engine gets the same name
    return False


def _folder(home: Home) -> Path:
    return home.root / "engines"
