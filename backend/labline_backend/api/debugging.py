"""Into a failure, and on from there: ``/runs/{run}/steps/{step}/replay``, ``/kept-processes``, ``/runs/{run}/resume``.

No kernel is started here, and nothing unpickled: a client starts one as Jupyter lets it, and runs what it is told.
"""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import confined, served
from labline_backend.debugging.kept import kept, release
from labline_backend.debugging.replays import prepare
from labline_backend.debugging.resuming import resume_with
from labline_backend.service import Service


class ReplayHandler(LablineHandler):
    """The way to where a step failed."""

    @authenticated
    @authorized
    async def post(self, run: str, step: str) -> None:
        """Say what a kernel has to run."""

        def say(service: Service) -> wire.Document:
            replay = prepare(service, run, step)
            return {**replay.document, "path": served(self.contents_manager, replay.notebook)}

        await self.answer(say)


class KeptProcessesHandler(LablineHandler):
    """The processes of failed steps that have stayed for a debugger."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Those of all runs, newest first."""
        await self.answer(lambda service: {"processes": [wire.kept_process(each) for each in kept(service)]})


class ReleaseHandler(LablineHandler):
    """The wish that a process goes that has stayed."""

    @authenticated
    @authorized
    async def post(self, run: str, step: str) -> None:
        """Have it go."""
        await self.answer(lambda service: {"released": release(service, run, step)})


class ResumeHandler(LablineHandler):
    """The wish that a run goes on."""

    @authenticated
    @authorized
    async def post(self, run: str) -> None:
        """Go on with a run that has stopped, with its notebook as it is now."""
        request = await self.body("resumeRun")

        def resume(service: Service) -> wire.Document:
            path = confined(self.contents_manager, request["path"])
            record = resume_with(service, run, path, notebook=request["path"], content=request.get("content"))
            return service.detail(record.id)

        await self.answer(resume, status=202)
