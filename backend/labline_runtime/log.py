"""The step's log: the process's own standard output and error, which the target points where it wants them."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable

READ_BACK_LIMIT = 6_000_000


class Log:
    """One descriptor written to, and read back where it is a file.

    Subprocesses and C code write to the same descriptor without telling Python. In a kernel their output belongs to the
    cell. Where the log is a file, what appears in it that was not written here must be theirs, and is found without a
    thread or a pipe in between.
    """

    def __init__(self, descriptor: int, stream: str) -> None:
        self.descriptor = descriptor
        self._stream = stream
        self._lock = threading.RLock()
        self._reader: int | None = None
        self._seen = 0
        try:
            facts = os.fstat(descriptor)
            self.identity: tuple[int, int] | None = (facts.st_dev, facts.st_ino)
            if stat.S_ISREG(facts.st_mode):
                self._reader = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
                self._seen = facts.st_size
        except OSError:
            self.identity = None

    def close(self) -> None:
        """Read nothing back any more."""
        if self._reader is not None:
            os.close(self._reader)
            self._reader = None

    def write(self, data: bytes, record: Callable[[str, str], None]) -> None:
        """Write all of *data*; *record* gets (stream, text) of what others wrote before it.

        A log that cannot be written to (closed by the cell, disk full) does not stop the step.
        """
        with self._lock:
            self.collect(record)
            view = memoryview(data)
            while view:
                try:
                    written = os.write(self.descriptor, view)
                except OSError:
                    return
                view = view[written:]
                self._seen += written

    def collect(self, record: Callable[[str, str], None]) -> None:
        """Hand what others have written since the last time to *record*."""
        if self._reader is None:
            return
        with self._lock:
            try:
                size = os.fstat(self._reader).st_size
                foreign = size - self._seen
                text = os.pread(self._reader, min(foreign, READ_BACK_LIMIT), self._seen) if foreign > 0 else b""
            except OSError:
                return
            self._seen = size
            if text:
                record(self._stream, text.decode("utf-8", "replace"))
