"""``/packages``: models made of a notebook's prediction. What comes of one is asked for by its id."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import confined
from labline_backend.service import Service


class PackagesHandler(LablineHandler):
    """Packagings."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Start one."""
        request = await self.body("packageModel")

        from labline_backend.packaging.project import Options

        def start(service: Service) -> wire.Document:
            options = Options(
                request["predict"], request.get("name"), request.get("input"), request["tolerance"], request["rows"]
            )
            path = confined(self.contents_manager, request["path"])
            return wire.packaging(self.labline.packagings.start(service, path, request["path"], options))

        await self.answer(start, status=202)


class PackageHandler(LablineHandler):
    """One of them."""

    @authenticated
    @authorized
    async def get(self, package: str) -> None:
        """How far it has come, and what came of it."""
        await self.answer(lambda _: wire.packaging(self.labline.packagings.get(package)))
