"""The engine's side of warm parents: which there are, and which of them is asked for a step.

A warm parent (:mod:`labline_runtime.forkserver`) serves the steps of one interpreter in one environment. Variables can
change what an interpreter does from its first moment on, so all have to be the same, save those of the step's own.

The parents of one environment are a tree. The first has imported the runtime only; another is forked from it, or from
one that has imported the beginning of the same, and imports the libraries that every step of a notebook imports first.
A step is forked from the nearest one that is ready: nobody waits for an import.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from labline_backend.engine.bundle import WARM
from labline_runtime.dataclass import dataclass
from labline_runtime.environ import STEPS_OWN
from labline_runtime.requests import AUTOLOGGING, IDLE, PARENT, STEP

MOST = 8  # warm parents at a time; each holds some 40 MB, and what its libraries take
ATTEMPTS = 3  # times that a warm parent may fail before its steps get interpreters of their own


@dataclass(frozen=True)
class Setting:
    """Where steps run: in which interpreter, folder and environment, and what all of them import first.

    With ``autologging`` some of them are to have a training logged, which takes MLflow.
    """

    python: str
    bundle: Path
    folder: Path
    environment: dict[str, str]
    imports: tuple[str, ...] = ()
    autologging: bool = False

    @functools.cached_property
    def key(self) -> _Key:
        """The first parent that can serve it."""
        return _Key.of(self)


@dataclass(frozen=True)
class Order:
    """One step to start: what to run, and where its output and its progress go."""

    setting: Setting
    specification: Path
    log: BinaryIO
    progress: BinaryIO
    memory: int = 0  # bytes that the step may hold; 0: as many as there are
    prepare: bool = False  # whether more such steps are to come, for which to import libraries

    def __enter__(self) -> Order:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the descriptors go."""
        self.log.close()
        self.progress.close()

    def say(self, text: str) -> None:
        """Write a line into the step's log."""
        with contextlib.suppress(OSError):
            self.log.write(f"Labline: {text}\n".encode())


class WarmParents:
    """The warm parents of one engine. They end with it, when they are closed, and after *idle* seconds of no use."""

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._closed = False
        self._parents: collections.OrderedDict[_Key, _Parent] = collections.OrderedDict()
        self._failures: collections.Counter[_Key] = collections.Counter()
        self._refused: dict[_Key, dict[str, str]] = {}  # by environment and folder: import -> why not ahead

    def start(self, order: Order, control: socket.socket) -> None:
        """Ask for a process forked from a warm parent; a keeper tells on the other end of *control* that it is there.

        Where the parent dies or refuses, that end sees the socket close without a word. Raises ``OSError`` where there
        is no warm parent to ask.
        """
        order.setting.folder.stat()
        parent = self._nearest(order.setting)
        place = order.setting.key.at(order.setting.folder)
        for statement, reason in self._refused.get(place, {}).items():
            if statement in order.setting.imports:
                order.say(f"every step carries out `{statement}` anew, and what comes after it: {reason}.")
        parent.ask_for_step(order, control)
        if order.prepare:
            with contextlib.suppress(OSError):  # the step is on its way without it
                self.prepare(order.setting)

    def prepare(self, setting: Setting) -> None:
        """Have a parent that has imported what *setting* names, some time from now. Raises ``OSError``.

        Where it is to have MLflow, too, another one is ready earlier, from which it is forked.
        """
        wanted = self._wanted(setting)
        if not wanted.imports:
            self._first(wanted)
            return
        base = None
        for key in (replace(wanted, autologging=False), wanted) if wanted.autologging else (wanted,):
            parent = self._look(key)
            if parent is None:
                if self._failures[key]:
                    return
                parent = self._add(key, functools.partial(_Forked, base or self._nearest(setting), key))
            base = parent

    def close(self) -> None:
        """End them all, and start no more. Steps that they have forked go on."""
        self._closed = True
        while self._parents:
            self._parents.popitem()[1].close()

    def _wanted(self, setting: Setting) -> _Key:
        """The parent that *setting* would be served best by, as far as is known."""
        place = setting.key.at(setting.folder)
        refused = self._refused.get(place, {})
        count = next((n for n, statement in enumerate(setting.imports) if statement in refused), len(setting.imports))
        autologging = setting.autologging and count == len(setting.imports) and AUTOLOGGING not in refused
        return replace(place.having(setting.imports[:count]), autologging=autologging)

    def _nearest(self, setting: Setting) -> _Parent:
        """The parent that is ready and has imported most of what is wanted. Raises ``OSError`` where there is none."""
        wanted = self._wanted(setting)
        for key in wanted.prefixes():
            parent = self._look(key)
            if parent is not None and parent.is_ready:
                self._parents.move_to_end(key)
                return parent
        return self._first(wanted)

    def _first(self, wanted: _Key) -> _Parent:
        """The parent that has imported the runtime only."""
        key = wanted.first
        parent = self._look(key)
        if parent is None:
            if sys.platform != "linux":
                raise OSError("warm parents need Linux")
            if self._failures[key] >= ATTEMPTS:
                raise OSError(f"the warm parent has failed {ATTEMPTS} times")
            self._refused = {place: found for place, found in self._refused.items() if place.first != key}
            parent = self._add(key, lambda: _Started(key, self._idle))
        self._parents.move_to_end(key)
        return parent

    def _add(self, key: _Key, make: Callable[[], _Parent]) -> _Parent:
        if self._closed:
            raise OSError("the engine is closed")
        parent = make()
        self._parents[key] = parent
        while len(self._parents) > MOST:
            self._parents.popitem(last=False)[1].close()
        return parent

    def _look(self, key: _Key) -> _Parent | None:
        """The parent, if it lives; what it has told is reckoned with."""
        parent = self._parents.get(key)
        if parent is None or not parent.has_ended():
            return parent
        del self._parents[key]
        parent.close()
        if parent.refused is not None:
            statement, reason = parent.refused
            self._refused.setdefault(key.having(()), {})[statement] = reason
        else:
            self._failures[key] += parent.has_failed  # one that ended by itself has found its environment changed
        return None


