"""The warm parent: a process that has imported what every step needs, from which the steps' processes are forked.

It only imports, and makes the shell that the step's cells will run in. It never computes and starts no thread, so a
step's process is as good as a fresh interpreter, without the time that starting one takes. The first parent has
imported this runtime; it can be asked for another, which has imported a notebook's libraries, too
(:mod:`labline_runtime.preload`). That one is forked from the parent's twin, which has no shell for a library to find.

It forks keepers, as many as there are steps at a time, which fork the steps' processes (:mod:`labline_runtime.forked`).

A request is one message on a socket: ``STEP``, followed by the bytes that the step may hold in digits, with the four
descriptors that a keeper is handed, or ``PARENT`` with two (what to import; the new parent's socket to the engine).
The new parent tells its process id at once, and then, as JSON, that it is ready or which import it must not make. A
parent refuses a request by closing the descriptors. It does so, and ends, when what it has imported from is no longer
what it was; it ends with the engine, too, and when nobody has asked it for anything for long.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import mmap
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labline_runtime import copied, forked, heap
from labline_runtime.keeper import socket_on_stdin
from labline_runtime.requests import IDLE, PARENT, STEP

if TYPE_CHECKING:
    from labline_runtime.preload import Ahead

QUIET = 30.0  # seconds without a request after which it has one keeper left that keeps nothing

NEEDED = ("labline_runtime.__main__", "labline_runtime.execute", "labline_runtime.preload")
USEFUL = (
    "bdb",
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.logger",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "IPython.utils.generics",
    "IPython.utils.wildcard",
)
"""What IPython imports when a shell is made and runs its first cell, whatever that is."""


def serve(idle: float = IDLE) -> None:
    """Fork a process for every step that is asked for, until the engine ends or there is a reason to refuse."""
    engine = socket.socket(fileno=socket_on_stdin())
    seen = _stamps()
    _warm_up()
    _Parent(engine, idle, seen, None).serve()


class _Parent:
    """A warm parent. *ahead* is what it has imported beside the runtime."""

    def __init__(self, engine: socket.socket, idle: float, seen: list[tuple[str, int]], ahead: Ahead | None) -> None:
        self._engine = engine
        self._idle = idle
        self._seen = seen
        self._ahead = ahead
        self._keepers = _Keepers()

    def serve(self) -> NoReturn:
        """Answer requests."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers need nobody to collect them
        self._twin = self._fork_twin()
        self._make_ready()
        with contextlib.suppress(OSError):  # no process can be started now: who asks will hear of it
            self._fork_keeper()
        quiet_since = time.monotonic()
        while True:
            self._engine.settimeout(min(QUIET, self._idle))
            try:
                message, descriptors, _, _ = socket.recv_fds(self._engine, 32, 4)
            except TimeoutError:
                self._keepers.retire()
                if time.monotonic() - quiet_since >= self._idle:
                    os._exit(0)
                continue
            except OSError:
                os._exit(0)
            if not message or not self._is_fit():
                os._exit(0)
            quiet_since = time.monotonic()
            with contextlib.suppress(OSError):  # no process can be started now, or the twin was killed
                if message == PARENT:
                    socket.send_fds(self._twin, [message], descriptors)
                elif not self._keepers.hand(message[len(STEP) :], descriptors):
                    self._fork_keeper(*descriptors)
                    self._keepers.hand(message[len(STEP) :], descriptors)
            for descriptor in descriptors:
                os.close(descriptor)

    def _fork_keeper(self, *held: int) -> None:
        """Fork a keeper. Raises ``OSError``. What is *held* open here for a step is not its before it is given it."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            try:
                pid = os.fork()
            except OSError:
                ours.close()
                raise
            if pid == 0:
                self._engine.close()
                self._twin.close()
                ours.close()
                self._keepers.close()
                for descriptor in held:
                    os.close(descriptor)
                forked.keep(its, self._ahead)
            self._keepers.add(ours)

    def _fork_twin(self) -> socket.socket:
        """Fork the process that other parents are forked from; the socket to it. It ends when that is closed."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, contextlib.suppress(OSError):
            if os.fork() == 0:
                self._engine.close()
                ours.close()
                while True:
                    message, descriptors, _, _ = socket.recv_fds(theirs, 1, 2)
                    if not message:
                        os._exit(0)
                    with contextlib.suppress(OSError):
                        if os.fork() == 0:
                            theirs.close()
                            self._become_another(*descriptors)
                    for descriptor in descriptors:
                        os.close(descriptor)
        return ours

    def _make_ready(self) -> None:
        """Have what every step's process would make for itself."""
        from labline_runtime import files, shell
        from labline_runtime.states import looks, patches

        shell.make_ahead(self._ahead.stage if self._ahead is not None else None)
        files.know(sys.modules)
        for brought in (*self._ahead.shelf.kept, *self._ahead.shelf.aside) if self._ahead is not None else ():
            files.know(brought.modules)
        patches.learn({})  # what is in builtins
        looks.learn()
        gc.freeze()  # keeps the collector of a step from touching, and so copying, what is shared

    def _is_fit(self) -> bool:
        from labline_runtime.preload import threads

        return _stamps() == self._seen and not threads() and (self._ahead is None or self._ahead.is_current())

    def _become_another(self, request: int, engine: int) -> NoReturn:
        """Import what is asked for, and serve as the parent that has it."""
        from labline_runtime.preload import Refused, preload

        self._engine = socket.socket(fileno=engine)
        self._tell(pid=os.getpid())
        with open(request, encoding="utf-8") as file:
            asked = json.load(file)
        try:
            self._ahead = preload(asked["statements"], asked["folder"], self._ahead, autologging=asked["autologging"])
        except Refused as refused:
            self._tell(refused=refused.statement, reason=str(refused))
            os._exit(0)
        except BaseException:
            os._exit(1)
        gc.collect()  # libraries leave much behind, the runtime little
        _use_huge_pages()
        self._tell(ready=True)
        self.serve()

    def _tell(self, **facts: object) -> None:
        with contextlib.suppress(OSError):
            self._engine.send(json.dumps(facts).encode())


