"""One of the processes behind an endpoint's socket. It does what the endpoint's keeper says, and ends with it.

It is handed the socket that all workers accept from, and takes the first connection once it can answer: a worker that
is still loading is one that nobody notices.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

from labline_backend.home import Home
from labline_backend.registry import ModelReference, RegistryError
from labline_backend.serving.checks import LoadError
from labline_backend.serving.control import CallError, Channel, GoneError
from labline_backend.serving.counting import Family
from labline_backend.serving.documents import write
from labline_backend.serving.engine import Limits
from labline_backend.serving.listening import ListenError
from labline_backend.serving.needs import Resolved
from labline_backend.serving.plan import Orders, Plan
from labline_backend.serving.privacy import Privacy
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.server import Server, Settings, settle
from labline_backend.tracking.location import Location
from labline_runtime.documents import from_json, from_plain


class Worker(Server):
    """A server that is told what to serve over *control*."""

    def __init__(
        self, home: Home, location: Location, settings: Settings, control: socket.socket, *, anyway: bool
    ) -> None:
        """*anyway* as in ``Checks.resolved``."""
        super().__init__(home, location, settings)
        self._anyway = anyway
        self._control = control
        self._talking: asyncio.Task[None] | None = None
        self._prepared: Plan | None = None
        self._serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait until there is something to serve, then listen."""
        handlers = {"resolve": self._resolve, "prepare": self._prepare, "commit": self._commit, "retire": self._retire}
        channel = await Channel.open(self._control, {**handlers, "counts": self._counts, "metrics": self._own_metrics})
        self._talking = asyncio.create_task(self._talk(channel))
        while not self._serving.is_set():
            if self.should_exit:
                return
            await asyncio.sleep(0.02)  # uvicorn takes signals down in a flag
        self.forget_garbage()
        self.application.all_metrics = lambda: self._all_metrics(channel)
        self.application.traffic = lambda: self._traffic(channel)
        await super().startup(sockets)

    async def _talk(self, channel: Channel) -> None:
        await channel.run()
        self.should_exit = True  # the keeper has gone, and whoever starts another one starts workers with it

    async def _resolve(self, references: list[str]) -> list[Resolved]:
        """The versions that *references* stand for now, which are checked where this is the place to serve them."""
        try:
            asked = [ModelReference.parse(reference) for reference in references]
            return await asyncio.to_thread(self.checks.resolved, asked, anyway=self._anyway)
        except RegistryError as error:
            raise CallError(str(error)) from error

    async def _prepare(self, plain: Any) -> list[str]:
        """Load what a plan asks for; how each of its versions is asked."""
        plan = from_plain(Plan, plain)
        try:
            await asyncio.to_thread(self.checks.check, self.versions.missing(plan))
            predictors = await self.versions.prepare(plan)
        except (LoadError, OSError) as error:
            raise CallError(str(error)) from error
        self._prepared = plan
        return [f"{predictor.version}: {predictor.verdict}" for predictor in predictors]

    async def _commit(self, _: Any) -> None:
        """Serve the plan that was prepared last."""
        if self._prepared is None:
            raise CallError("nothing was prepared")
        self.versions.commit(self._prepared)
        if self._serving.is_set():
            return
        try:  # before it is said to serve: those that go when it does close their sockets, and nobody else has this one
            await self.start_grpc(shares=True)
        except ListenError as error:
            print(f"labline: {error}", file=sys.stderr)  # noqa: T201
            self.should_exit = True
            raise CallError(str(error)) from error
        self._serving.set()

    async def _retire(self, _: Any) -> None:
        """Leave new connections to others, and end."""
        self.end_listening()
        self.should_exit = True

    async def _counts(self, _: Any) -> dict[str, list[object]]:
        """What each version has answered since the last call."""
        return {version: counts.plain() for version, counts in self.versions.take_counts().items()}

    async def _own_metrics(self, _: Any) -> tuple[Family, ...]:
        """The metrics of this process."""
        return self.metrics.families()

    async def _all_metrics(self, channel: Channel) -> bytes:
        try:
            text: str = await channel.call("metrics")
        except (GoneError, CallError):
            return self.metrics.text()
        return text.encode()

    async def _traffic(self, channel: Channel) -> bytes:
        try:
            return write(await channel.call("traffic"))
        except (GoneError, CallError) as error:
            raise Refusal("Whoever keeps count of the answers has gone.", 503, retry_after=1) from error


def main() -> None:
    """Serve until told to stop."""
    orders = from_json(Orders, sys.argv[1])
    for descriptor in (orders.listening, orders.control):
        os.set_inheritable(descriptor, False)  # what the model's code starts has no use for them
    home = Home(Path(orders.home))
    location = settle(home)
    settings = Settings(
        Path(orders.token_file).read_text("ascii").strip(),
        body_bytes=orders.body_bytes,
        limits=Limits(waiting=orders.waiting, deadline=orders.deadline),
        log_rate=orders.log_rate,
        bound=orders.bound,
        privacy=Privacy(orders.privacy),
        events=orders.events,
        access_log=orders.access_log,
        host=orders.grpc_host,
        grpc_port=orders.grpc_port,
    )
    listening, control = socket.socket(fileno=orders.listening), socket.socket(fileno=orders.control)
    server = Worker(home, location, settings, control, anyway=orders.anyway)
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
