"""The Jupyter server extension, and the same app standalone (``labline server``)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool

from labline_backend.clock import Clock, Due, Presence
from labline_backend.home import Home, HomeError
from labline_backend.service import Service

if TYPE_CHECKING:
    from labline_backend.api.events import EventsHandler

THREADS = 8  # calls of the API that are worked on at the same time
MIRROR_SECONDS = 30.0  # between two looks for runs that targets have begun by themselves
RECOVERY_SECONDS = 1.0  # between two looks at the endpoints
GOING_AWAY = 1001  # the WebSocket close code of a server that stops

T = TypeVar("T")


class LablineApp(ExtensionApp):
    """Serves Labline's API below ``labline/api/v1``. The data folder is opened by the first call that needs it."""

    name = "labline"
    description = "Labline: notebooks as pipelines."
    extension_url = "/labline/api/v1/status"
    load_other_extensions = False  # where this is the main app

    track = Bool(True, help="Record runs in MLflow.").tag(config=True)

    def initialize_settings(self) -> None:
        """Prepare what the handlers share."""
        from labline_backend.api.watcher import Watcher
        from labline_backend.models.desk import Desk
        from labline_backend.packaging.background import Packagings
        from labline_backend.tracking.ui import MLflowUI
        from labline_backend.verification.background import Verifications

        self.verifications = Verifications()
        self.packagings = Packagings()
        self.desk = Desk()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="labline")
        self._lock = threading.Lock()
        self._service: Service | None = None
        self._stopped = False
        self._sockets: set[EventsHandler] = set()
        self._watcher = Watcher(lambda: self.off_loop(lambda: self.service().store.version()), self.log)
        self._adoption: asyncio.Task[None] | None = None
        self.clock = Clock(lambda: self.off_loop(self._begin_due), self.log)
        self._presence: Presence | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._mirroring: asyncio.Task[None] | None = None
        self._mlflow = MLflowUI()

    def initialize_handlers(self) -> None:
        """Mount the API, and endpoints and MLflow's user interface behind this server's login."""
        from labline_backend.api.routes import handlers
        from labline_backend.endpoints.proxy import handlers as endpoint_handlers
        from labline_backend.tracking.proxy import handlers as mlflow_handlers

        self.handlers.extend(handlers())
        self.handlers.extend(endpoint_handlers(lambda: self.service().endpoints, self.off_loop))
        self.handlers.extend(mlflow_handlers(self._mlflow))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        # In the background: the server's first page must not wait for the data folder.
        self._adoption = asyncio.create_task(self._adopt())
        self._recovery = asyncio.create_task(self._recover())
        self._mirroring = asyncio.create_task(self._mirror())

    async def stop_extension(self) -> None:
        """Close the sockets, leave running pipelines resumable, and let go of everything."""
        self._watcher.stop()
        self.clock.stop()
        for task in (self._adoption, self._recovery, self._mirroring):
            if task is not None:
                task.cancel()
        for socket in list(self._sockets):
            socket.close(GOING_AWAY, "The server stops")
            socket.on_close()
        self._mlflow.stop()
        await self.desk.close()
        await self.off_loop(self.verifications.close)
        await self.off_loop(self.packagings.close)
        await self.off_loop(self._close_service)
        self._pool.shutdown(wait=False)

    # ------------------------------------------------------- for the handlers

    def service(self) -> Service:
        """The service, opened by the first who asks. Not for the loop's thread. Raises ``HomeError``."""
        with self._lock:
            if self._stopped:
                raise HomeError("This server is stopping.")
            if self._service is None:
                self._service = Service(Home.find(), track=self.track)
            return self._service

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Do *work* in one of the threads that the API's calls share."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def in_background(self, work: Callable[[], None]) -> None:
        """Do *work* when there is time; nobody waits for it, or misses it where the server stops."""

        def tried() -> None:
            try:
                work()
            except Exception:
                if not self._stopped:
                    self.log.exception("Labline: work in the background failed")

        with contextlib.suppress(RuntimeError):  # no more work is taken
            self._pool.submit(tried)

    def opened(self, socket: EventsHandler) -> None:
        """Wake *socket* when something happens, and close it when the server stops."""
        self._sockets.add(socket)
        self._watcher.add(socket.news)

    def closed(self, socket: EventsHandler) -> None:
        """Forget *socket*."""
        self._sockets.discard(socket)
        self._watcher.remove(socket.news)

    # ---------------------------------------------------------------------

    async def _adopt(self) -> None:
        try:
            for run in await self.off_loop(lambda: self.service().adopt()):
                self.log.info("Labline goes on with the run %s", run.id)
        except HomeError as error:
            self.log.error("Labline: %s", error)
        self.clock.start()  # runs that were interrupted go on first, and count

    def _begin_due(self) -> Due:
        """Begin the recurring runs whose time has come."""
        from labline_backend.scheduling import begin_due

        service = self.service()
        with self._lock:
            if self._presence is None and not self._stopped:
                self._presence = Presence(service.home)
        begun = begin_due(service)
        for run in begun:
            self.log.info("Labline begins the run %s, whose time has come", run.id)
        return len(begun), service.store.schedules.soonest()

    async def _recover(self) -> None:
        """Start endpoints that are to run and do not, as long as this server runs."""
        from labline_backend.endpoints.recovery import Recovery

        recovery = Recovery(lambda: self.service().endpoints)
        while True:
            try:
                if Home.place().joinpath("endpoints").is_dir():  # else the data folder need not be opened for it
                    for name in await self.off_loop(recovery.look):
                        self.log.info("Labline starts the endpoint %s", name)
            except Exception as error:  # the next look may succeed
                self.log.warning("Labline cannot look after its endpoints (%s), and tries again", error)
            await asyncio.sleep(RECOVERY_SECONDS)

    async def _mirror(self) -> None:
        """Show the runs that targets begin by themselves, as long as this server runs."""
        from labline_backend.mirroring import take_up

        while True:
            try:
                if Home.place().joinpath("followed").is_dir():  # else the data folder need not be opened for it
                    for run in await self.off_loop(lambda: take_up(self.service())):
                        self.log.info("Labline follows the run %s, which %s has begun", run.id, run.target)
            except Exception as error:  # the next look may succeed
                self.log.warning("Labline cannot look for runs that targets have begun (%s), and tries again", error)
            await asyncio.sleep(MIRROR_SECONDS)

    def _close_service(self) -> None:
        with self._lock:
            self._stopped = True
            service, self._service = self._service, None
            presence, self._presence = self._presence, None
        if presence is not None:
            presence.close()
        if service is not None:
            service.close()
