"""Stands between the engine and a step, so that nothing the step starts can outlive it.

The keeper is the parent of the step's process and the subreaper of all it starts, so even a daemon that left the
session stays its descendant. It holds a socket to the engine: when a byte comes, or the engine dies and the socket
closes, the whole tree is stopped and killed. When the step has ended, whatever it left running is killed too. When the
byte is ``STAY``, the step is over for the engine, but its process may stay for a debugger.

What it tells the engine are two lines of JSON: its own process id when it takes the step over, and how the step ended.

Standard library only, and fast to import. There are two ways to a keeper: in a process forked from a warm parent, which
keeps one step after the other (:mod:`labline_runtime.forked`), and ``python -I -S keeper.py LIMIT COMMAND...`` for a
step that is an interpreter of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Collection

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LOOK = 0.05  # seconds between two looks at what a step with a limit holds, unless looking takes long itself
SHARE = 20  # a look may take one part in so many of the time
GLANCES = 5  # at a process that has said its last word; on a busy core it has not got so far, and is waited for
SMALL = 256 << 20  # bytes that are given back in a moment
PF_EXITING = 4  # of the kernel's, in /proc/PID/stat
OOM_SCORE = "500"  # a step should die of memory before the engine, the server and the desktop do
STAY = b"s"
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where both put it on Linux
PATIENCE = 10.0  # seconds for killed processes to go away; only one stuck in the kernel takes longer than a moment

_prctl = ctypes.CDLL(None).prctl


def kill_tree(root: int, spared: Collection[int] = ()) -> None:
    """Kill every descendant of *root*, save its children *spared*, which have none.

    All are stopped before any is killed, so none forks away meanwhile.
    """
    stopped: set[int] = set()
    while new := _descendants(root) - stopped - set(spared):
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


def held(root: int, spared: Collection[int] = ()) -> int:
    """Bytes of memory that the descendants of *root* hold for themselves: what a container's limit counts.

    Those of its children *spared* are not counted.

    Pages of files, such as values mapped into memory, can be dropped and read again; they are not counted.
    """
    found = 0
    for pid in _descendants(root) - set(spared):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb") as status:  # noqa: PTH123
            sizes = {line.partition(b":")[0]: line.split()[1] for line in status if line.startswith((b"Rss", b"VmRSS"))}
            own = [sizes[kind] for kind in (b"RssAnon", b"RssShmem") if kind in sizes] or [sizes.get(b"VmRSS", b"0")]
            found += sum(map(int, own)) * 1024
    return found


class Kept:
    """A process that a keeper has forked: a step's, or one in hand for a step."""

    def __init__(self, pid: int, problem: int) -> None:
        self.pid = pid
        self.problem = problem  # a pipe, in which the process tells why the step cannot begin after all
        self.status: int | None = None
        self.peak = 0
        self.cpu = 0.0


