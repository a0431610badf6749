"""``/runs/{run}/steps/{step}``: what a step wrote, and its executed cells."""

from __future__ import annotations

import dataclasses

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend.api.base import LablineHandler


class LogHandler(LablineHandler):
    """A step's standard output and error."""

    @authenticated
    @authorized
    async def get(self, run: str, step: str) -> None:
        """A part of the log."""
        query = await self.query("getLog")
        await self.answer(lambda service: dataclasses.asdict(service.log(run, step, **query)))


class ExecutedNotebookHandler(LablineHandler):
    """A step's executed cells with their outputs."""

    @authenticated
    @authorized
    async def get(self, run: str, step: str) -> None:
        """The executed notebook, as far as the step has come."""
        await self.answer(lambda service: service.executed_notebook(run, step))
