"""``/targets/{target}/recurring-runs``: runs that a target begins by itself."""

from __future__ import annotations

import dataclasses

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import recurring, wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import confined
from labline_backend.service import Service


class RecurringRunsHandler(LablineHandler):
    """Those of a target."""

    @authenticated
    @authorized
    async def get(self, target: str) -> None:
        """All there are, whoever made them, by name."""
        await self.answer(
            lambda service: {"recurring_runs": [dataclasses.asdict(each) for each in recurring.all_(service, target)]}
        )

    @authenticated
    @authorized
    async def post(self, target: str) -> None:
        """Make one of a notebook as it is now."""
        request = await self.body("createRecurringRun")

        def add(service: Service) -> wire.Document:
            added, _ = recurring.add(
                service,
                confined(self.contents_manager, request["path"]),
                notebook=request["path"],
                content=request.get("content"),
                target=target,
                cron=request["cron"],
                name=request.get("name"),
                parameters=request.get("parameters"),
                cache=request["cache"],
            )
            return dataclasses.asdict(added)

        await self.answer(add, status=201)


class RecurringRunHandler(LablineHandler):
    """One of them, by its id."""

    @authenticated
    @authorized
    async def patch(self, target: str, recurring_run: str) -> None:
        """Have it pause, or go on."""
        paused = (await self.body("pauseRecurringRun"))["paused"]
        await self.answer(
            lambda service: dataclasses.asdict(recurring.pause(service, target, recurring_run, paused=paused))
        )

    @authenticated
    @authorized
    async def delete(self, target: str, recurring_run: str) -> None:
        """Have it begin no more runs."""
        await self.answer(lambda service: dataclasses.asdict(recurring.remove(service, target, recurring_run)))
