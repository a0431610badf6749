"""The process that serves one version of a model: its socket, the loading, and an end that loses no request."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import uvicorn

from labline_backend.home import Home
from labline_backend.registry import ModelReference, RegisteredVersion, resolve
from labline_backend.serving.app import Application
from labline_backend.serving.body import BodyReader
from labline_backend.serving.engine import Engine, Limits
from labline_backend.serving.metrics import Metrics
from labline_backend.serving.payload_log import PayloadLog
from labline_backend.serving.predictor import Predictor, load
from labline_backend.serving.protocol import Protocol
from labline_backend.store.payloads import payload_folder
from labline_backend.tracking.location import Location

DRAIN_SECONDS = 2.0
"""How long connections without a request in progress are kept when the server ends: a request may be on its way."""

KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048
CONNECTIONS = 4096
BODIES_AT_ONCE = 8  # of the largest size, while they are read

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ServerError(Exception):
    """The server cannot start; the message is one sentence for the user."""


@dataclass(frozen=True)
class Settings:
    """How to serve. ``log_rate`` is the share of requests that go to the payload log."""

    token: str
    host: str = "127.0.0.1"
    port: int = 0
    body_bytes: int = 16 << 20
    limits: Limits = field(default_factory=Limits)
    log_rate: float = 0.0


Announce = Callable[[str, Predictor], None]


def serve(reference: ModelReference, home: Home, settings: Settings, announce: Announce) -> None:
    """Serve until told to stop. *announce* is told the address once the model answers.

    Sets environment variables of this process: the process is the server. Raises ``ServerError``, ``RegistryError`` and
    ``LoadError``.
    """
    location = Location.find(home)
    os.environ.update(location.environment())
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    for name in _ONE_THREAD:  # the server is parallel over requests
        os.environ.setdefault(name, "1")
    listening = _listen(settings.host, settings.port)
    with listening:
        server = _Server(reference, home, location, settings, announce, listening)
        for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it has ended gracefully
            signal.signal(number, lambda *_: None)
        server.run(sockets=[listening])
    if server.failure is not None:
        raise server.failure


class _Server(uvicorn.Server):  # type: ignore[misc, unused-ignore]
    """uvicorn, with a model that is loaded beside it and with time to drain."""

    def __init__(
        self,
        reference: ModelReference,
        home: Home,
        location: Location,
        settings: Settings,
        announce: Announce,
        listening: socket.socket,
    ) -> None:
        self.failure: Exception | None = None
        self._reference, self._home, self._location = reference, home, location
        self._settings, self._announce, self._listening = settings, announce, listening
        self._metrics = Metrics()
        self._reader = BodyReader(
            settings.body_bytes, settings.limits.deadline, max(settings.body_bytes * BODIES_AT_ONCE, 64 << 20)
        )
        self._application = Application(settings.token, self._reader, self._metrics)
        self._engine: Engine | None = None
        self._log: PayloadLog | None = None
        self._loading: asyncio.Task[None] | None = None
        super().__init__(
            uvicorn.Config(
                self._application,
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and load the model meanwhile."""
        await super().startup(sockets)
        self._loading = asyncio.create_task(self._load())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connections, answer what is there and on its way, then end."""
        self._application.draining = True
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + DRAIN_SECONDS
        while self.server_state.connections and loop.time() < end and not self.force_exit:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)
        if self._loading is not None and not self._loading.done():
            self._loading.cancel()
        if self._engine is not None:
            await asyncio.to_thread(self._engine.close)
        if self._log is not None:
            await asyncio.to_thread(self._log.close)

    async def _load(self) -> None:
        try:
            predictor = await asyncio.to_thread(self._load_in_thread)
            version = predictor.version
            if self._settings.log_rate:
                self._log = PayloadLog(payload_folder(self._home, version.name, version.version))
        except Exception as error:
            self.failure, self.should_exit = error, True
            return
        self._engine = engine = Engine(predictor, self._settings.limits, self._metrics.called)
        self._metrics.watch("labline_waiting_requests", "Requests waiting or being answered.", lambda: engine.waiting)
        if (log := self._log) is not None:
            self._metrics.watch("labline_payloads_dropped", "Exchanges missing from the log.", lambda: log.dropped)
        self._application.serve(engine, self._log, self._settings.log_rate)
        host, port = self._listening.getsockname()[:2]
        self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}", predictor)

    def _load_in_thread(self) -> Predictor:
        version: RegisteredVersion = resolve(self._reference, self._location)
        return load(version)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServerError(f"{host} is not an address of this machine.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        used = error.errno == errno.EADDRINUSE
        reason = "another program uses it" if used else (error.strerror or str(error)).lower()
        raise ServerError(
            f"Nothing can be served on {host}, port {port}: {reason}. Choose another with --port."
        ) from error
    return listening
