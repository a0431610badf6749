"""Stands between the engine and one step, so that nothing the step starts can outlive it.

A script of its own, standard library only: ``python -I -S keeper.py COMMAND...``. The keeper is the parent of the
step's process and the subreaper of all it starts, so even a daemon that left the session stays its descendant. Its
standard input is a socket to the engine: when a byte comes, or the engine dies and the socket closes, the whole tree is
stopped and killed. When the step has ended, whatever it left running is killed too, and one line of JSON on the socket
tells how it ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
OOM_SCORE = "500"  # a step should die of memory before the engine, the server and the desktop do
PATIENCE = 10.0  # seconds for killed processes to go away; only one stuck in the kernel takes longer than a moment


def kill_tree(root: int) -> None:
    """Kill every descendant of *root*. All are stopped before any is killed, so none forks away meanwhile."""
    stopped: set[int] = set()
    while new := _descendants(root) - stopped:
        for pid in new:
            _signal(pid, signal.SIGSTOP)
        stopped |= new
    for pid in stopped:
        _signal(pid, signal.SIGKILL)


def kill_session(session: int) -> None:
    """Kill what is left of a session whose keeper has died."""
    for _ in range(3):
        for pid, (_parent, its_session) in _processes().items():
            if its_session == session:
                _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _descendants(root: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, (parent, _session) in _processes().items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    ahead = [root]
    while ahead:
        for pid in children.get(ahead.pop(), ()):
            found.add(pid)
            ahead.append(pid)
    return found


def _processes() -> dict[int, tuple[int, int]]:
    """All processes: pid -> (parent, session)."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would double the keeper's start-up
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
                state, parent, _group, session = stat.read().rpartition(b")")[2].split()[:4]
                if state not in b"ZX":
                    found[int(name)] = (int(parent), int(session))
    return found


class Keeper:
    """One step's process tree, from start to report."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.main = 0
        self.status: int | None = None
        self.peak = 0
        self.cpu = 0.0
        self.asked = False

    def run(self, command: list[str]) -> dict[str, object]:
        """Start *command*, wait for its end or the order to end it; how it went."""
        self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "asked", True))
        sources: list[socket.socket | int] = [self.control, wake_read]
        problem = self.start(command)
        if problem is not None:
            return {"problem": problem}
        while self.status is None and not self.asked:
            readable, _, _ = select.select(sources, [], [])
            if self.control in readable:
                self.asked = True
            if wake_read in readable:
                os.read(wake_read, 4096)
                self.reap()
        self.end_all()
        return {"status": self.status, "asked": self.asked, "peak": self.peak, "cpu": self.cpu}

    def start(self, command: list[str]) -> str | None:
        """Fork and execute; the reason where that fails."""
        problem_read, problem_write = os.pipe()  # both close on exec
        keeper = os.getpid()
        self.main = os.fork()
        if self.main == 0:
            try:
                self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                if os.getppid() != keeper:
                    os._exit(1)
                os.setpgid(0, 0)
                with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
                    score.write(OOM_SCORE)
                for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGCHLD):
                    signal.signal(number, signal.SIG_DFL)
                os.execv(command[0], command)  # noqa: S606
            except OSError as error:
                os.write(problem_write, (error.strerror or str(error)).encode())
            finally:
                os._exit(127)
        os.close(problem_write)
        with open(problem_read, "rb") as pipe:  # noqa: PTH123
            return pipe.read().decode() or None

    def reap(self) -> bool:
        """Collect what has ended; whether anything is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.main:
                self.status = os.waitstatus_to_exitcode(status)
                self.peak = usage.ru_maxrss * 1024
                self.cpu = usage.ru_utime + usage.ru_stime

    def end_all(self) -> None:
        """Kill and collect every descendant."""
        give_up = time.monotonic() + PATIENCE
        while self.reap() and time.monotonic() < give_up:
            kill_tree(os.getpid())
            time.sleep(0.001)


def main() -> None:
    """Take over standard input as the control socket and run the command line."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    report = Keeper(control).run(sys.argv[1:])
    with contextlib.suppress(OSError):
        control.sendall(json.dumps(report).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
