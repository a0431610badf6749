"""One step's process: started in the first way that works, followed to its end, killed where that is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from labline_backend.engine.bundle import FRESH
from labline_backend.engine.warm import Order
from labline_runtime import keeper
from labline_runtime.dataclass import dataclass

Way = Callable[[Order, socket.socket], subprocess.Popen[bytes] | None]
"""Starts a keeper for a step; the process where it is a child of the engine's."""

_staying: list[subprocess.Popen[bytes]] = []
"""Keepers of steps that have failed and stay: processes of ours that nobody waits for."""

LOST = "the process that watches over the step was killed"


@dataclass(frozen=True)
class Exit:
    """How a step's process ended.

    ``status`` is its exit code, or minus the signal that killed it; ``asked``: the engine had it killed. ``peak`` is
    the most memory it held, in bytes; ``over`` is what it held when it was killed for holding more than its limit,
    else 0. ``problem`` says why it could not be started, or lost its keeper.
    """

    status: int | None = None
    asked: bool = False
    peak: int = 0
    cpu: float = 0.0
    over: int = 0
    problem: str | None = None


class StepProcess:
    """One running step. Belongs to one event loop."""

    def __init__(self, order: Order, progress: BinaryIO, ways: Sequence[Way]) -> None:
        self._order = order
        self._progress = progress
        self._ways = iter(ways)
        self._control: socket.socket
        self._keeper: subprocess.Popen[bytes] | None = None
        self._killed = False
        self._is_kept = False
        self._stays = False
        self._start()

    async def progress(self) -> AsyncGenerator[bytes, None]:
        """The lines of progress that the step tells, until it has ended."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._progress)
        try:
            rest = b""
            while chunk := await reader.read(1 << 16):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line
        finally:
            transport.close()

    async def wait(self) -> Exit:
        """Wait for the end of the step and of all that it started."""
        try:
            told = await self._listen()
            while not self._is_kept and not self._killed:  # nothing has begun yet, so the next way may be tried
                self._start()
                told = await self._listen()
        except OSError as error:
            return Exit(problem=error.strerror or str(error))
        finally:
            self._order.close()
        if not self._is_kept:
            return Exit(asked=True)
        first, _, report = told.partition(b"\n")
        try:
            return Exit(**json.loads(report))
        except ValueError:
            keeper.kill_session(json.loads(first)["keeper"])
            return Exit(problem=LOST)

    def kill(self) -> None:
        """Kill the step with all that it started; :meth:`wait` tells when that is done."""
        self._killed = True
        with contextlib.suppress(OSError):
            self._control.send(b"k")

    def let_stay(self) -> None:
        """Have :meth:`wait` end, though the step's process goes on."""
        self._stays = True
        with contextlib.suppress(OSError):
            self._control.send(keeper.STAY)

    def _start(self) -> None:
        """Start in the first way that can be gone. Raises ``OSError`` where there is none."""
        problem = OSError(LOST)
        for way in self._ways:
            ours, theirs = socket.socketpair()
            try:
                with theirs:
                    self._keeper = way(self._order, theirs)
            except OSError as error:
                ours.close()
                problem = error
                if way is not start_fresh:
                    self._order.say(f"this step is started as an interpreter of its own: {error}.")
                continue
            ours.setblocking(False)
            self._control = ours
            return
        raise problem

    async def _listen(self) -> bytes:
        """All that the keeper tells; what is kept for another way to start is let go when there is a keeper."""
        loop = asyncio.get_running_loop()
        told = b""
        try:
            while chunk := await loop.sock_recv(self._control, 1 << 16):
                told += chunk
                if b"\n" in told and not self._is_kept:
                    self._is_kept = True
                    self._order.close()
        except ConnectionError:
            pass
        finally:
            self._control.close()
        if self._keeper is not None and self._stays:
            _staying[:] = [*(each for each in _staying if each.poll() is None), self._keeper]
        elif self._keeper is not None:
            self._keeper.wait()
        return told


def start_fresh(order: Order, control: socket.socket) -> subprocess.Popen[bytes]:
    """Start an interpreter for the step alone, and its keeper; the keeper's process."""
    setting = order.setting
    step = [setting.python, "-c", FRESH, str(setting.bundle), str(order.specification)]
    return subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-S",
            keeper.__file__,
            str(order.memory),
            *step,
            "--progress-fd",
            str(order.progress.fileno()),
        ],
        stdin=control.fileno(),
        stdout=order.log,
        stderr=subprocess.STDOUT,
        cwd=setting.folder,
        env=setting.environment,
        pass_fds=(order.progress.fileno(),),
        start_new_session=True,
    )


async def open_log(path: Path) -> BinaryIO:
    """The step's log, to append to, once nobody else writes it.

    The lock is inherited by every process that has the log as its output. After a crash of the engine, it is free when
    the last process of the step's earlier attempt is gone.
    """
    log = path.open("ab", buffering=0)
    try:
        while True:
            try:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return log
            except BlockingIOError:
                await asyncio.sleep(0.02)
    except BaseException:
        log.close()
        raise
