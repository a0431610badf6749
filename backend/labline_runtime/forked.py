"""Steps forked from a warm parent: the keeper that forks their processes, and what such a process does.

A keeper is forked from the parent once, and keeps one step after the other, so that what a Python process touches
whatever it does is copied once and not for each step. It has always one process in hand for the next step, forked while
the step before runs, which copies meanwhile what every step copies (:mod:`labline_runtime.copied`).

The parent hands a keeper the bytes that the step may hold, in digits, with four descriptors: what to run, as JSON; the
socket to the engine; the log; the pipe for progress. The keeper sends ``IDLE`` when it has nothing to keep any more,
just before the engine hears how the step has ended. It ends with the parent, though not before the step it keeps.
"""

from __future__ import annotations

import _io
import atexit
import contextlib
import gc
import json
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

from labline_runtime import environ, keeper, lingering
from labline_runtime.copied import Copied

if TYPE_CHECKING:
    from labline_runtime.preload import Ahead

IDLE = b"1"


def keep(parent: socket.socket, ahead: Ahead | None) -> NoReturn:
    """Be the keeper of steps that *parent* hands over. *ahead* is what was imported beside the runtime."""
    try:
        os.setsid()
        _Steps(parent, ahead).serve()
    finally:
        os._exit(0)


class _InHand:
    """A process that waits for a step, and the socket to it. It ends when that is closed."""

    def __init__(self, kept: keeper.Kept, end: socket.socket) -> None:
        self.kept = kept
        self.end = end


class _Steps:
    """What a keeper does."""

    def __init__(self, parent: socket.socket, ahead: Ahead | None) -> None:
        self._parent = parent
        self._ahead = ahead
        self._keeper = keeper.Keeper()
        self._copied = Copied()
        self._in_hand: _InHand | None = None

    def serve(self) -> NoReturn:
        """Keep one step after the other, until the parent has ended."""
        self._have_in_hand()
        while True:
            self._keeper.await_word(self._parent.fileno())
            memory, descriptors, _, _ = socket.recv_fds(self._parent, 32, 4)
            if not memory:
                os._exit(0)
            self._keep(int(memory), *descriptors)

    def _keep(self, memory: int, request: int, control: int, log: int, progress: int) -> None:
        """Have a step run, and tell the engine of it; nothing where there is no process for it.

        The log is held until then: whoever waits for what is left of a step waits for the last who has it.
        """
        step = self._begin(request, control, log, progress)
        report = self._keeper.keep(step, control, memory) if step is not None else None
        if self._keeper.is_alone:
            os._exit(0)
        with contextlib.suppress(OSError):  # the parent has ended
            self._parent.send(IDLE)
        if report is not None:
            keeper.tell(control, **report)
        os.close(control)
        os.close(log)

    def _begin(self, request: int, control: int, log: int, progress: int) -> keeper.Kept | None:
        """Have a step begin in the process in hand, or in one that is forked now, and another in hand for the next."""
        try:
            ready = self._in_hand
            if ready is None or not self._keeper.lives(ready.kept):
                self._let_go()
                ready = self._fork(request, control, log, progress)
            self._in_hand = None
            keeper.tell(control, keeper=os.getpid())
            with ready.end, contextlib.suppress(OSError):  # it has just been killed, which the engine will hear
                socket.send_fds(ready.end, [b"1"], [request, log, progress])
        except OSError:
            return None
        finally:
            os.close(request)
            os.close(progress)  # who reads to its end waits for the step
        self._have_in_hand(control, log)
        return ready.kept

    def _have_in_hand(self, *held: int) -> None:
        """Have a process in hand where one can be started; else that is tried again for the next step."""
        with contextlib.suppress(OSError):
            self._in_hand = self._fork(*held)

    def _let_go(self) -> None:
        """Have no more in hand what has been killed."""
        if self._in_hand is not None:
            self._in_hand.end.close()
            self._keeper.let_go(self._in_hand.kept)
            self._in_hand = None

    def _fork(self, *held: int) -> _InHand:
        """Fork a process that waits until it is told what to run. Raises ``OSError``.

        What is *held* open here for a step is not its before it is given it.
        """
        self._copied.learn()
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            try:
                kept = self._keeper.fork(self._copied.copy)
            except OSError:
                ours.close()
                raise
            if kept.pid == 0:
                try:
                    ours.close()
                    self._parent.close()
                    for descriptor in held:
                        os.close(descriptor)
                    self._copied.forget_keeper()
                    code = _run(its, kept.problem, self._ahead, self._copied)
                    if code == 0:
                        keeper.say_last(os.getppid(), self._keeper.last_words[1])
                    os._exit(code)
                finally:
                    os._exit(1)
            return _InHand(kept, ours)


def _run(keepers: socket.socket, problem: int, ahead: Ahead | None, copied: Copied) -> int:
    """Wait for a step, and run it; the code that the process is to end with."""
    from labline_runtime import shell

    shell.wait_for_step()
    _, descriptors, _, _ = socket.recv_fds(keepers, 1, 3)
    if not descriptors:
        os._exit(0)
    keepers.close()
    request, log, progress = descriptors
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    with open(request, encoding="utf-8") as file:  # noqa: PTH123 - it is a descriptor
        asked = json.load(file)
    try:
        os.chdir(asked["folder"])
    except OSError as error:
        os.write(problem, (error.strerror or str(error)).encode())
        os._exit(127)
    os.close(problem)
    _have_environment(asked["environment"])
    if ahead is not None:
        ahead.enter_step()
    from labline_runtime.__main__ import run

    code = 1
    try:
        code = run(asked["specification"], progress)
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    _leave()
    copied.tell()
    return code


def _have_environment(wanted: dict[str, str]) -> None:
    """Change what differs, which is nearly nothing: whatever a parent imports could depend on is the same."""
    here = environ.present()
    for name in here.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if here.get(name) != value:
            os.environ[name] = value


def _leave() -> None:
    """Do all that the end of an interpreter brings, save taking apart every module.

    That would copy nearly all of what is shared with the parent. What cells made is let go, so that it is closed and
    finalized; files that only modules hold are flushed.
    """
    with lingering.named():
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if threading.active_count() == 1:  # a daemon thread may still use them
        vars(sys.modules["__main__"]).clear()
        gc.collect()
    things = gc.get_objects()
    files = {kind for kind in set(map(type, things)) if issubclass(kind, _io._IOBase)}
    for thing in things if files else ():
        if type(thing) in files:
            with contextlib.suppress(Exception):
                thing.flush()
