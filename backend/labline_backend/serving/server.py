"""The server as a process, its loading and an end that loses no request; and one of one version, ``labline serve``."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from labline_backend.home import Home
from labline_backend.registry import ModelReference, RegisteredVersion
from labline_backend.serving.access_log import AccessLog
from labline_backend.serving.answering import Answering
from labline_backend.serving.app import Application
from labline_backend.serving.body import BodyReader
from labline_backend.serving.checks import Checks
from labline_backend.serving.engine import Limits
from labline_backend.serving.event_sink import TOKEN_VARIABLE
from labline_backend.serving.listening import BACKLOG, ListenError, listen
from labline_backend.serving.logs import Log, open_log
from labline_backend.serving.metrics import Metrics
from labline_backend.serving.needs import Needs, Resolved, differences, stated
from labline_backend.serving.plan import Plan
from labline_backend.serving.predictor import Predictor
from labline_backend.serving.privacy import Privacy
from labline_backend.serving.protocol import Protocol
from labline_backend.serving.readying import readied
from labline_backend.serving.versions import Versions
from labline_backend.tracking.location import Location
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from labline_backend.serving.v2_grpc import GrpcServer

DRAIN_SECONDS = 2.0
"""How long connections without a request in progress are kept when the server ends: a request may be on its way."""

KEEP_ALIVE_SECONDS = 75
CONNECTIONS = 4096
BODIES_AT_ONCE = 8  # of the largest size, while they are read


@dataclass(frozen=True)
class Settings:
    """How to serve. ``log_rate`` is the share of requests that go to the payload log; ``bound`` is as in ``Checks``."""

    token: str
    host: str = "127.0.0.1"
    port: int = 0
    body_bytes: int = 16 << 20
    limits: Limits = field(default_factory=Limits)
    log_rate: float = 0.0
    anyway: bool = True
    """Whether a model is served in this process that was made with other packages than are installed here."""

    access_log: str | None = None
    """The file to write it to, or ``-`` for standard output."""
    grpc_port: int | None = None
    """0 is any free one; None is for no gRPC."""
    bound: float = 0.0
    privacy: Privacy = field(default_factory=Privacy)
    events: str | None = None
    """Where the payload log goes besides, as CloudEvents."""


@dataclass(frozen=True)
class Address:
    """Where a server is reached."""

    http: str
    grpc: str | None


class ElsewhereError(Exception):
    """The model was made with other packages than are installed here, and is not to be served so."""

    def __init__(self, resolved: Resolved) -> None:
        super().__init__(f"{resolved.version} was made with other packages than are installed here")
        self.resolved = resolved


Announce = Callable[[Address, Predictor], None]


def serve(reference: ModelReference | RegisteredVersion, home: Home, settings: Settings, announce: Announce) -> None:
    """Serve one version until told to stop. *announce* is told the address once the model answers.

    Sets environment variables of this process: the process is the server. Raises ``ListenError``, ``LoadError`` and
    ``ElsewhereError``.
    """
    location = settle(home)
    listening = listen(settings.host, settings.port)
    with listening:
        server = _Alone(reference, home, location, settings, announce, listening)
        server.run(sockets=[listening])
    if server.failure is not None:
        raise server.failure


def settle(home: Home) -> Location:
    """Have this process ask our MLflow store, which is returned."""
    location = Location.find(home)
    os.environ.update(location.environment())
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    return location


class Server(uvicorn.Server):  # type: ignore[misc, unused-ignore]
    """uvicorn around the application, with time to drain. ``versions`` is what it serves."""

    def __init__(self, home: Home, location: Location, settings: Settings) -> None:
        metrics = Metrics()
        total = max(settings.body_bytes * BODIES_AT_ONCE, 64 << 20)
        reader = BodyReader(settings.body_bytes, settings.limits.deadline, total)
        self.metrics = metrics
        self.checks = Checks(home, location, settings.bound)
        self._access_log = None if settings.access_log is None else AccessLog(settings.access_log)
        if self._access_log is not None:
            log = self._access_log
            metrics.watch_access_log(lambda: log.dropped)
        self._answering = Answering(settings.token, metrics, settings.log_rate, self._access_log)
        self.application = Application(self._answering, reader)
        self.application.alone = lambda: len(self.server_state.tasks) == 1
        self._grpc: GrpcServer | None = None
        self._settings = settings

        self._home = home
        self._events_token = os.environ.pop(TOKEN_VARIABLE, None)  # before a model's code could print it
        self.versions = Versions(
            settings.limits,
            metrics,
            self.application.serve,
            lambda version: readied(version, self.checks, settings.limits.deadline),
            self._open_log if settings.log_rate else None,
        )
        for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it has ended gracefully
            signal.signal(number, lambda *_: None)
        super().__init__(
            uvicorn.Config(
                self.application,
                http=Protocol,
                loop="uvloop",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_level="critical",  # it takes a client that has gone for an error; the application tells its own
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=int(settings.limits.deadline) + 5,
            )
        )

    def _open_log(self, predictor: Predictor) -> Log:
        settings = self._settings
        return open_log(self._home, predictor, settings.privacy, settings.events, self._events_token)

    async def start_grpc(self, *, shares: bool = False) -> None:
        """Serve gRPC, too, where it is wanted; *shares* as ``GrpcServer`` has it. Raises ``ListenError``."""
        settings = self._settings
        if settings.grpc_port is None:
            return
        from labline_backend.serving.v2_grpc import GrpcServer

        self._grpc = GrpcServer(self._answering, settings.body_bytes, settings.limits.deadline, shares=shares)
        await self._grpc.start(settings.host, settings.grpc_port)

    def forget_garbage(self) -> None:
        """Spare the collector what a model is made of: it is no garbage."""
        gc.collect()
        gc.freeze()

    def end_listening(self) -> None:
        """Take no new connections. Those that there are go on."""
        self._answering.draining = True
        for server in self.servers:
            server.close()
        if self._grpc is not None:
            self._grpc.end_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connections, answer what is there and on its way, then end."""
        self.end_listening()
        for listening in sockets or ():
            listening.close()
        if self._grpc is not None:
            await self._grpc.stop(lambda: self.force_exit)
        loop = asyncio.get_running_loop()
        end = loop.time() + DRAIN_SECONDS
        while self.server_state.connections and loop.time() < end and not self.force_exit:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)
        await self.versions.close()
        if self._access_log is not None:
            await asyncio.to_thread(self._access_log.close)


