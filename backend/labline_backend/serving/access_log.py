"""Who asked for what and how it ended, in lines of JSON. No values of rows, no query, no token.

The request's path only puts a record into a bounded queue; a thread writes. What does not fit, and what cannot be
written, is dropped and counted: a slow or full disk never costs an answer.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from labline_backend.serving.documents import write
from labline_backend.serving.refusal import shorten
from labline_runtime.dataclass import dataclass

WAITING = 65_536
AT_ONCE = 1024  # lines in one call to the system
PATH_CHARACTERS = 200
STANDARD_OUTPUT = "-"


class AccessLogError(OSError):
    """The log cannot be written where it is to be."""


@dataclass(frozen=True)
class Access:
    """An answered request. ``time`` is seconds since the epoch; what is not known of a request is None."""

    time: float
    request_id: str
    client: str
    method: str
    path: str
    model: str | None
    version: str | None
    status: int
    rows: int | None
    seconds: float
    received: int
    sent: int

    def line(self) -> bytes:
        """As a line of the log."""
        moment = datetime.fromtimestamp(self.time, UTC).isoformat(timespec="milliseconds")
        document = {
            "time": moment.replace("+00:00", "Z"),
            "request_id": self.request_id,
            "client": self.client,
            "method": self.method,
            "path": shorten(self.path, PATH_CHARACTERS),
            "model": self.model,
            "version": self.version,
            "status": self.status,
            "rows": self.rows,
            "latency_ms": round(self.seconds * 1000, 3),
            "bytes_in": self.received,
            "bytes_out": self.sent,
        }
        return write(document) + b"\n"


class AccessLog:
    """The log of one process. ``dropped`` counts the requests that it lacks.

    A file that was renamed or removed, as rotation does, is begun anew.
    """

    def __init__(self, place: str) -> None:
        """*place* is a file to append to, or ``-`` for standard output. Raises ``AccessLogError``."""
        self.dropped = 0
        self._path = None if place == STANDARD_OUTPUT else Path(place).absolute()
        try:
            self._descriptor = sys.stdout.fileno() if self._path is None else _opened(self._path)
        except OSError as error:
            raise AccessLogError(error.errno, error.strerror) from error
        self._waiting: deque[Access] = deque()
        self._closing = False
        self._complained = False
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._write_until_closed, name="access-log", daemon=True)
        self._thread.start()

    def offer(self, access: Access) -> None:
        """Write it down, or drop it where too many wait. Never blocks."""
        if self._closing or len(self._waiting) >= WAITING:
            self.dropped += 1
            return
        self._waiting.append(access)
        if not self._changed.is_set():
            self._changed.set()

    def close(self) -> None:
        """Write what waits, and end."""
        self._closing = True
        self._changed.set()
        self._thread.join()
        if self._path is not None:
            os.close(self._descriptor)

    def _write_until_closed(self) -> None:
        while self._changed.wait():
            self._changed.clear()
            while self._waiting:
                count = min(len(self._waiting), AT_ONCE)
                self._write([self._waiting.popleft() for _ in range(count)])
            if self._closing:
                return

    def _write(self, accesses: list[Access]) -> None:
        data = memoryview(b"".join(access.line() for access in accesses))
        try:
            if self._path is not None and not _is_at(self._descriptor, self._path):
                descriptor = _opened(self._path)
                os.close(self._descriptor)
                self._descriptor = descriptor
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self.dropped += len(accesses)
            if not self._complained:
                self._complained = True
                print(f"labline: the access log cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
