"""The engine's side of warm parents: which there are, and how they are asked for a step.

A warm parent (:mod:`labline_runtime.forkserver`) serves the steps of one interpreter in one environment. Variables can
change what an interpreter does from its first moment on, so all have to be the same, save those of the step's own.
"""

from __future__ import annotations

import collections
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from labline_backend.engine.bundle import WARM

STEPS_OWN = "MLFLOW_"  # nothing that a warm parent imports reads these
MOST = 4  # warm parents at a time; each holds some 40 MB
ATTEMPTS = 3  # times that a warm parent may fail before its steps get interpreters of their own


@dataclass(frozen=True)
class Order:
    """One step to start: what to run, and where its output and its progress go."""

    python: str
    bundle: Path
    specification: Path
    folder: Path
    environment: dict[str, str]
    log: BinaryIO
    progress: BinaryIO
    memory: int = 0  # bytes that the step may hold; 0: as many as there are

    def __enter__(self) -> Order:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the descriptors go."""
        self.log.close()
        self.progress.close()


class WarmParents:
    """The warm parents of one engine. They end with it, or when they are closed."""

    def __init__(self) -> None:
        self._parents: collections.OrderedDict[_Key, _WarmParent] = collections.OrderedDict()
        self._failures: collections.Counter[_Key] = collections.Counter()

    def start(self, order: Order, control: socket.socket) -> None:
        """Ask for a process forked from a warm parent; a keeper tells on the other end of *control* that it is there.

        Where the parent dies or refuses, that end sees the socket close without a word. Raises ``OSError`` where there
        is no warm parent to ask.
        """
        order.folder.stat()
        parent = self._parent(_Key.of(order))
        parent.ask(order, control)

    def close(self) -> None:
        """End them all. Steps that they have forked go on."""
        while self._parents:
            self._parents.popitem()[1].close()

    def _parent(self, key: _Key) -> _WarmParent:
        parent = self._parents.pop(key, None)
        if parent is not None and (status := parent.status()) is not None:
            self._failures[key] += status != 0  # one that ended by itself has found its environment changed
            parent.close()
            parent = None
        if parent is None:
            if sys.platform != "linux" or self._failures[key] >= ATTEMPTS:
                raise OSError("no warm parent")
            while len(self._parents) >= MOST:
                self._parents.popitem(last=False)[1].close()
            parent = _WarmParent(key)
        self._parents[key] = parent
        return parent


@dataclass(frozen=True)
class _Key:
    """All that a warm parent is started with."""

    python: str
    bundle: Path
    folder: Path
    variables: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, order: Order) -> _Key:
        variables = {item for item in order.environment.items() if not item[0].startswith(STEPS_OWN)}
        paths = order.environment.get("PYTHONPATH")
        relative = paths is not None and not all(os.path.isabs(path) for path in paths.split(os.pathsep))  # noqa: PTH117
        return cls(order.python, order.bundle, order.folder if relative else Path("/"), frozenset(variables))


class _WarmParent:
    """One warm parent. It takes requests from its first moment, and answers them when it has imported everything."""

    def __init__(self, key: _Key) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [key.python, "-c", WARM, str(key.bundle)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=key.folder,
                    env=dict(key.variables),
                    start_new_session=True,
                )
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    def status(self) -> int | None:
        """How it ended, or ``None`` while it lives."""
        return self._process.poll()

    def ask(self, order: Order, control: socket.socket) -> None:
        request = {
            "specification": str(order.specification),
            "folder": str(order.folder),
            "environment": order.environment,
            "memory": order.memory,
        }
        descriptor = os.memfd_create("labline-step")
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(json.dumps(request).encode())
                file.seek(0)
            descriptors = [descriptor, control.fileno(), order.log.fileno(), order.progress.fileno()]
            socket.send_fds(self._socket, [b"1"], descriptors)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()
