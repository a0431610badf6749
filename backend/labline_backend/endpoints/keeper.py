"""The process of an endpoint: it has the socket and the workers, and brings about what the database says.

It ends when the endpoint is to stop, or when it is told to (SIGTERM), after its workers have answered what they have. A
worker that dies is replaced; its connections go to the others meanwhile, for all accept from one socket. A keeper that
dies takes its workers with it, and the Labline server starts another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Coroutine
from typing import Any

from labline_backend.endpoints import rollouts
from labline_backend.endpoints.folder import EndpointFolder
from labline_backend.endpoints.workers import Worker
from labline_backend.home import Home
from labline_backend.serving.canary import Trial
from labline_backend.serving.control import CallError, GoneError
from labline_backend.serving.counting import Family
from labline_backend.serving.environments import GRPC, HERE, ONNX, Environments, Place
from labline_backend.serving.listening import ListenError, hold_patiently, listen_patiently
from labline_backend.serving.metrics import together
from labline_backend.serving.needs import Needs, NeedsError, Resolved, joined
from labline_backend.serving.plan import Orders, Plan
from labline_backend.serving.tally import Counts, total
from labline_backend.serving.traffic import Traffic
from labline_backend.store.endpoints import Endpoint, EndpointSpec, EndpointStatus, EndpointStore, Rollout
from labline_backend.tracking.location import Location
from labline_runtime.documents import fields_of, from_plain

LOOK_SECONDS = 0.2  # between two looks at the database
JUDGE_SECONDS = 1.0  # between two looks at what was answered
TOUCH_SECONDS = 24 * 3600.0  # after which environments are said again to be in use
METRICS_SECONDS = 5.0  # after which a worker's metrics are left out
BACKOFF_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STEADY_SECONDS = 5.0
"""A worker that lived for so long was no failure of the model's: its successor is started at once."""

TRIES = 3  # of a change during which a worker dies
TRY_SECONDS = 0.5  # between two of them

GONE = "a worker process died while it loaded the model: the log says more"


