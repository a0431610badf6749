"""Stands between the engine and one step, so that nothing the step starts can outlive it.

The keeper is the parent of the step's process and the subreaper of all it starts, so even a daemon that left the
session stays its descendant. It holds a socket to the engine: when a byte comes, or the engine dies and the socket
closes, the whole tree is stopped and killed. When the step has ended, whatever it left running is killed too. When the
byte is ``STAY``, the step is over for the engine, but its process may stay for a debugger.

What it tells the engine are two lines of JSON: its own process id when it takes the step over, and how the step ended.

Standard library only, and fast to import. There are two ways to a keeper: :func:`keep` in a process forked from a warm
parent, and ``python -I -S keeper.py LIMIT COMMAND...`` for a step that is an interpreter of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LOOK = 0.05  # seconds between two looks at what a step with a limit holds, unless looking takes long itself
SHARE = 20  # a look may take one part in so many of the time
OOM_SCORE = "500"  # a step should die of memory before the engine, the server and the desktop do
STAY = b"s"
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where both put it on Linux
PATIENCE = 10.0  # seconds for killed processes to go away; only one stuck in the kernel takes longer than a moment

_prctl = ctypes.CDLL(None).prctl


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


def free_shared_memory(pid: int) -> None:
    """Give back what joblib and loky hold in shared memory for the process *pid*, which was killed."""
    names: list[str] = []
    with contextlib.suppress(OSError):  # there is no such folder but on Linux
        names = os.listdir(SHARED_MEMORY)  # noqa: PTH208
    for name in names:
        path = f"{SHARED_MEMORY}/{name}"
        with contextlib.suppress(OSError):  # another is quicker, as joblib's own process that cleans up
            if name.startswith(f"sem.loky-{pid}-"):
                os.unlink(path)  # noqa: PTH108
            elif name.startswith(f"joblib_memmapping_folder_{pid}_"):
                for part in os.listdir(path):  # noqa: PTH208
                    os.unlink(f"{path}/{part}")  # noqa: PTH108
                os.rmdir(path)  # noqa: PTH106


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


def held(root: int) -> int:
    """Bytes of memory that the descendants of *root* hold for themselves: what a container's limit counts.

    Pages of files, such as values mapped into memory, can be dropped and read again; they are not counted.
    """
    found = 0
    for pid in _descendants(root):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb") as status:  # noqa: PTH123
            sizes = {line.partition(b":")[0]: line.split()[1] for line in status if line.startswith((b"Rss", b"VmRSS"))}
            own = [sizes[kind] for kind in (b"RssAnon", b"RssShmem") if kind in sizes] or [sizes.get(b"VmRSS", b"0")]
            found += sum(map(int, own)) * 1024
    return found


Order = tuple[int, int]
"""The descriptor of the socket to the engine, and the bytes of memory that the step and all that it starts may hold; 0:
as many as there are."""


def keep(order: Callable[[Keeper], Order]) -> int:
    """Fork. Returns in the step's process; the one that called becomes its keeper and ends with it.

    The keeper asks *order* for what it keeps the step for; until that is answered nobody has asked for the step. What
    is returned is a descriptor to tell why the step cannot begin after all; it is closed on ``exec``.

    A keeper forked from a warm parent copies each page that it touches, and the step copies it again. So it does
    little.
    """
    problem_read, problem_write = os.pipe()
    keeper = Keeper()
    if keeper.fork() == 0:
        os.close(problem_read)
        return problem_write
    try:
        os.close(problem_write)
        keeper.control, keeper.limit = order(keeper)
        keeper.tell(keeper=os.getpid())
        keeper.watch()
        if keeper.is_alone:
            return 0
        problem = os.read(problem_read, 1 << 16).decode()
        keeper.tell(**({"problem": problem} if problem else keeper.report()))
    finally:
        os._exit(0)


class Keeper:
    """One step's process tree, from fork to report."""

    def __init__(self) -> None:
        self.control = -1
        self.limit = 0
        self.wake: tuple[int, int] = (-1, -1)
        self.main = 0
        self.status: int | None = None
        self.peak = 0
        self.cpu = 0.0
        self.asked = False
        self.over = 0
        self.is_alone = False  # of no engine any more

    def fork(self) -> int:
        """Make this process fit to be a keeper, and fork the step; 0 in the step's process."""
        _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a warm parent ignores it, and who does learns no child's status
        keeper = os.getpid()
        self.main = os.fork()
        if self.main:
            self.wake = os.pipe()
            os.set_blocking(self.wake[1], False)
            signal.set_wakeup_fd(self.wake[1], warn_on_full_buffer=False)
            signal.signal(signal.SIGCHLD, lambda *_: None)
            signal.signal(signal.SIGTERM, lambda *_: setattr(self, "asked", True))
            self.reap()  # it may have ended already
            return self.main
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(1)
        os.setpgid(0, 0)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
            score.write(OOM_SCORE)
        return 0

    def await_word(self, source: int) -> None:
        """Wait until there is something to read from *source*. Where the step is killed meanwhile, so is the keeper."""
        while True:
            readable, _, _ = select.select([source, self.wake[0]], [], [])
            if self.wake[0] in readable:
                os.read(self.wake[0], 4096)
                self.reap()
            if source in readable:  # even if the step has ended since: it may have had its word, and who asked waits
                return
            if (self.status is not None or self.asked) and not select.select([source], [], [], 0)[0]:
                os._exit(0)

    def watch(self) -> None:
        """Wait for the step's end or the order to end it, then end all that is left."""
        sources = [self.control, self.wake[0]]
        pause, due = LOOK if self.limit else None, time.monotonic() + LOOK
        while self.status is None and not self.asked and not self.over:
            readable, _, _ = select.select(sources, [], [], pause)
            if self.control in readable:
                if self.ordered() == STAY:
                    sources.remove(self.control)
                    self.let_stay()
                else:
                    self.asked = True
            if self.wake[0] in readable:
                os.read(self.wake[0], 4096)
                self.reap()
            if self.limit and time.monotonic() >= due:
                pause = self.measure()
                due = time.monotonic() + pause
        self.end_all()

    def ordered(self) -> bytes:
        """What the engine wants; nothing where it has died."""
        with contextlib.suppress(OSError):
            return os.read(self.control, 1)
        return b""

    def let_stay(self) -> None:
        """Report a failure, and be no more of the engine's."""
        with contextlib.suppress(OSError), open(f"/proc/{self.main}/status", "rb") as status:  # noqa: PTH123
            self.peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith(b"VmHWM"))
        self.tell(**{**self.report(), "status": 1})
        self.is_alone = True
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - whoever reads to the end is waiting
            if descriptor <= 2:
                os.dup2(null, descriptor)
            elif descriptor not in self.wake:
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def measure(self) -> float:
        """See whether the step holds more than it may; the seconds to the next look."""
        began = time.monotonic()
        found = held(os.getpid())
        if found > self.limit:
            self.over = found
        return max(LOOK, SHARE * (time.monotonic() - began))

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
        if self.status:  # else it has cleaned up itself
            free_shared_memory(self.main)

    def report(self) -> dict[str, object]:
        """How the step ended."""
        return {"status": self.status, "asked": self.asked, "peak": self.peak, "cpu": self.cpu, "over": self.over}

    def tell(self, **facts: object) -> None:
        """Say something to the engine, if it still listens."""
        with contextlib.suppress(OSError):
            os.write(self.control, json.dumps(facts).encode() + b"\n")


def socket_on_stdin() -> int:
    """The descriptor of the socket that was given as standard input, which is empty from here on."""
    given = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return given


def main() -> None:
    """Keep the command line; standard input is the socket to the engine."""
    limit, *command = sys.argv[1:]
    control = socket_on_stdin()
    problem = keep(lambda _: (control, int(limit)))
    try:
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        os.write(problem, (error.strerror or str(error)).encode())
    finally:
        os._exit(127)


if __name__ == "__main__":
    main()
