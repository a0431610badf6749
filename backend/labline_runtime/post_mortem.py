"""A step's process that has failed and stays, with its frames, for ``%debug``; and the way to it.

The process listens on a socket in the step's folder, which its user alone may use. Whoever comes gets IPython's
debugger on the frames of the error, line by line. That a line is awaited is told by one byte, :data:`ASKS`. The process
ends when it is let go (:func:`release`), when its folder is gone, or when nobody has come for :data:`PATIENCE`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

SOCKET = "post_mortem"
PATIENCE = 24 * 3600.0  # seconds
LOOK = 10.0  # seconds between two looks whether the folder is still there
LOG = "log.txt"
WAITING = 64  # who may ask whether it is there while somebody is in its debugger
HURRY = 2.0  # seconds for it to answer; it does at once, unless somebody is in its debugger
ASKS = b"\x05"
_VISIT, _LET_GO = b"v", b"g"


def stay(folder: Path, frames: TracebackType, tell: Callable[[], None]) -> None:
    """Show *frames* to whoever comes to *folder*, until let go; *tell* is called when somebody may come.

    What is not needed for that is let go at once: the step's log and its other descriptors are closed to others.
    """
    with contextlib.ExitStack() as held:
        server = held.enter_context(socket.socket(socket.AF_UNIX))
        path = folder / SOCKET
        path.unlink(missing_ok=True)
        with _short(folder) as short:
            before = os.umask(0o177)
            try:
                server.bind(f"{short}/{SOCKET}")
            finally:
                os.umask(before)
        is_there = functools.partial(_is_at, path, path.stat())
        held.callback(lambda: path.unlink(missing_ok=True) if is_there() else None)
        server.listen(WAITING)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _leave_streams(folder / LOG)
        tell()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and is_there():
            if not select.select([server], [], [], LOOK)[0]:
                continue
            visitor, _ = server.accept()
            with visitor:
                wish = _wish(visitor) if _peer(visitor)[1] == os.geteuid() else b""
                if wish == _LET_GO:
                    return
                if wish == _VISIT:
                    _show(frames, visitor)
                    until = time.monotonic() + PATIENCE


def _wish(visitor: socket.socket) -> bytes:
    visitor.settimeout(HURRY)
    try:
        return visitor.recv(1)
    except OSError:  # whoever does not say it goes
        return b""
    finally:
        visitor.settimeout(None)


def _is_at(path: Path, found: os.stat_result) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(path.stat(), found)
    return False


def _show(frames: TracebackType, visitor: socket.socket) -> None:
    from IPython.core.debugger import Pdb

    terminal = _Terminal(visitor)
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = sys.stdout = sys.stderr = terminal
    try:
        debugger = Pdb(stdin=terminal, stdout=terminal)
        debugger.reset()
        debugger.interaction(None, frames)
    except OSError:
        pass  # the visitor has gone
    except BaseException as error:  # what was typed must not end the process: SystemExit, KeyboardInterrupt
        with contextlib.suppress(OSError):
            terminal.write(f"{type(error).__name__}: {error}\n")
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
        with contextlib.suppress(OSError):
            visitor.shutdown(socket.SHUT_RDWR)  # whatever the debugger still holds of it


class _Terminal(io.TextIOBase):
    """The visitor's side as a text stream. Raises ``OSError`` when there is nobody any more."""

    encoding = "utf-8"

    def __init__(self, visitor: socket.socket) -> None:
        self._visitor = visitor
        self._lines = visitor.makefile("r", encoding="utf-8", errors="replace")

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        self._visitor.sendall(ASKS)
        line = self._lines.readline(size)
        if not line:
            raise ConnectionResetError("the visitor has gone")
        return line

    def write(self, text: str) -> int:
        self._visitor.sendall(text.encode("utf-8", "backslashreplace").replace(ASKS, b""))
        return len(text)


def _leave_streams(log: Path) -> None:
    """Have no hold on the step's *log* any more: another attempt may write it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - the shell has one of its own
        with contextlib.suppress(OSError):
            if descriptor <= 2 or os.path.samestat(os.fstat(descriptor), log.stat()):
                os.dup2(null, descriptor)
    os.close(null)


# ---------------------------------------------------------------- the visitor's side


def is_there(folder: Path) -> bool:
    """Whether a process of the step whose folder this is has stayed."""
    return process(folder) is not None


def process(folder: Path) -> int | None:
    """The process of the step whose folder this is that has stayed; None where none has."""
    with contextlib.suppress(OSError), _connected(folder) as server:
        return _peer(server)[0]
    return None


def release(folder: Path) -> bool:
    """Have it go, whoever is in its debugger; whether there was one."""
    with contextlib.suppress(OSError), _connected(folder) as server:
        try:
            server.sendall(_LET_GO)
            server.recv(1)
        except TimeoutError:
            os.kill(_peer(server)[0], signal.SIGKILL)
        (folder / SOCKET).unlink(missing_ok=True)  # whoever copies or removes the folder next does not meet it
        return True
    return False


def visit(folder: Path, ask: Callable[[str], str], show: Callable[[str], Any]) -> bool:
    """Be in the debugger of the process that has stayed, until it is left; whether there was one.

    *ask* gets a prompt and gives a line, or raises ``EOFError``; *show* gets text. A ``KeyboardInterrupt`` while the
    process computes interrupts what it does.
    """
    with contextlib.suppress(ConnectionError, FileNotFoundError), _connected(folder) as server:
        server.settimeout(None)
        server.sendall(_VISIT)
        process = _peer(server)[0]
        for text, is_asked in _told(server, lambda: os.kill(process, signal.SIGINT)):
            if not is_asked:
                show(text)
                continue
            try:
                line = ask(text)
            except EOFError:
                line = "q"
            server.sendall(line.encode("utf-8", "replace") + b"\n")
        return True
    return False


def _told(server: socket.socket, interrupt: Callable[[], None]) -> Iterator[tuple[str, bool]]:
    """What the process says, in whole lines; a last part of a line goes with being asked for one."""
    rest = b""
    while True:
        try:
            chunk = server.recv(1 << 16)
        except KeyboardInterrupt:
            interrupt()
            continue
        rest += chunk
        said, asks, more = rest.partition(ASKS)
        lines, newline, last = said.rpartition(b"\n")
        if lines or newline:
            yield (lines + newline).decode("utf-8", "replace"), False
        rest = last if not asks else more
        if asks:
            yield last.decode("utf-8", "replace"), True
        if not chunk:
            return


@contextlib.contextmanager
def _connected(folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server, _short(folder) as short:
        server.settimeout(HURRY)
        server.connect(f"{short}/{SOCKET}")
        if _peer(server)[1] != os.geteuid():
            raise ConnectionRefusedError("another user's process listens there")
        yield server


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A name of *folder* that a socket's address, of some hundred bytes, has room for."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _peer(connection: socket.socket) -> tuple[int, int]:
    """The process and the user at the other end."""
    process, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return process, user
