"""``/forecasts``: what running a notebook would do."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import confined
from labline_backend.planning import forecast
from labline_backend.service import Service
from labline_compiler.selection import Selection


class ForecastsHandler(LablineHandler):
    """Forecasts."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Foresee a run of a notebook."""
        request = await self.body("forecastRun")

        def foreseen(service: Service) -> wire.Document:
            path = confined(self.contents_manager, request["path"])
            found = forecast(
                service,
                path,
                notebook=request["path"],
                content=request.get("content"),
                parameters=request.get("parameters"),
                cache=request["cache"],
                target=request["target"],
                observed=request["observed"],
                selection=Selection(request.get("from"), request.get("to"), request.get("only")),
            )
            return wire.forecast(found)

        await self.answer(foreseen)