@dataclass(frozen=True)
class _Key:
    """All that a warm parent is started with. ``place`` is where it imports libraries; none where it does not."""

    python: str
    bundle: Path
    folder: Path
    variables: frozenset[tuple[str, str]]
    place: Path | None = None
    imports: tuple[str, ...] = ()
    autologging: bool = False

    @classmethod
    def of(cls, setting: Setting) -> _Key:
        """The first parent for *setting*."""
        variables = {item for item in setting.environment.items() if not item[0].startswith(STEPS_OWN)}
        paths = setting.environment.get("PYTHONPATH")
        relative = paths is not None and not all(os.path.isabs(path) for path in paths.split(os.pathsep))  # noqa: PTH117
        return cls(setting.python, setting.bundle, setting.folder if relative else Path("/"), frozenset(variables))

    def at(self, place: Path) -> _Key:
        """One that imports libraries at *place*."""
        return replace(self, place=place)

    def having(self, imports: tuple[str, ...]) -> _Key:
        """One at the same place that has carried out *imports*."""
        return replace(self, imports=imports, autologging=False)

    @property
    def first(self) -> _Key:
        """The one at the root."""
        return replace(self, place=None, imports=(), autologging=False)

    def prefixes(self) -> Iterator[_Key]:
        """This one, and those that have imported less of the same; the first parent is not among them."""
        if self.autologging:
            yield self
        for count in range(len(self.imports), 0, -1):
            yield self.having(self.imports[:count])


class _Parent:
    """One warm parent, and the socket to it."""

    is_ready = True  # a step that is asked for at once need not wait for more than the step itself needs
    has_failed = False
    refused: tuple[str, str] | None = None

    def __init__(self) -> None:
        self._socket, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)

    def has_ended(self) -> bool:
        """Whether it lives no more."""
        raise NotImplementedError

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def ask_for_step(self, order: Order, control: socket.socket) -> None:
        """Have it fork a step."""
        request: dict[str, object] = {
            "specification": str(order.specification),
            "folder": str(order.setting.folder),
            "environment": order.setting.environment,
        }
        self._ask(
            STEP + str(order.memory).encode(), request, control.fileno(), order.log.fileno(), order.progress.fileno()
        )

    def ask_for_parent(self, key: _Key, theirs: socket.socket) -> None:
        """Have it fork another parent, which serves the socket *theirs*."""
        request: dict[str, object] = {
            "folder": str(key.place),
            "statements": key.imports,
            "autologging": key.autologging,
        }
        self._ask(PARENT, request, theirs.fileno())

    def _ask(self, kind: bytes, request: dict[str, object], *descriptors: int) -> None:
        described = os.memfd_create("labline-request")
        try:
            with os.fdopen(os.dup(described), "wb") as file:
                file.write(json.dumps(request).encode())
                file.seek(0)
            socket.send_fds(self._socket, [kind], [described, *descriptors])
        finally:
            os.close(described)


class _Started(_Parent):
    """The first parent of its environment. It takes requests from its first moment, and answers them a bit later."""

    def __init__(self, key: _Key, idle: float) -> None:
        super().__init__()
        try:
            with self.theirs:
                self._process = subprocess.Popen(
                    [key.python, "-c", WARM, str(key.bundle), str(idle)],
                    stdin=self.theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=key.folder,
                    env=dict(key.variables),
                    start_new_session=True,
                )
        except BaseException:
            self._socket.close()
            raise

    def has_ended(self) -> bool:
        status = self._process.poll()
        self.has_failed = status not in (None, 0)
        return status is not None

    def close(self) -> None:
        super().close()
        self._process.kill()
        self._process.wait()


class _Forked(_Parent):
    """A parent that has libraries. It is ready when it has said so."""

    is_ready = False

    def __init__(self, base: _Parent, key: _Key) -> None:
        super().__init__()
        self._process: int | None = None  # a descriptor: the number may have been given to another process
        try:
            with self.theirs:
                base.ask_for_parent(key, self.theirs)
        except BaseException:
            self._socket.close()
            raise

    def has_ended(self) -> bool:
        while True:
            try:
                told = self._socket.recv(1 << 16)
            except BlockingIOError:
                return False
            except OSError:
                told = b""
            if not told:
                self.has_failed = not self.is_ready and self._process is not None  # else its base has ended
                return True
            facts = json.loads(told)
            if "pid" in facts:
                with contextlib.suppress(OSError):
                    self._process = os.pidfd_open(facts["pid"])
            self.is_ready = self.is_ready or "ready" in facts
            if "refused" in facts:
                self.refused = (facts["refused"], facts["reason"])

    def close(self) -> None:
        self.has_ended()  # it may have told its number since anybody listened; unknown, it would go on importing
        super().close()
        if self._process is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            os.close(self._process)
            self._process = None
