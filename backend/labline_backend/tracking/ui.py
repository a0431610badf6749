"""MLflow's own user interface as a process that starts with the first request for it and ends with the server."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from labline_backend.home import Home, HomeError
from labline_backend.tracking.location import Location

START_SECONDS = 120.0
STOP_SECONDS = 5.0


class UIError(Exception):
    """MLflow's user interface cannot be had; the message is one sentence for the user."""


class MLflowUI:
    """MLflow's user interface on a Unix socket that only this user can open.

    Nothing runs until :meth:`start`. A process that has died is started anew by the next one.
    """

    def __init__(self, find_home: Callable[[], Home] = Home.find) -> None:
        self._find_home = find_home
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._started: asyncio.Task[Path] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the user interface runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def socket(self) -> Path | None:
        """Where the user interface listens; None until it is ready, and after it has died."""
        return self._started.result() if self._started and self._is_up and self.pid else None

    async def start(self) -> Path:
        """Start the user interface where it does not run, and wait until it answers; its socket. Raises ``UIError``."""
        if self._has_died:
            self.stop()
        if self._started is None:
            self._started = asyncio.create_task(self._start())
        started = self._started
        try:
            return await asyncio.shield(started)
        except UIError:
            if self._started is started:  # somebody has been told: the next one to ask may try again
                self.stop()
            raise

    def stop(self) -> None:
        """End the process and all it has started."""
        if self._started and not self._started.done():
            self._started.cancel()
        self._started = None
        process, self._process = self._process, None
        if process:
            _end_group(process)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @property
    def _is_up(self) -> bool:
        task = self._started
        return task is not None and task.done() and not task.cancelled() and task.exception() is None

    @property
    def _has_died(self) -> bool:
        return self._is_up and self.pid is None

    async def _start(self) -> Path:
        try:
            home = await asyncio.to_thread(self._find_home)
        except HomeError as error:
            raise UIError(str(error)) from error
        # Not in the data folder: the path of a Unix socket may have about a hundred characters. mkdtemp makes it 0700.
        self._folder = Path(tempfile.mkdtemp(prefix="labline-mlflow-", dir=os.environ.get("XDG_RUNTIME_DIR")))
        path, log = self._folder / "socket", home.mlflow / "ui.log"
        self._process = process = _launch(Location.find(home), path, log)
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await _answers(path):
                    if process.poll() is not None:
                        raise UIError(f"MLflow's user interface did not start: {_last_line(log)}")
                    await asyncio.sleep(0.1)
        except TimeoutError:
            _end_group(process)
            raise UIError(f"MLflow's user interface did not start within {START_SECONDS:g} s; see {log}") from None
        return path


def serve_ui(home: Home, port: int, announce: Callable[[str], None]) -> int:
    """Serve MLflow's user interface on loopback until interrupted; an exit code. Raises ``UIError``.

    Port 0 stands for any free one. *announce* is told the address once there is something to see.
    """
    location = Location.find(home)
    if address := location.web_address:
        raise UIError(f"MLFLOW_TRACKING_URI names a server with a user interface of its own: open {address}.")
    port = _free(port)
    process = subprocess.Popen([*_COMMAND, "--port", str(port)], stdin=subprocess.PIPE, env=_environment(location))
    try:
        while process.poll() is None and not _listens(port):
            time.sleep(0.1)
        if process.poll() is None:
            announce(f"http://127.0.0.1:{port}/")
        return process.wait()
    except KeyboardInterrupt:  # the terminal has interrupted the process too
        process.wait(STOP_SECONDS)
        return 0
    finally:
        process.kill()
        process.wait()


def _free(port: int) -> int:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    except OSError as error:
        reason = "another program uses it" if error.errno == errno.EADDRINUSE else str(error.strerror).lower()
        raise UIError(f"MLflow cannot be served on port {port}: {reason}. Choose another with --port.") from error


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _launch(location: Location, path: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            [*_COMMAND, "--uds", str(path)],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            env=_environment(location),
            start_new_session=True,
        )


_COMMAND = (sys.executable, "-P", "-m", "labline_backend.tracking.ui_server", "--lifeline")


def _environment(location: Location) -> dict[str, str]:
    return {**os.environ, **location.environment(), **location.told()}


async def _answers(path: Path) -> bool:
    """Whether somebody listens: the server opens its socket only when the application is loaded."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_unix_connection(path)
        writer.close()
        return True
    return False


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{lines[-1].strip()[:300]} (see {log})" if lines else f"see {log}"
