"""The thread that an engine's runs live on: one event loop, and what reaches it from other threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labline_backend.engine.cache import Cache
from labline_backend.engine.capacity import Capacity
from labline_backend.engine.driver import Driver
from labline_backend.engine.launcher import Launcher
from labline_backend.engine.owner import Owner
from labline_backend.engine.run import Means
from labline_backend.engine.tracker import Tracker
from labline_backend.home import Home, HomeError
from labline_backend.kernels import Kernel
from labline_backend.store.artifacts import ArtifactStore
from labline_backend.store.records import RunRecord
from labline_backend.store.runs import RunStore
from labline_runtime.cores import usable_memory

LOOK = 0.5  # seconds between two looks for cancels that other processes ask for
LEAVING = 30.0  # seconds that the tracker may take to close


class EngineThread:
    """Drives the runs, and takes away what is pruned after them."""

    def __init__(
        self,
        home: Home,
        store: RunStore,
        artifacts: ArtifactStore,
        launcher: Launcher,
        tracker: Tracker | None,
        workers: int,
        prune: Callable[[], None] | None,
    ) -> None:
        self.owner = Owner(home)
        self._store = store
        artifacts.sweep()
        cache = Cache(home, store, artifacts)
        self.means = Means(home, store, artifacts, cache, launcher, Capacity(workers, usable_memory()), tracker)
        self._runs: dict[str, Driver] = {}
        self._futures: dict[str, concurrent.futures.Future[RunRecord]] = {}
        self._watch: asyncio.Task[None] | None = None
        self._prune = prune
        self._pruning: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="labline-engine", daemon=True)
        self._thread.start()

    def drive(self, run: Driver) -> None:
        """Run, or go on with, a run."""
        self._runs[run.record.id] = run
        self._futures[run.record.id] = asyncio.run_coroutine_threadsafe(self._drive(run), self._loop)

    def prepare(self, kernel: Kernel, folder: Path, imports: tuple[str, ...], autologging: bool = False) -> None:
        """Have a warm parent that has carried out *imports*, and can log a training, some time from now."""
        self._loop.call_soon_threadsafe(self.means.launcher.prepare, kernel, folder, imports, autologging)

    def stop(self, run_id: str) -> bool:
        """Cancel one of this engine's runs; whether it is one."""
        run = self._runs.get(run_id)
        if run is not None:
            self._loop.call_soon_threadsafe(run.stop, "cancelled")
        return run is not None

    def future(self, run_id: str) -> concurrent.futures.Future[RunRecord] | None:
        """The end of one of this engine's runs."""
        return self._futures.get(run_id)

    def certify(self, tracker: Tracker, record: RunRecord, certificate: dict[str, Any]) -> list[str]:
        """Have the tracker, which lives on this thread, attach a certificate."""

        async def attach() -> list[str]:
            await tracker.attach_certificate(record, certificate)
            problems = list(tracker.problems)
            tracker.problems.clear()
            return problems

        return asyncio.run_coroutine_threadsafe(attach(), self._loop).result()

    def close(self) -> None:
        """Interrupt all runs and end the thread."""
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self.owner.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _drive(self, run: Driver) -> RunRecord:
        run_id = run.record.id
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_for_cancels())
        try:
            record = await run.drive()
        finally:
            del self._runs[run_id]
        if self._prune is not None and (self._pruning is None or self._pruning.done()):
            self._pruning = asyncio.create_task(asyncio.to_thread(self._prune))
        if run.is_kept:  # else the future is the only one who knows
            self._loop.call_soon(self._forget, record)
        return record

    def _forget(self, record: RunRecord) -> None:
        """Let go of a run that nobody drives any more; one that can be resumed is free for whoever does."""
        self._futures.pop(record.id, None)
        if record.state == "interrupted":
            with contextlib.suppress(HomeError):
                self._store.claim(record.id, None, self.owner.name)

    async def _watch_for_cancels(self) -> None:
        seen = None
        while self._runs:
            with contextlib.suppress(HomeError):
                version = self._store.version()
                if version != seen:
                    seen = version
                    for run_id in self._store.cancels_requested(list(self._runs)):
                        if run_id in self._runs:
                            self._runs[run_id].stop("cancelled")
            await asyncio.sleep(LOOK)

    async def _leave(self) -> None:
        for run in list(self._runs.values()):
            run.stop("interrupted")
        futures = [asyncio.wrap_future(future) for future in self._futures.values()]
        if futures:
            await asyncio.wait(futures)
        if self._watch is not None:
            self._watch.cancel()
        if self._pruning is not None:
            await self._pruning
        self.means.launcher.close()
        if self.means.tracker is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.means.tracker.close(), LEAVING)