class Keeper:
    """Keeps the process trees of steps, one step after the other, and forks the processes that steps run in.

    Steps' processes that are in hand are no part of the tree of the step that runs.
    """

    def __init__(self) -> None:
        """Make this process fit to be a keeper."""
        self.asked = False  # to end the step, or, where there is none, to end
        self.is_alone = False  # of no engine any more
        self._control = -1  # the socket to the engine, while a step runs
        self._limit = 0
        self._over = 0
        self._step: Kept | None = None
        self._in_hand: list[Kept] = []
        self._ending: set[int] = set()  # processes that are as good as over, and not collected yet
        self.last_words = os.pipe()  # see :func:`say_last`
        os.set_blocking(self.last_words[0], False)
        _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.wake = os.pipe()
        os.set_blocking(self.wake[1], False)
        signal.set_wakeup_fd(self.wake[1], warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a warm parent ignores it, and learns no child's status
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "asked", True))

    def fork(self, first: Callable[[], None] = lambda: None) -> Kept:
        """Fork a process for a step; there, the one that is returned has no process id. Raises ``OSError``.

        What it does before anything else is *first*, which may fail.
        """
        problem_read, problem_write = os.pipe()
        keeper = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os.close(problem_read)
            os.close(problem_write)
            raise
        if pid:
            os.close(problem_write)
            self._in_hand.append(kept := Kept(pid, problem_read))
            return kept
        with contextlib.suppress(Exception):
            first()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        for descriptor in (*self.wake, *self.last_words, problem_read, *(other.problem for other in self._in_hand)):
            os.close(descriptor)
        os.setpgid(0, 0)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
            score.write(OOM_SCORE)
        return Kept(0, problem_write)

    def keep(self, step: Kept, control: int, limit: int) -> dict[str, object]:
        """Wait for the end of *step*, or the order to end it, and end all that is left of it; how it has ended.

        *control* is the socket to the engine. With *limit* it may hold so many bytes with all that it starts.
        """
        self._control, self._limit, self._step = control, limit, step
        self._in_hand.remove(step)
        self._watch(step)
        self._end_all(step)
        problem = os.read(step.problem, 1 << 16).decode()
        os.close(step.problem)
        report: dict[str, object] = {"problem": problem} if problem else self._report(step)
        self._control, self._step, self._over, self.asked = -1, None, 0, False
        return report

    def lives(self, kept: Kept) -> bool:
        """Whether a process in hand lives."""
        self.reap()
        return kept.status is None

    def let_go(self, kept: Kept) -> None:
        """Have a process no more in hand, which has ended or is about to."""
        self._in_hand.remove(kept)
        os.close(kept.problem)

    def await_word(self, source: int) -> None:
        """Wait until there is something to read from *source*. Ends the process where that is asked for."""
        while True:
            readable, _, _ = select.select([source, self.wake[0]], [], [])
            if source in readable:
                return
            self._awake()
            if self.asked:
                os._exit(0)

    def _watch(self, step: Kept) -> None:
        sources = [self._control, self.wake[0], self.last_words[0]]
        pause, due = LOOK if self._limit else None, time.monotonic() + LOOK
        self.reap()
        while step.status is None and not self.asked and not self._over:
            readable, _, _ = select.select(sources, [], [], pause)
            if self._control in readable:
                if self._ordered() == STAY:
                    sources.remove(self._control)
                    self._let_stay(step)
                else:
                    self.asked = True
            if self.wake[0] in readable:
                self._awake()
            if self.last_words[0] in readable:
                self._hear(step)
            if self._limit and time.monotonic() >= due:
                pause = self._measure()
                due = time.monotonic() + pause

    def _awake(self) -> None:
        os.read(self.wake[0], 4096)
        self.reap()

    def _hear(self, step: Kept) -> None:
        """Take *step* for ended if it has said so, does nothing any more, and has no child.

        What is left then is for the system to take its memory apart, which takes longer than a small step's own cells.
        """
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # anybody can write there
            facts = json.loads(os.read(self.last_words[0], 1 << 12).splitlines()[-1])
            peak, cpu = int(facts["peak"]), float(facts["cpu"])
            if facts["pid"] == step.pid and _is_exiting(step.pid):
                step.peak, step.cpu, step.status = peak, cpu, 0
                self._ending.add(step.pid)

    def _ordered(self) -> bytes:
        """What the engine wants; nothing where it has died."""
        with contextlib.suppress(OSError):
            return os.read(self._control, 1)
        return b""

    def _let_stay(self, step: Kept) -> None:
        """Report a failure, and be no more of the engine's, nor of a warm parent's."""
        with contextlib.suppress(OSError), open(f"/proc/{step.pid}/status", "rb") as status:  # noqa: PTH123
            step.peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith(b"VmHWM"))
        tell(self._control, **{**self._report(step), "status": 1})
        self.is_alone = True
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - whoever reads to the end is waiting
            if descriptor <= 2:
                os.dup2(null, descriptor)
            elif descriptor not in (*self.wake, *self.last_words, step.problem):
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _measure(self) -> float:
        """See whether the step holds more than it may; the seconds to the next look."""
        began = time.monotonic()
        found = held(os.getpid(), self._spared())
        if found > self._limit:
            self._over = found
        return max(LOOK, SHARE * (time.monotonic() - began))

    def reap(self) -> bool:
        """Collect what has ended; whether anything is left, in hand or not."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self._ending.discard(pid)
            for kept in (self._step, *self._in_hand):
                if kept is not None and kept.pid == pid and kept.status is None:
                    kept.status = os.waitstatus_to_exitcode(status)
                    kept.peak = usage.ru_maxrss * 1024
                    kept.cpu = usage.ru_utime + usage.ru_stime

    def _end_all(self, step: Kept) -> None:
        """Kill and collect every descendant that is not in hand."""
        give_up = time.monotonic() + PATIENCE
        while self._is_anything_left() and time.monotonic() < give_up:
            kill_tree(os.getpid(), self._spared())
            time.sleep(0.001)
        if step.status:  # else it has cleaned up itself
            free_shared_memory(step.pid)

    def _is_anything_left(self) -> bool:
        if not self.reap():
            return False
        spared = self._spared()
        try:  # whose children come and go only by this process, and by the end of a child, which leaves it its own
            with open("/proc/thread-self/children", "rb") as children:  # noqa: PTH123
                return not spared.issuperset(map(int, children.read().split()))
        except OSError:  # kernels can be built without it
            return bool(_descendants(os.getpid()) - spared)

    def _spared(self) -> set[int]:
        return self._ending.union(kept.pid for kept in self._in_hand if kept.status is None)

    def _report(self, step: Kept) -> dict[str, object]:
        return {"status": step.status, "asked": self.asked, "peak": step.peak, "cpu": step.cpu, "over": self._over}


def say_last(keeper: int, last_words: int) -> None:
    """Tell the *keeper*, from a step's process that ends in the next instant, that nothing more will come of it.

    Only what is true of most steps is told, else the keeper waits for the end: this thread is the only one, no child
    is left, and there is little memory to be given back. *last_words* is the keeper's descriptor. Closes all files.
    """
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = max(own.ru_maxrss, children.ru_maxrss) * 1024
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    if peak > SMALL or len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208
        return
    with contextlib.suppress(OSError):
        end = os.open(f"/proc/{keeper}/fd/{last_words}", os.O_WRONLY)
        for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208
            if descriptor != end:  # locks and ports are free before anybody hears of the end
                with contextlib.suppress(OSError):  # that by which they are listed
                    os.close(descriptor)
        os.write(end, json.dumps({"pid": os.getpid(), "peak": peak, "cpu": cpu}).encode() + b"\n")


def _is_exiting(pid: int) -> bool:
    """Whether the process *pid* runs no more code, and has neither threads nor children. Raises ``OSError``."""
    for _ in range(GLANCES):
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123
            flags = int(stat.read().rpartition(b")")[2].split()[6])
        if flags & PF_EXITING:
            with open(f"/proc/{pid}/task/{pid}/children", "rb") as children:  # noqa: PTH123
                return not children.read() and len(os.listdir(f"/proc/{pid}/task")) == 1  # noqa: PTH208
        os.sched_yield()
    return False


def tell(control: int, **facts: object) -> None:
    """Say something to the engine, if it still listens."""
    with contextlib.suppress(OSError):
        os.write(control, json.dumps(facts).encode() + b"\n")


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
    keeper = Keeper()
    step = keeper.fork()
    if step.pid:
        try:
            tell(control, keeper=os.getpid())
            report = keeper.keep(step, control, int(limit))
            if not keeper.is_alone:
                tell(control, **report)
        finally:
            os._exit(0)
    try:
        os.close(control)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        os.write(step.problem, (error.strerror or str(error)).encode())
    finally:
        os._exit(127)


if __name__ == "__main__":
    main()
