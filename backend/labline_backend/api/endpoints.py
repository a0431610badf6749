"""``/endpoints``: deployed models. They are asked through ``labline/endpoints/NAME/``, not here."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler
from labline_backend.endpoints.deploying import Wish
from labline_backend.service import Service

STOP_SECONDS = 5.0  # an answer does not wait longer; the endpoint goes on stopping


class EndpointsHandler(LablineHandler):
    """All of them."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Every endpoint, by name."""
        await self.answer(lambda service: {"endpoints": [wire.endpoint(each) for each in service.endpoints.all()]})

    @authenticated
    @authorized
    async def post(self) -> None:
        """Have one serve something, whether it is there or not."""
        request = await self.body("deployModel")
        await self.answer(lambda service: wire.endpoint(service.endpoints.deploy(Wish(**request))), status=202)


class EndpointHandler(LablineHandler):
    """One of them, by its name."""

    @authenticated
    @authorized
    async def get(self, endpoint: str) -> None:
        """How it is."""
        await self.answer(lambda service: wire.endpoint(service.endpoints.get(endpoint)))

    @authenticated
    @authorized
    async def patch(self, endpoint: str) -> None:
        """Have it run another number of workers."""
        workers = (await self.body("scaleEndpoint"))["workers"]
        await self.answer(lambda service: wire.endpoint(service.endpoints.scale(endpoint, workers)), status=202)

    @authenticated
    @authorized
    async def delete(self, endpoint: str) -> None:
        """Stop it and forget it."""
        await self.answer(lambda service: wire.endpoint(service.endpoints.remove(endpoint)))


class StopEndpointHandler(LablineHandler):
    """The end of one."""

    @authenticated
    @authorized
    async def post(self, endpoint: str) -> None:
        """Have it stop."""
        await self.answer(lambda service: wire.endpoint(service.endpoints.stop(endpoint, STOP_SECONDS)), status=202)


class EndpointLogHandler(LablineHandler):
    """What one printed."""

    @authenticated
    @authorized
    async def get(self, endpoint: str) -> None:
        """The end of it."""
        asked = await self.query("readEndpointLog")

        def read(service: Service) -> wire.Document:
            read_log = service.endpoints.access_log if asked["access"] else service.endpoints.log
            return {"text": read_log(endpoint, asked["lines"])}

        await self.answer(read)


class EndpointTrafficHandler(LablineHandler):
    """What one has lately answered."""

    @authenticated
    @authorized
    async def get(self, endpoint: str) -> None:
        """The last minutes, in short stretches."""
        await self.answer(lambda service: service.endpoints.traffic(endpoint))