class Keeper:
    """Keeps one endpoint."""

    def __init__(self, home: Home, name: str, log: Any) -> None:
        self._home, self._name, self._log = home, name, log
        self._folder = EndpointFolder.of(home, name)
        self._store = EndpointStore(home)
        self._socket: socket.socket | None = None
        self._grpc: socket.socket | None = None
        self._workers: list[Worker] = []
        self._numbers = 0
        self._served: Rollout | None = None
        self._plan: Plan | None = None
        self._environments = Environments(home)
        self._place = HERE
        self._trial: Trial | None = None
        self._traffic = Traffic()
        self._status = EndpointStatus()
        self._changing = asyncio.Lock()
        """Held by who changes what is served, but not while an environment is made: that may take half an hour."""

        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._filling: asyncio.Task[Any] | None = None

    async def run(self) -> None:
        """Keep the endpoint until it is to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        try:
            await self._reconcile()
        finally:
            for task in list(self._tasks):
                task.cancel()
            for held in (self._socket, self._grpc):
                if held is not None:
                    held.close()
            leaving, self._workers = self._workers, []
            await asyncio.gather(*(worker.leave() for worker in leaving))
            self._environments.touch()
            await self._report(state="stopped" if self._status.state != "failed" else "failed")
            self._store.close()

    async def _reconcile(self) -> None:
        seen, dealt_with = -1, -1
        changing: asyncio.Task[None] | None = None
        while not self._stop.is_set():
            version = await asyncio.to_thread(self._store.version)
            if version != seen:
                seen = version
                endpoint = await asyncio.to_thread(self._store.get, self._name)
                if endpoint is None or endpoint.wanted == "stopped":
                    return
                if changing is not None and not changing.done():
                    seen = -1  # there may be more to do when it is through
                    if self._status.making and endpoint.generation != dealt_with:
                        self._status = self._now(making=False)
                        changing.cancel()
                elif endpoint.generation != dealt_with:
                    dealt_with = endpoint.generation
                    changing = self._begin(self._change(endpoint))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_SECONDS)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --------------------------------------------------------------- changes

    async def _change(self, endpoint: Endpoint) -> None:
        """Serve what is wanted, or say why not and go on with what is served.

        A worker that dies meanwhile may do so for reasons of its own, so it is tried again: a model that kills those
        who load it does it every time. In between what is served gets its workers back.
        """
        for tries_left in reversed(range(TRIES)):
            try:
                await self._put_in_force(endpoint)
            except GoneError:
                if not tries_left:
                    await self._refuse(endpoint, GONE)
                    return
            except (CallError, ListenError, NeedsError, OSError) as error:
                await self._refuse(endpoint, str(error))
                return
            except Exception as error:
                traceback.print_exc()
                await self._refuse(endpoint, f"{type(error).__name__} in its keeper: the log says more")
                return
            else:
                return
            self._say("a worker died while what was wanted was loaded; it is tried again")
            await asyncio.sleep(TRY_SECONDS)

    async def _put_in_force(self, endpoint: Endpoint) -> None:
        spare: Worker | None = None
        grpc: socket.socket | None = None
        try:
            async with self._changing:
                listening = await self._listening(endpoint)
                grpc = await self._held(endpoint)
                rollout = _as_served(endpoint)
                if rollout is None:
                    if not self._stay(endpoint.spec, self._place):
                        spare = await self._start(endpoint.spec, HERE, listening, grpc)
                    rollout = await self._resolved(endpoint, spare or self._workers[0])
                came_back = await self._came_back(endpoint, rollout, listening, grpc)
            try:
                place = await self._found_place(rollout, grpc)
                async with self._changing:
                    if came_back and self._served is not None:  # a canary may have been taken back meanwhile
                        rollout = self._served
                        endpoint = dataclasses.replace(endpoint, spec=rollout.spec)
                    await self._roll_out(endpoint, rollout, place, listening, grpc, spare if place == HERE else None)
            except (CallError, GoneError, NeedsError, OSError) as error:
                if not came_back:
                    raise
                await self._stays_in_the_last(error)
        finally:
            if spare is not None and spare not in self._workers:
                spare.kill()
            if grpc is not None and grpc is not self._grpc:
                grpc.close()

    async def _listening(self, endpoint: Endpoint) -> socket.socket:
        """The endpoint's socket, which is opened once."""
        if self._socket is None:
            self._check_registry(endpoint.spec)
            self._socket = await listen_patiently(endpoint.spec.host, endpoint.port)
            await asyncio.to_thread(self._store.listens, self._name, self._socket.getsockname()[1])
            self._begin(self._judge())
        return self._socket

    async def _came_back(
        self, endpoint: Endpoint, rollout: Rollout, listening: socket.socket, grpc: socket.socket | None
    ) -> bool:
        """Serve *rollout* in the environment that it was served in last, where another one is wanted by now: it may
        take long to make that, or be impossible."""
        try:
            needs, extras = _needs(rollout), _extras(rollout.spec, grpc)
            last = await self._environments.last(rollout.place, needs, extras)
            if last is None:
                return False
            self._say("it comes back with the environment that it was served with last")
            await self._roll_out(endpoint, rollout, last, listening, grpc, None)
        except (CallError, GoneError, NeedsError, OSError) as error:
            self._say(f"it cannot be served with the environment that it was served with last: {str(error) or GONE}")
            return False
        return True

    async def _stays_in_the_last(self, error: Exception) -> None:
        message = f"it goes on with the environment that it was served with last: {str(error) or GONE}"
        self._say(message)
        await self._report(message=message)

    def _stay(self, spec: EndpointSpec, place: Place) -> list[Worker]:
        """The workers of now that may serve *spec* in *place*."""
        served = self._served
        stays = served is not None and place == self._place and rollouts.same_processes(served.spec, spec)
        return self._workers[: spec.workers] if stays else []

    async def _roll_out(
        self,
        endpoint: Endpoint,
        rollout: Rollout,
        place: Place,
        listening: socket.socket,
        grpc: socket.socket | None,
        spare: Worker | None,
    ) -> None:
        """Have workers in *place* serve *rollout*; *spare* is one that is there already and serves nothing."""
        spec = endpoint.spec
        kept = self._stay(spec, place)
        added = [spare] if spare is not None and len(kept) < spec.workers else []
        try:
            for _ in range(spec.workers - len(kept) - len(added)):
                added.append(await self._start(spec, place, listening, grpc))
            workers = [*kept, *added]
            plan = rollouts.plan_of(spec, rollout.versions)
            asked_by = (await asyncio.gather(*(worker.call("prepare", plan) for worker in workers)))[0]
        except BaseException:
            for worker in added:
                worker.kill()
            if self._plan is not None:  # let them forget what they have loaded for nothing
                await asyncio.gather(*(_put(worker, self._plan) for worker in kept), return_exceptions=True)
            raise
        if self._grpc is not None and self._grpc is not grpc:
            self._grpc.close()  # those that listen there are leaving
        self._grpc = grpc
        leaving = [worker for worker in self._workers if worker not in workers]
        self._served, self._plan = dataclasses.replace(rollout, place=place.environment), plan
        self._trial = rollouts.trial_of(spec, rollout.versions)
        self._workers, self._place = workers, place
        for worker in added:
            self._begin(self._watch(worker, listening))
        # One that dies here is replaced as at any other time.
        await asyncio.gather(*(worker.call("commit") for worker in workers), return_exceptions=True)
        # What is said to be in force is so for whoever connects from then on.
        await asyncio.gather(*(worker.retire() for worker in leaving))
        message = f"serves {plan}"
        self._say(message)
        self._status = self._now(
            state="ready",
            generation=endpoint.generation,
            refused=False,
            message=message,
            asked_by=tuple(asked_by),
            grpc_port=endpoint.status.grpc_port if grpc is None else _port(grpc),
        )
        await asyncio.to_thread(self._store.serves, self._name, self._served, self._status)

    async def _held(self, endpoint: Endpoint) -> socket.socket | None:
        """The socket that keeps the port of gRPC, where that is wanted: the present one if its port is right."""
        wanted, present = endpoint.spec.grpc_port, self._grpc
        if wanted is None:
            return None
        if present is not None and wanted in (0, _port(present)):
            return present
        return await hold_patiently(endpoint.spec.host, wanted or endpoint.status.grpc_port)

    async def _resolved(self, endpoint: Endpoint, worker: Worker) -> Rollout:
        """What is wanted, with the versions that its references stand for now."""
        wanted = rollouts.references(endpoint.spec)
        asked = [rollouts.as_asked(endpoint.spec.model, reference) for reference in wanted]
        found = [from_plain(Resolved, each) for each in await worker.call("resolve", asked)]
        versions = {name: each.version.version for name, each in zip(wanted, found, strict=True)}
        needs = joined([each.needs for each in found])
        return Rollout(endpoint.generation, endpoint.spec, versions, **fields_of(needs))

    async def _found_place(self, rollout: Rollout, grpc: socket.socket | None) -> Place:
        """Where the workers are to run, which may have to be made first."""
        spec = rollout.spec
        if spec.environment == "server":
            return HERE
        numbers = list(dict.fromkeys(rollout.versions.values()))
        name = f"{spec.model}/{' and '.join(numbers)}"
        try:
            return await self._environments.place(name, _needs(rollout), _extras(spec, grpc), self._tell)
        finally:
            self._status = self._now(making=False)

    async def _refuse(self, endpoint: Endpoint, reason: str) -> None:
        self._say(f"what was wanted cannot be served: {reason}")
        async with self._changing:
            served = self._served or endpoint.served
            state = "ready" if self._workers else "failed"
            self._status = self._now(state=state, generation=endpoint.generation, refused=True, message=reason)
            if served is not None:
                served = dataclasses.replace(served, generation=endpoint.generation)
            await asyncio.to_thread(self._store.settle, self._name, endpoint.generation, served, self._status)
        if not self._workers:
            self._stop.set()  # whoever starts the next keeper waits a little longer each time

    def _check_registry(self, spec: EndpointSpec) -> None:
        here = Location.find(self._home).registry
        if here != spec.registry:
            raise CallError(
                f"It was deployed from the registry {spec.registry or 'in the data folder'}, and this process is set "
                f"to {here or 'the one in the data folder'}: set MLFLOW_TRACKING_URI as it was, or deploy again."
            )

    # --------------------------------------------------------------- workers

    async def _start(
        self, spec: EndpointSpec, place: Place, listening: socket.socket, grpc: socket.socket | None
    ) -> Worker:
        self._numbers += 1
        address = ("", None) if grpc is None else grpc.getsockname()[:2]
        orders = Orders(
            home=str(self._home.root),
            token_file=str(self._folder.token_file),
            body_bytes=spec.body_bytes,
            waiting=spec.waiting,
            deadline=spec.deadline,
            log_rate=spec.log_rate,
            bound=spec.bound,
            privacy=spec.privacy,
            events=spec.events,
            anyway=spec.environment == "server",
            access_log=str(self._folder.access_log) if spec.access_log else None,
            grpc_host=address[0],
            grpc_port=address[1],
        )
        handlers = {"metrics": self._metrics, "traffic": self._lately}
        return await Worker.start(self._numbers, orders, place, listening, self._log, handlers)

    async def _watch(self, worker: Worker, listening: socket.socket) -> None:
        """Replace *worker* when it dies."""
        code = await worker.ended()
        if worker not in self._workers:  # it was told to
            return
        self._workers.remove(worker)
        self._say(f"worker {worker.number} ({worker.pid}) ended with {code}")
        await self._report()
        lived = time.monotonic() - worker.started
        if self._filling is None or self._filling.done():
            self._filling = self._begin(self._fill(listening, 0 if lived > STEADY_SECONDS else 1))

    async def _fill(self, listening: socket.socket, failures: int) -> None:
        """Start workers until there are enough again."""
        while True:
            await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
            failures += 1
            async with self._changing:
                served, plan = self._served, self._plan
                if served is None or plan is None or len(self._workers) >= served.spec.workers:
                    return
                try:
                    worker = await self._start(served.spec, self._place, listening, self._grpc)
                except OSError as error:
                    self._say(f"no worker can be started: {error}")
                    continue
                try:
                    await _put(worker, plan)
                except (CallError, GoneError) as error:
                    self._say(f"worker {worker.number} cannot serve: {str(error) or GONE}")
                    worker.kill()
                    await worker.ended()
                    continue
                except BaseException:
                    worker.kill()
                    raise
                self._workers.append(worker)
                self._begin(self._watch(worker, listening))
                self._say(f"worker {worker.number} ({worker.pid}) serves")
            await self._report()

    # --------------------------------------------------------------- canary

    async def _judge(self) -> None:
        """Keep count of what is answered, and take a canary back as soon as it does worse than it may."""
        while True:
            await asyncio.sleep(JUDGE_SECONDS)
            with contextlib.suppress(OSError):
                self._folder.rotate_access_log()
            self._environments.touch(TOUCH_SECONDS)
            counts = await self._counts()
            self._traffic.observe(time.time(), counts)
            trial, served = self._trial, self._served
            if trial is None or served is None:
                continue
            reason = trial.observe(time.monotonic(), counts)
            if reason is not None:
                await self._roll_back(trial, served, reason)

    async def _counts(self) -> dict[str, Counts]:
        answers = await asyncio.gather(*(worker.call("counts") for worker in self._workers), return_exceptions=True)
        counts = [(v, Counts.of(plain)) for a in answers if isinstance(a, dict) for v, plain in a.items()]
        return {version: total(part for v, part in counts if v == version) for version, _ in counts}

    async def _roll_back(self, trial: Trial, served: Rollout, reason: str) -> None:
        async with self._changing:
            if self._trial is not trial:  # something else is served meanwhile
                return
            self._trial = None
            spec = rollouts.without_canary(served.spec)
            plan = rollouts.plan_of(spec, served.versions)
            self._served, self._plan = dataclasses.replace(served, spec=spec), plan
            await asyncio.gather(*(_put(worker, plan) for worker in self._workers), return_exceptions=True)
            message = f"took {served.spec.model}/{trial.version} back: {reason}"
            self._say(message)
            self._status = self._now(message=message)
            await asyncio.to_thread(self._store.settle, self._name, served.generation, self._served, self._status)

    # --------------------------------------------------------------- reports

    async def _metrics(self, _: Any) -> str:
        """The metrics of all workers, for the one that was asked."""

        async def of(worker: Worker) -> tuple[str, tuple[Family, ...]] | None:
            with contextlib.suppress(CallError, GoneError, TimeoutError):
                async with asyncio.timeout(METRICS_SECONDS):
                    return str(worker.number), from_plain(tuple[Family, ...], await worker.call("metrics"))
            return None

        found = await asyncio.gather(*map(of, self._workers))
        return together(dict(filter(None, found))).decode()

    async def _lately(self, _: Any) -> dict[str, object]:
        """What all workers have lately answered, for the one that was asked."""
        return self._traffic.plain()

    def _now(self, **changes: Any) -> EndpointStatus:
        pids = tuple(worker.pid for worker in self._workers)
        return dataclasses.replace(self._status, workers=pids, time=time.time(), **changes)

    async def _report(self, **changes: Any) -> None:
        self._status = self._now(**changes)
        await asyncio.to_thread(self._store.report, self._name, self._status)

    async def _tell(self, message: str) -> None:
        """Tell whoever looks that an environment is made."""
        self._say(message)
        await self._report(message=message, making=True)

    def _say(self, message: str) -> None:
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {self._name}: {message}", file=sys.stderr, flush=True)  # noqa: T201


def _as_served(endpoint: Endpoint) -> Rollout | None:
    """What is wanted, where it was served before by another keeper or other workers: no alias is looked up again."""
    served = endpoint.served
    if served is None or served.generation != endpoint.generation:
        return None
    return dataclasses.replace(served, spec=endpoint.spec)


def _needs(rollout: Rollout) -> Needs:
    return Needs(rollout.python, rollout.requirements, rollout.constraints)


def _extras(spec: EndpointSpec, grpc: socket.socket | None) -> tuple[str, ...]:
    """What workers need besides to serve *spec*."""
    return (*(GRPC if grpc is not None else ()), *(ONNX if spec.bound else ()))


def _port(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])


async def _put(worker: Worker, plan: Plan) -> None:
    await worker.call("prepare", plan)
    await worker.call("commit")


def main() -> None:
    """Keep the endpoint that the command line names, in a process of its own that nobody waits for."""
    if os.fork():
        os._exit(0)
    os.setsid()
    name = sys.argv[1]
    home = Home.find()
    folder = EndpointFolder.of(home, name)
    with folder.open_log() as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        claim = folder.claim()
        if claim is not None:  # else another one keeps it
            asyncio.run(Keeper(home, name, log).run())


if __name__ == "__main__":
    main()
