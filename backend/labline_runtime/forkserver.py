"""The warm parent: a process that has imported what every step needs, and forks a process for each step.

It only imports. It never computes and starts no thread, so a step's process is as good as a fresh interpreter, without
the time that starting one takes. A request is one message on a socket, with four descriptors: what to run (JSON), the
keeper's socket to the engine, the log, and the pipe for progress. The parent refuses a request by closing them. It does
so, and ends, when what it has imported from is no longer what it was. It ends with the engine, too.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import signal
import socket
import sys
import sysconfig
import threading
from typing import NoReturn

from labline_runtime.keeper import keep, socket_on_stdin

NEEDED = ("labline_runtime.__main__", "labline_runtime.execute")
USEFUL = (
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.logger",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "IPython.utils.generics",
    "IPython.utils.wildcard",
)
"""What IPython imports when a shell is made, whatever the cells are."""


def serve() -> None:
    """Fork a process for every step that is asked for, until the engine ends or there is a reason to refuse."""
    engine = socket_on_stdin()
    seen = _stamps()
    _warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers need nobody to collect them
    while True:
        message, descriptors, _, _ = socket.recv_fds(engine, 1, 4)
        if not message or _stamps() != seen or not _is_single_threaded():
            os._exit(0)
        with contextlib.suppress(OSError):  # no process can be started now
            if os.fork() == 0:
                engine.close()
                _keep_and_run(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _warm_up() -> None:
    for name in NEEDED:
        importlib.import_module(name)
    for name in USEFUL:  # not every IPython has them all
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _rehearse()
    gc.collect()
    gc.freeze()  # keeps the collector of a step from touching, and so copying, what is shared


def _rehearse() -> None:
    """Fill the caches of plain Python functions that every step calls with the same arguments."""
    from IPython.core.inputtransformer2 import TransformerManager

    TransformerManager().transform_cell("pass\n")
    sysconfig.get_paths()


def _keep_and_run(request: int, control: int, log: int, progress: int) -> NoReturn:
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    with open(request, encoding="utf-8") as file:
        asked = json.load(file)
    problem = keep(socket.socket(fileno=control), asked["memory"])
    try:
        os.chdir(asked["folder"])
    except OSError as error:
        os.write(problem, (error.strerror or str(error)).encode())
        os._exit(127)
    os.close(problem)
    os.environ.clear()
    os.environ.update(asked["environment"])
    from labline_runtime.__main__ import main

    code = 1
    try:
        code = main([asked["specification"], "--progress-fd", str(progress)])
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    _leave(code)


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
    for thing in gc.get_objects():
        if isinstance(thing, io.IOBase):
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


def _is_single_threaded() -> bool:
    return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
