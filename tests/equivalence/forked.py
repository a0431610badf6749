"""Python programs without the time that starting them takes: each is forked from a process that has imported its needs.

KFP's local runner starts two interpreters a step, the component's and the step's own, and what these import costs
twenty times what they do. :class:`Forked` offers an executable to be named in the place of ``python3``: the pipeline's
graph, the component's own command line, KFP's executor and the step's runtime remain what they are. Whatever else that
executable is asked for, the real interpreter does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

_RUNNER = "labline_backend.verification.kubeflow_runner"
_EXECUTOR = "kfp.dsl.executor_main"
_RUNTIME = "labline_runtime"

NEEDS = {
    _RUNNER: ("kfp.components", "kfp.local"),
    _EXECUTOR: ("kfp.dsl.executor",),
    _RUNTIME: ("labline_runtime.execute", "IPython.core.magics", "IPython.core.completer"),
}
"""What each program imports, whatever it is to do. The program itself is carried out anew, as ``-m`` does."""

VARIABLES = {_EXECUTOR: {"_KFP_RUNTIME": "true"}}  # makes another thing of the package: set where it is imported

_CLIENT = """\
#!{python} -IS
import json, os, socket, sys
safe = sys.argv[1:2] == ["-P"]
given = sys.argv[1 + safe:]
program = next((each for each in {programs} if given[0] == "-m" and given[1] == each), None)
if given[0] == "-c" and "run_module('labline_runtime'" in given[1]:
    program = "labline_runtime"
if program is None:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as server:
    server.connect(os.path.join({folder!r}, program))
    socket.send_fds(server, [b" "], [0, 1, 2])
    asked = dict(given=given, safe=safe, folder=os.getcwd(), variables=dict(os.environ))
    server.sendall(json.dumps(asked).encode())
    server.shutdown(socket.SHUT_WR)
    told = server.recv(16)
code = int(told) if told else 1
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


class Forked:
    """The processes that programs are forked from. ``executable`` is what to start in the place of ``python3``.

    *imported* are modules that steps use, and have imported already.
    """

    def __init__(self, imported: Sequence[str] = ()) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="forked-")  # a socket's path has to be short
        folder = Path(self._folder.name)
        self.executable = folder / "python3"
        text = _CLIENT.format(python=sys.executable, programs=tuple(NEEDS), folder=str(folder))
        self.executable.write_text(text, "utf-8")
        self.executable.chmod(0o755)
        self._servers = []
        for program in NEEDS:
            variables = {**os.environ, "PYTHONUNBUFFERED": "1", **VARIABLES.get(program, {})}
            command = [sys.executable, "-P", __file__, str(folder), program]
            command += imported if program == _RUNTIME else ()
            self._servers.append(subprocess.Popen(command, env=variables, start_new_session=True))
        for program, server in zip(NEEDS, self._servers, strict=True):
            while not (folder / program).exists():
                if server.poll() is not None:
                    self.close()
                    raise RuntimeError(f"nothing can be forked for {program}")
                time.sleep(0.02)

    def __enter__(self) -> Forked:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End them, and all that was forked."""
        for server in self._servers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        self._folder.cleanup()


def serve(folder: str, program: str, *imported: str) -> None:
    """Import what *program* needs, then fork a process for each that asks. Returns in those, once they are done."""
    for name in (*NEEDS[program], *imported):
        importlib.import_module(name)
    gc.freeze()
    # KFP's runner and executor start programs themselves; a step's cells may look at their interpreter.
    executable = sys.executable if program == _RUNTIME else os.path.join(folder, "python3")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.join(folder, f"{program}.bound"))
        listening.listen(16)
        Path(folder, f"{program}.bound").rename(Path(folder, program))
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who do
        parent = os.getppid()
        listening.settimeout(5)
        while True:
            try:
                asking, _ = listening.accept()
            except TimeoutError:
                if os.getppid() != parent:  # it was killed
                    sys.exit()
                continue
            asking.settimeout(None)
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                break
            asking.close()
    asked = _become(asking)
    sys.executable = executable
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    kind, what, *arguments = asked["given"]
    sys.argv[:] = [kind, *arguments]
    if not asked["safe"]:  # as Python does
        sys.path.insert(0, os.getcwd() if kind == "-m" else "")
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


def _become(asking: socket.socket) -> dict[str, Any]:
    """Fork once more, the child with the streams of who is asking; the parent tells it how the child has ended."""
    _, streams, _, _ = socket.recv_fds(asking, 1, 3)
    text = b"".join(iter(lambda: asking.recv(1 << 16), b""))
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(OSError):  # who asked was killed
            asking.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    asking.close()
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    asked: dict[str, Any] = json.loads(text)
    return asked


if __name__ == "__main__":
    serve(*sys.argv[1:])