class _Alone(Server):
    """A server of one version, which listens at once and loads meanwhile."""

    def __init__(
        self,
        reference: ModelReference | RegisteredVersion,
        home: Home,
        location: Location,
        settings: Settings,
        announce: Announce,
        listening: socket.socket,
    ) -> None:
        self.failure: Exception | None = None
        self._reference = reference
        self._announce, self._listening = announce, listening
        self._loading: asyncio.Task[None] | None = None
        super().__init__(home, location, settings)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and load the model meanwhile."""
        await super().startup(sockets)
        try:
            await self.start_grpc()
        except ListenError as error:
            self.failure, self.should_exit = error, True
            return
        self._loading = asyncio.create_task(self._load())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Load no more, and end."""
        if self._loading is not None and not self._loading.done():
            self._loading.cancel()
        await super().shutdown(sockets)

    async def _load(self) -> None:
        try:
            version = await asyncio.to_thread(self._resolved)
            plan = Plan.of(version)
            (predictor,) = await self.versions.prepare(plan)
        except Exception as error:
            self.failure, self.should_exit = error, True
            return
        self.forget_garbage()
        self.versions.commit(plan)
        host, port = self._listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        grpc = None if self._grpc is None else f"{shown}:{self._grpc.port}"
        self._announce(Address(f"http://{shown}:{port}", grpc), predictor)

    def _resolved(self) -> RegisteredVersion:
        reference, anyway = self._reference, self._settings.anyway
        if isinstance(reference, ModelReference):
            (found,) = self.checks.resolved([reference], anyway=anyway)
        else:
            found = Resolved(reference, Needs() if anyway else stated(Path(reference.folder or "")))
        if differences(found.needs):
            raise ElsewhereError(found)
        return found.version
