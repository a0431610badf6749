"""The warm parent: a process that has imported what every step needs, and forks a process for each step.

It only imports, and makes the shell that the step's cells will run in. It never computes and starts no thread, so a
step's process is as good as a fresh interpreter, without the time that starting one takes. The first parent has
imported this runtime; it can be asked for another, which has imported a notebook's libraries, too
(:mod:`labline_runtime.preload`). That one is forked from the parent's twin, which has no shell for a library to find.

A parent has always one process in hand for the next step, with its keeper, and so has nothing to fork when it is asked.

A request is one message on a socket: ``STEP``, followed by the bytes that the step may hold in digits, with four
descriptors (what to run, as JSON; the keeper's socket to the engine; the log; the pipe for progress), or ``PARENT``
with two (what to import; the new parent's socket to the engine).
The new parent tells its process id at once, and then, as JSON, that it is ready or which import it must not make. A
parent refuses a request by closing the descriptors. It does so, and ends, when what it has imported from is no longer
what it was; it ends with the engine, too, and when nobody has asked it for anything for long.
"""

from __future__ import annotations

import _io
import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labline_runtime.copied import Copied
from labline_runtime.keeper import Keeper, Order, keep, socket_on_stdin

if TYPE_CHECKING:
    from labline_runtime.preload import Ahead

STEP, PARENT = b"1", b"2"
IDLE = 900.0  # seconds without a request after which a parent ends
HUGE = 2 << 20  # bytes in a huge page
MADV_COLLAPSE = 25

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
        self._spare: _Spare | None = None

    def serve(self) -> NoReturn:
        """Answer requests."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers need nobody to collect them
        self._twin = self._fork_twin()
        self._make_ready()
        self._copied = Copied()
        self._engine.settimeout(self._idle)
        while True:
            if self._spare is None and not select.select([self._engine], [], [], 0)[0]:
                with contextlib.suppress(OSError):  # no process can be started now: who asks will hear of it
                    self._spare = self._fork_spare()
            try:
                message, descriptors, _, _ = socket.recv_fds(self._engine, 32, 4)
            except OSError:  # nobody has asked for long
                os._exit(0)
            if not message or not self._is_fit():
                os._exit(0)
            with contextlib.suppress(OSError):  # no process can be started now, or the twin was killed
                if message == PARENT:
                    socket.send_fds(self._twin, [message], descriptors)
                else:
                    self._hand_over(message[len(STEP) :], *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)

    def _hand_over(self, memory: bytes, request: int, control: int, log: int, progress: int) -> None:
        """Have the spare, or one that is forked now, run a step. Raises ``OSError`` where there can be none."""
        spare, self._spare = self._spare, None
        if spare is not None:
            with spare, contextlib.suppress(OSError):  # it was killed while it waited
                spare.hand(memory, request, control, log, progress)
                return
        with self._fork_spare(request, control, log, progress) as spare:
            spare.hand(memory, request, control, log, progress)

    def _fork_spare(self, *held: int) -> _Spare:
        """Fork a keeper and a step's process, which wait until they are told what to run. Raises ``OSError``.

        What is *held* open here for a step is not theirs before they are given it.
        """
        self._copied.learn()
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as on_failure:
            pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
            for ours, its in pairs:
                on_failure.enter_context(ours)
                theirs.enter_context(its)
            spare = _Spare(pairs[0][0], pairs[1][0])
            if os.fork() == 0:
                self._engine.close()
                self._twin.close()
                spare.close()
                self._copied.forget_parent()
                for descriptor in held:
                    os.close(descriptor)
                _keep_and_run(self._ahead, self._copied, pairs[0][1], pairs[1][1])
            on_failure.pop_all()
            return spare

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
        for brought in self._ahead.shelf.kept if self._ahead is not None else ():
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
            self._ahead = preload(asked["statements"], asked["folder"], self._ahead)
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


class _Spare:
    """The sockets to a keeper and a step's process that wait. They end when these are closed."""

    def __init__(self, keeper: socket.socket, step: socket.socket) -> None:
        self._keeper = keeper
        self._step = step

    def __enter__(self) -> _Spare:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hand(self, memory: bytes, request: int, control: int, log: int, progress: int) -> None:
        """Have them run a step. Raises ``OSError`` where they do not live any more.

        The keeper has the log, too: whoever waits for what is left of a step waits for the last who has it.
        """
        socket.send_fds(self._keeper, [memory or b"0"], [control, log])
        with contextlib.suppress(OSError):  # the keeper will tell that it was killed
            socket.send_fds(self._step, [STEP], [request, log, progress])

    def close(self) -> None:
        """Let them go."""
        self._keeper.close()
        self._step.close()


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
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with contextlib.suppress(OSError, ValueError), open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
        for line in list(maps):
            place, rights, _, _, inode, *_ = line.split()
            if rights == "rw-p" and inode == "0":
                first, end = (int(address, 16) for address in place.split("-"))
                for start in range(-(-first // HUGE) * HUGE, end // HUGE * HUGE, HUGE):
                    advise(start, HUGE, MADV_COLLAPSE)


def _keep_and_run(ahead: Ahead | None, copied: Copied, keepers: socket.socket, steps: socket.socket) -> NoReturn:
    """Be a spare: here the keeper, in a process that is forked from it the step's."""
    from labline_runtime import shell

    def order(keeper: Keeper) -> Order:
        steps.close()
        keeper.await_word(keepers.fileno())
        memory, descriptors, _, _ = socket.recv_fds(keepers, 32, 2)
        if not descriptors:
            os._exit(0)
        keepers.close()
        control, _ = descriptors  # the other is the log, which is held as long as there is a keeper
        return control, int(memory)

    os.setsid()
    problem = keep(order)
    keepers.close()
    copied.copy()
    shell.wait_for_step()
    _, descriptors, _, _ = socket.recv_fds(steps, 1, 3)
    if not descriptors:
        os._exit(0)
    steps.close()
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
    copied.tell()
    _leave(code)


def _have_environment(wanted: dict[str, str]) -> None:
    """Change what differs, which is nearly nothing: whatever a parent imports could depend on is the same."""
    here = dict(os.environ)
    for name in here.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if here.get(name) != value:
            os.environ[name] = value


def _leave(code: int) -> NoReturn:
    """End the process with all that the end of an interpreter brings, save taking apart every module.

    That would copy nearly all of what is shared with the parent. What cells made is let go, so that it is closed and
    finalized; files that only modules hold are flushed.
    """
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
    os._exit(code)


def _stamps() -> list[tuple[str, int]]:
    """When the interpreter and its folders of installed packages last changed."""
    installed = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    stamps = []
    for path in (sys.executable, *installed):
        with contextlib.suppress(OSError):
            stamps.append((path, os.stat(path).st_mtime_ns))  # noqa: PTH116
    return stamps
