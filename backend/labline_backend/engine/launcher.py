"""Starts steps in their kernel's interpreter. The rest of the engine knows only :class:`Launcher` and what it returns.

A step is forked from a warm parent. Where there is none, or it dies before a keeper has taken the step over, the step
gets an interpreter of its own instead; nothing else differs.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from labline_backend.engine.bundle import FRESH, runtime_bundle
from labline_backend.engine.warm import Order, Setting, WarmParents
from labline_backend.home import Home
from labline_backend.kernels import Kernel
from labline_runtime import environ, keeper, telemetry

Way = Callable[[Order, socket.socket], subprocess.Popen[bytes] | None]
"""Starts a keeper for a step; the process where it is a child of the engine's."""

_staying: list[subprocess.Popen[bytes]] = []
"""Keepers of steps that have failed and stay: processes of ours that nobody waits for."""

LOST = "the process that watches over the step was killed"

OURS = ("LABLINE_", "JPY_")  # prefixes of variables that concern the server, not the steps

DEFAULTS = {
    **telemetry.OFF,
    "GIT_PYTHON_REFRESH": "quiet",  # as where MLflow records, so that all steps can have one warm parent
    # OpenMP's threads spin while they wait, which on busy cores, as with two steps at once, costs many times the work
    # itself. Waiting passively changes no result, as fewer threads would.
    "OMP_WAIT_POLICY": "passive",
    # The order of a set of texts follows from it: the same in every step, and in runs whose results are used again.
    "PYTHONHASHSEED": "0",
}


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


class Launcher:
    """Starts step processes for one engine."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._bundle: Path | None = None
        self._parents = WarmParents()

    def launch(
        self,
        kernel: Kernel,
        specification: Path,
        folder: Path,
        log: BinaryIO,
        environment: dict[str, str],
        memory: int = 0,
        imports: tuple[str, ...] = (),
        autologging: bool = False,
        more: bool = False,
    ) -> StepProcess:
        """Run the step that *specification* describes in *kernel*'s interpreter.

        Its standard output and error go to *log*. With *memory* it may hold so many bytes. *imports* are what it, as
        all steps of its notebook, imports first; with *autologging* some have a training logged; *more* may follow.
        Raises ``OSError`` where no process can be started.
        """
        setting = self._setting(kernel, folder, environment, imports, autologging)
        with contextlib.ExitStack() as on_failure:
            progress_read, progress_write = os.pipe()
            progress = on_failure.enter_context(os.fdopen(progress_read, "rb", buffering=0))
            order = on_failure.enter_context(
                Order(
                    setting=setting,
                    specification=specification,
                    progress=os.fdopen(progress_write, "wb", buffering=0),
                    log=os.fdopen(os.dup(log.fileno()), "ab", buffering=0),
                    memory=memory,
                    prepare=more,
                )
            )
            process = StepProcess(order, progress, (self._parents.start, start_fresh))
            on_failure.pop_all()
        return process

    def prepare(self, kernel: Kernel, folder: Path, imports: tuple[str, ...], autologging: bool = False) -> None:
        """Have a warm parent for the steps of a notebook before one is run."""
        with contextlib.suppress(OSError):  # whoever runs it will see what is wrong
            self._parents.prepare(self._setting(kernel, folder, environment(kernel, {}), imports, autologging))

    def _setting(
        self,
        kernel: Kernel,
        folder: Path,
        environment: dict[str, str],
        imports: tuple[str, ...],
        autologging: bool,
    ) -> Setting:
        if self._bundle is None:
            self._bundle = runtime_bundle(self._home)
        return Setting(kernel.python, self._bundle, folder, environment, imports, autologging)

    def close(self) -> None:
        """End the warm parents."""
        self._parents.close()


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


def environment(kernel: Kernel, tracking: dict[str, str]) -> dict[str, str]:
    """What a step's process finds in its environment."""
    found = {name: value for name, value in environ.present().items() if not name.startswith(OURS)}
    for name, value in DEFAULTS.items():
        found.setdefault(name, value)
    found["PYTHONUNBUFFERED"] = "1"
    for name, value in kernel.env.items():  # as in Jupyter, a kernelspec may refer to what is already there
        found[name] = re.sub(r"\$\{(\w+)\}", lambda match: found.get(match[1], match[0]), value)
    return found | tracking


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
