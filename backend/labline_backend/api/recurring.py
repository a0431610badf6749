"""``/targets/{target}/recurring-runs``: runs that begin by themselves; ``/schedules``: what a timing means."""

from __future__ import annotations

import dataclasses
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import recurring, wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import confined
from labline_backend.recurrence.recurring import Change, Wish
from labline_backend.recurrence.timing import Timing
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
                _timing(request),
                Wish(request.get("name"), request["catch_up"], request["at_most"], request["cache"]),
                notebook=request["path"],
                content=request.get("content"),
                target=target,
                parameters=request.get("parameters"),
            )
            return dataclasses.asdict(added)

        await self.answer(add, status=201)
        self.labline.clock.wake()


class RecurringRunHandler(LablineHandler):
    """One of them, by its id."""

    @authenticated
    @authorized
    async def patch(self, target: str, recurring_run: str) -> None:
        """Have it be another in what is said, pause, or go on."""
        request = await self.body("changeRecurringRun")

        def change(service: Service) -> wire.Document:
            paused, identifier = request.pop("paused", None), recurring_run
            if request or paused is None:
                changed = recurring.edit(service, identifier, _change(request), target=target)
                identifier = changed.id
            if paused is not None:
                changed = recurring.pause(service, identifier, paused=paused, target=target)
            return dataclasses.asdict(changed)

        await self.answer(change)
        self.labline.clock.wake()

    @authenticated
    @authorized
    async def delete(self, target: str, recurring_run: str) -> None:
        """Have it begin no more runs."""
        await self.answer(lambda service: dataclasses.asdict(recurring.remove(service, recurring_run, target=target)))


class SchedulesHandler(LablineHandler):
    """When a recurring run would begin its runs."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Say what a timing means; nothing is made."""
        request = await self.body("readSchedule")
        await self.answer(
            lambda service: dataclasses.asdict(recurring.foresee(service, _timing(request), target=request["target"]))
        )


def _timing(request: dict[str, Any]) -> Timing:
    return Timing(request.get("cron"), request.get("interval"), request.get("time_zone"))


def _change(request: dict[str, Any]) -> Change:
    timing = _timing(request)
    named = {name: request.get(name) for name in ("name", "catch_up", "at_most", "parameters")}
    return Change(None if timing == Timing() else timing, **named)
