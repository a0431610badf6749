"""The versions that a process has loaded: they come, are swapped for others, and go, without a request noticing.

A plan is carried out in two parts. :meth:`Versions.prepare` loads what is missing beside what is served, and refuses
the plan where a version does not load or does not answer. :meth:`Versions.commit` swaps one reference. A version that
is no longer in the plan leaves when the last request that it was chosen for is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from labline_backend.registry import RegisteredVersion
from labline_backend.serving.engine import Engine, Limits
from labline_backend.serving.logs import Log
from labline_backend.serving.metrics import Metrics
from labline_backend.serving.plan import Plan
from labline_backend.serving.predictor import Predictor
from labline_backend.serving.routing import Routing
from labline_backend.serving.shadow import Shadow
from labline_backend.serving.tally import Counts

Load = Callable[[RegisteredVersion], Predictor]
OpenLog = Callable[[Predictor], Log]


class Served:
    """A loaded version at work. Whoever asks it does so in a ``with`` block, from choosing it to its answer."""

    def __init__(self, predictor: Predictor, engine: Engine, log: Log | None) -> None:
        self.predictor = predictor
        self.engine = engine
        self.log = log
        self.version = predictor.version
        self.header = predictor.version.version.encode()
        self.counts = Counts()
        self._users = 0
        self._unused: asyncio.Event | None = None  # made when somebody waits for it

    def __enter__(self) -> Served:
        self._users += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._users -= 1
        if not self._users and self._unused is not None:
            self._unused.set()

    async def leave(self) -> None:
        """Wait until nobody uses it, then let it go."""
        if self._users:
            self._unused = asyncio.Event()
            await self._unused.wait()
        await self.close()

    async def close(self) -> None:
        """Let it go. Nobody asks it any more."""
        await asyncio.to_thread(self.engine.close)
        if self.log is not None:
            await asyncio.to_thread(self.log.close)


class Versions:
    """What one process serves. Belongs to the event loop that it is used on."""

    def __init__(
        self,
        limits: Limits,
        metrics: Metrics,
        swap: Callable[[Routing[Served], Shadow | None], None],
        load: Load,
        open_log: OpenLog | None = None,
    ) -> None:
        """*swap* is told each new routing. *load* loads a version, in a thread; *open_log*, if given, makes its payload
        log."""
        self._limits = limits
        self._metrics = metrics
        self._swap = swap
        self._load_version = load
        self._open_log = open_log
        self._loaded: dict[RegisteredVersion, Served] = {}
        self._shadow: Shadow | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    def missing(self, plan: Plan) -> list[RegisteredVersion]:
        """What *plan* asks for and is not loaded."""
        return [version for version in plan.versions if version not in self._loaded]

    async def prepare(self, plan: Plan) -> list[Predictor]:
        """Load what *plan* asks for; what is served stays as it is. The plan's versions, in its order.

        Raises ``LoadError``, and ``OSError`` where a log cannot be kept.
        """
        for version in self.missing(plan):
            self._loaded[version] = await self._load(version)
        return [self._loaded[version].predictor for version in plan.versions]

    def commit(self, plan: Plan) -> None:
        """Serve *plan*, which has been prepared, from the next request on."""
        loaded = {version.version: self._loaded[version] for version in plan.versions}
        shadow, self._shadow = self._shadow, None
        if shadow is not None:
            shadow.close()
        if plan.shadow is not None:
            self._shadow = Shadow(loaded[plan.shadow], self._metrics.shadowed(plan.shadow))
        self._metrics.serves(plan)
        self._swap(Routing(plan.model, plan.arms, loaded), self._shadow)
        for version in self._loaded.keys() - set(plan.versions):
            served = self._loaded.pop(version)
            self._metrics.forget(version.version)
            task = asyncio.create_task(served.leave())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    def take_counts(self) -> dict[str, Counts]:
        """What each version has answered since the last call."""
        taken = {}
        for version, served in self._loaded.items():
            taken[version.version], served.counts = served.counts, Counts()
        return taken

    async def close(self) -> None:
        """Let go of all. To be called when nobody asks any more."""
        if self._shadow is not None:
            self._shadow.close()
        for served in self._loaded.values():
            await served.close()
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _load(self, version: RegisteredVersion) -> Served:
        predictor = await asyncio.to_thread(self._load_version, version)
        log = None if self._open_log is None else await asyncio.to_thread(self._open_log, predictor)
        engine = Engine(predictor, self._limits, self._metrics.calls(version.version))
        self._metrics.watch(version.version, lambda: engine.waiting, None if log is None else lambda: log.dropped)
        return Served(predictor, engine, log)