class _Keepers:
    """The keepers that a parent has forked: those that have nothing to keep are asked first, the last one above all."""

    def __init__(self) -> None:
        self._idle: list[socket.socket] = []
        self._busy: list[socket.socket] = []

    def add(self, keeper: socket.socket) -> None:
        """There is one more, which has nothing to keep."""
        self._idle.append(keeper)

    def hand(self, memory: bytes, descriptors: Sequence[int]) -> bool:
        """Have one of them keep a step; whether there is one."""
        self._listen()
        while self._idle:
            keeper = self._idle.pop()
            try:
                socket.send_fds(keeper, [memory or b"0"], descriptors)
            except OSError:  # it was killed while it waited
                keeper.close()
                continue
            self._busy.append(keeper)
            return True
        return False

    def _listen(self) -> None:
        """Hear who has nothing to keep any more, and who has ended."""
        for keeper in self._busy[:]:
            try:
                told = keeper.recv(1, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError:
                told = b""
            self._busy.remove(keeper)
            if told == forked.IDLE:
                self._idle.append(keeper)
            else:
                keeper.close()

    def retire(self) -> None:
        """Let go those that have nothing to keep, save one."""
        self._listen()
        while len(self._idle) > 1:
            self._idle.pop(0).close()

    def close(self) -> None:
        """Let all go, when they have nothing to keep any more."""
        for keeper in (*self._idle, *self._busy):
            keeper.close()


def _warm_up() -> None:
    gc.disable()  # importing makes no garbage to speak of
    for name in NEEDED:
        importlib.import_module(name)
    for name in USEFUL:  # not every IPython has them all
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _rehearse()
    gc.enable()


def _rehearse() -> None:
    """Fill the caches of plain Python functions that every step calls with the same arguments."""
    from IPython.core.inputtransformer2 import TransformerManager

    from labline_runtime import documents, library, specification
    from labline_runtime.states import versions

    TransformerManager().transform_cell("pass\n")
    tempfile.gettempdir()  # it writes a file to try the folder; a kernel has chosen it before its first cell, too
    if tempfile.tempdir == str(Path.cwd()):  # for want of any other; a step's is not ours
        tempfile.tempdir = None
    documents.learn(vars(specification).values())
    library.folders()
    versions.version_of({})


def _use_huge_pages() -> None:
    """Have the kernel put the heap into huge pages where it can: forking copies one entry for 512 pages.

    With pandas and scikit-learn that is a tenth of what a step costs. Kernels before Linux 6.1 refuse.
    """
    with contextlib.suppress(OSError):
        heap.collapse(heap.whole((first * mmap.PAGESIZE, end * mmap.PAGESIZE) for first, end in copied.writable()))


def _stamps() -> list[tuple[str, int]]:
    """When the interpreter and its folders of installed packages last changed."""
    installed = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    stamps = []
    for path in (sys.executable, *installed):
        with contextlib.suppress(OSError):
            stamps.append((path, os.stat(path).st_mtime_ns))  # noqa: PTH116
    return stamps
