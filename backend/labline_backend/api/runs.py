"""``/runs``: list, start, look at, go on with, clone, keep and cancel runs."""

from __future__ import annotations

from pathlib import Path

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import called, confined
from labline_backend.cloning import clone
from labline_backend.service import Service
from labline_compiler.selection import Selection


class RunsHandler(LablineHandler):
    """All runs."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Runs, newest first."""
        query = await self.query("listRuns")
        await self.answer(lambda service: {"runs": service.runs(**query)})

    @authenticated
    @authorized
    async def post(self) -> None:
        """Start a run."""
        request = await self.body("createRun")

        def start(service: Service) -> wire.Document:
            record = service.run(
                confined(self.contents_manager, request["path"]),
                notebook=request["path"],
                content=request.get("content"),
                parameters=request.get("parameters"),
                cache=request["cache"],
                target=request["target"],
                observed=request["observed"],
                selection=Selection(request.get("from"), request.get("to"), request.get("only")),
                timeout=request.get("timeout"),
                priority=request["priority"],
                post_mortem=request["post_mortem"],
            )
            return service.detail(record.id)

        await self.answer(start, status=201)


class RunHandler(LablineHandler):
    """One run."""

    @authenticated
    @authorized
    async def get(self, run: str) -> None:
        """A run with its graph, steps, metrics and values."""
        await self.answer(lambda service: service.detail(run))


class CloneHandler(LablineHandler):
    """The wish for a run once more."""

    @authenticated
    @authorized
    async def post(self, run: str) -> None:
        """Start a run like this one, with its notebook as it was then."""
        request = await self.body("cloneRun")

        def start(service: Service) -> wire.Document:
            record = service.get(run)
            called(self.contents_manager, Path(record.folder, Path(record.notebook).name))
            cloned = clone(service, run, parameters=request.get("parameters"), target=request.get("target"))
            return service.detail(cloned.id)

        await self.answer(start, status=201)


class RetryHandler(LablineHandler):
    """The wish that a run goes on as it is."""

    @authenticated
    @authorized
    async def post(self, run: str) -> None:
        """Go on with a run that was interrupted, or with one of a target that has stopped there."""
        await self.answer(lambda service: service.detail(service.resume(run).id), status=202)


class KeepHandler(LablineHandler):
    """The wish to keep a run's values."""

    @authenticated
    @authorized
    async def post(self, run: str) -> None:
        """Keep a run's values, or not."""
        request = await self.body("keepRun")
        await self.answer(lambda service: service.keep(run, request["kept"]))


class CancelHandler(LablineHandler):
    """The wish to cancel a run."""

    @authenticated
    @authorized
    async def post(self, run: str) -> None:
        """Cancel a run."""
        await self.answer(lambda service: service.cancel(run), status=202)
