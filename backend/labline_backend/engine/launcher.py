"""Starts steps in their kernel's interpreter. The rest of the engine knows only :class:`Launcher` and what it returns.

Today every step is a fresh interpreter. Warm parents that fork their steps are another way to make a
:class:`StepProcess`, behind the same call.
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
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from labline_backend.engine.bundle import BOOTSTRAP, runtime_bundle
from labline_backend.engine.keeper import kill_session
from labline_backend.home import Home
from labline_backend.kernels import Kernel

KEEPER = Path(__file__).with_name("keeper.py")

OURS = ("LABLINE_", "JPY_")  # prefixes of variables that concern the server, not the steps

DEFAULTS = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "DVC_NO_ANALYTICS": "1"}


@dataclass(frozen=True)
class Exit:
    """How a step's process ended.

    ``status`` is its exit code, or minus the signal that killed it; ``asked``: the engine had it killed. ``peak`` is
    the most memory it held, in bytes. ``problem`` says why it could not be started, or lost its keeper.
    """

    status: int | None = None
    asked: bool = False
    peak: int = 0
    cpu: float = 0.0
    problem: str | None = None


class StepProcess:
    """One running step. Belongs to one event loop."""

    def __init__(self, keeper: subprocess.Popen[bytes], control: socket.socket, progress: BinaryIO) -> None:
        self._keeper = keeper
        self._control = control
        self._progress = progress

    async def progress(self) -> AsyncIterator[bytes]:
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
        loop = asyncio.get_running_loop()
        told = b""
        try:
            while chunk := await loop.sock_recv(self._control, 1 << 16):
                told += chunk
        except ConnectionError:
            pass
        finally:
            self._control.close()
        self._keeper.wait()
        try:
            return Exit(**json.loads(told))
        except ValueError:
            kill_session(self._keeper.pid)
            return Exit(problem="the process that watches over the step was killed")

    def kill(self) -> None:
        """Kill the step with all that it started; :meth:`wait` tells when that is done."""
        with contextlib.suppress(OSError):
            self._control.send(b"k")


class Launcher:
    """Starts step processes for one engine."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._bundle: Path | None = None

    def launch(
        self, kernel: Kernel, specification: Path, folder: Path, log: BinaryIO, environment: dict[str, str]
    ) -> StepProcess:
        """Run the step that *specification* describes in *kernel*'s interpreter.

        Its standard output and error go to *log*. Raises ``OSError`` where no process can be started.
        """
        if self._bundle is None:
            self._bundle = runtime_bundle(self._home)
        with contextlib.ExitStack() as on_failure, contextlib.ExitStack() as after:
            ours, theirs = socket.socketpair()
            on_failure.callback(ours.close)
            after.callback(theirs.close)
            progress_read, progress_write = os.pipe()
            progress = os.fdopen(progress_read, "rb", buffering=0)
            on_failure.callback(progress.close)
            after.callback(os.close, progress_write)
            step = [kernel.python, "-c", BOOTSTRAP, str(self._bundle), str(specification)]
            keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(KEEPER), *step, "--progress-fd", str(progress_write)],
                stdin=theirs.fileno(),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                pass_fds=(progress_write,),
                start_new_session=True,
            )
            on_failure.pop_all()
        ours.setblocking(False)
        return StepProcess(keeper, ours, progress)


def environment(kernel: Kernel, tracking: dict[str, str]) -> dict[str, str]:
    """What a step's process finds in its environment."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
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
