"""Engines in forked processes, to be killed: they have imported everything, so that starting one costs nothing."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import psutil

from labline_compiler.pipeline import Pipeline
from tests.backend.engine.bench import Bench, wait_until

from . import trial


def fork(work: Callable[[], None]) -> int:
    """Do *work* in a process of its own; its id. It ends with 0 where the work was done."""
    pid = os.fork()
    if pid:
        return pid
    _work_and_leave(work)


def _work_and_leave(work: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def begin(folder: Path, number: int) -> None:
    """Start a run of a number and wait for its end."""
    run(folder, trial.pipeline_of(number))


def run(folder: Path, pipeline: Pipeline) -> None:
    """Run *pipeline* to its end."""
    bench = Bench(folder)
    bench.run(pipeline)
    bench.close()


def go_on(folder: Path) -> None:
    """Do as a server does that starts: go on with what was interrupted, and wait for its end."""
    bench = Bench(folder)
    for interrupted in bench.engine.adopt():
        bench.end(interrupted)
    bench.close()


def kill(pid: int) -> bool:
    """Kill one of our own processes as the kernel would; whether it still lived."""
    ended, _ = os.waitpid(pid, os.WNOHANG)
    if ended:
        return False
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def await_end(pid: int) -> int:
    """Wait for a forked process; its exit code."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def family(pid: int) -> list[psutil.Process]:
    """All that a process has started, and what that has started."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def await_gone(processes: list[psutil.Process]) -> None:
    """Wait until none of *processes* lives."""
    wait_until(lambda: not any(_lives(each) for each in processes), "a process outlives its engine")


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def of_kind(pid: int, kind: str, chance: random.Random) -> psutil.Process | None:
    """A process of the engine *pid*: its warm ``parent``, a step's ``keeper``, or a ``step``, at work or in hand."""
    depth = {"parent": 1, "keeper": 2, "step": 3}[kind]
    try:
        ahead = [psutil.Process(pid)]
        for _ in range(depth):
            ahead = [child for each in ahead for child in each.children()]
    except psutil.NoSuchProcess:
        return None
    return chance.choice(ahead) if ahead else None


def sleep(seconds: float) -> None:
    """Let a moment pass, down to fractions of a millisecond."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(left)


def end(process: psutil.Process) -> bool:
    """Kill a process that an engine has started; whether it still lived."""
    try:
        if not _lives(process):
            return False
        process.kill()
    except psutil.NoSuchProcess:
        return False
    return True


class Server:
    """``labline server`` on a data folder."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "labline_backend", "server", "--port", "0", "--allow-root"],
            env={**os.environ, "LABLINE_HOME": str(home), "JUPYTER_TOKEN": secrets.token_hex()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.pid = self._process.pid

    def kill(self) -> bool:
        """Kill the server; whether it still lived."""
        lived = self._process.poll() is None
        self._process.kill()
        self._process.wait()
        return lived
